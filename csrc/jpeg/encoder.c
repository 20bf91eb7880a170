/* Pixels to a JPEG that holds only some frequencies.
 *
 * libjpeg-turbo does everything, with its vector kernels: colour, subsampling, DCT, Huffman coding. What is
 * not wanted is quantised to zero, by a divisor that no coefficient reaches: libjpeg derives its divisors
 * from the tables in jpeg_start_compress, and writes the tables into the file later, at the first row. In
 * between they get their true values. */
#include <string.h>

#include "jpeg/private.h"

/* Twice the largest coefficient of 8-bit samples is about 2100, and libjpeg's arithmetic holds 8 times a
 * divisor in 16 bits. */
enum { NEVER_REACHED = 4095, ROWS_AT_ONCE = 32 };

typedef struct {
  UINT16 values[NUM_QUANT_TBLS][DCTSIZE2];
} true_tables;

/* Cb and Cr share libjpeg's table 1; where they keep different frequencies, Cr gets a copy. */
static void give_tables(j_compress_ptr cinfo, const dctd_encoding* encoding) {
  if (cinfo->num_components == 1 || encoding->kept[1] == encoding->kept[2]) return;
  JQUANT_TBL* copy = jpeg_alloc_quant_table((j_common_ptr)cinfo);
  memcpy(copy->quantval, cinfo->quant_tbl_ptrs[1]->quantval, sizeof copy->quantval);
  cinfo->quant_tbl_ptrs[2] = copy;
  cinfo->comp_info[2].quant_tbl_no = 2;
}

static void hide_unwanted(j_compress_ptr cinfo, const dctd_encoding* encoding, true_tables* tables) {
  for (int slot = 0; slot < NUM_QUANT_TBLS; ++slot) {
    const JQUANT_TBL* table = cinfo->quant_tbl_ptrs[slot];
    if (table != NULL) memcpy(tables->values[slot], table->quantval, sizeof tables->values[slot]);
  }
  for (int c = 0; c < cinfo->num_components; ++c) {
    JQUANT_TBL* table = cinfo->quant_tbl_ptrs[cinfo->comp_info[c].quant_tbl_no];
    for (int k = 0; k < DCTSIZE2; ++k) {
      if ((encoding->kept[c] >> k & 1) == 0) table->quantval[k] = NEVER_REACHED;
    }
  }
}

static void restore(j_compress_ptr cinfo, const true_tables* tables) {
  for (int slot = 0; slot < NUM_QUANT_TBLS; ++slot) {
    JQUANT_TBL* table = cinfo->quant_tbl_ptrs[slot];
    if (table != NULL) memcpy(table->quantval, tables->values[slot], sizeof table->quantval);
  }
}

static void describe(j_compress_ptr cinfo, const dctd_pixels* pixels, const dctd_encoding* encoding) {
  cinfo->image_width = (JDIMENSION)pixels->width_px;
  cinfo->image_height = (JDIMENSION)pixels->height_px;
  cinfo->input_components = pixels->channels;
  cinfo->in_color_space = pixels->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(cinfo);
  jpeg_set_quality(cinfo, encoding->quality, TRUE);
  cinfo->dct_method = JDCT_ISLOW;
  cinfo->comp_info[0].v_samp_factor = pixels->channels == 1 ? 1 : encoding->luma_v;
  cinfo->comp_info[0].h_samp_factor = pixels->channels == 1 ? 1 : encoding->luma_h;
  give_tables(cinfo, encoding);
}

static void feed(j_compress_ptr cinfo, const dctd_pixels* pixels) {
  JSAMPROW rows[ROWS_AT_ONCE];
  while (cinfo->next_scanline < cinfo->image_height) {
    const JDIMENSION left = cinfo->image_height - cinfo->next_scanline;
    const JDIMENSION count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
    for (JDIMENSION i = 0; i < count; ++i) { /* libjpeg's type has no const; it does not write */
      rows[i] = (JSAMPROW)(uintptr_t)(pixels->data + (cinfo->next_scanline + i) * pixels->stride_bytes);
    }
    jpeg_write_scanlines(cinfo, rows, count);
  }
}

dctd_code dctd_encode(dctd_writer* writer, const dctd_pixels* pixels, const dctd_encoding* encoding,
                      const dctd_write_options* options, dctd_result* result) {
  true_tables tables;
  dctd_begin_writing(writer, options, result);
  if (setjmp(writer->escape) == 0) {
    dctd_create_compressor(writer);
    describe(&writer->cinfo, pixels, encoding);
    hide_unwanted(&writer->cinfo, encoding, &tables);
    jpeg_start_compress(&writer->cinfo, TRUE);
    restore(&writer->cinfo, &tables);
    feed(&writer->cinfo, pixels);
    jpeg_finish_compress(&writer->cinfo);
  }
  jpeg_destroy_compress(&writer->cinfo);
  return result->code;
}
