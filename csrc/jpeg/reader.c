/* The entry points: each arms the escape, runs libjpeg, and leaves with a code. Between setjmp and the end
 * of libjpeg's work no local variable changes, so that a jump finds all of them as they were. */
#include "jpeg/reader.h"

#include <stdlib.h>
#include <string.h>

#include "jpeg/private.h"

dctd_reader* dctd_reader_new(void) { return calloc(1, sizeof(dctd_reader)); }

void dctd_reader_free(dctd_reader* reader) {
  if (reader == NULL) return;
  dctd_arena_free(&reader->arena);
  free(reader);
}

void dctd_reader_trim(dctd_reader* reader, size_t keep_bytes) {
  if (reader->arena.capacity_bytes > keep_bytes) dctd_arena_free(&reader->arena);
}

static dctd_color_space color_space_of(J_COLOR_SPACE color_space) {
  switch (color_space) {
    case JCS_GRAYSCALE:
      return DCTD_GRAY;
    case JCS_YCbCr:
      return DCTD_YCBCR;
    case JCS_RGB:
      return DCTD_RGB;
    case JCS_CMYK:
      return DCTD_CMYK;
    case JCS_YCCK:
      return DCTD_YCCK;
    default:
      return DCTD_UNKNOWN;
  }
}

static void copy_quant(dctd_component* component, const JQUANT_TBL* table) {
  component->has_quant = table != NULL;
  for (int k = 0; k < 64; ++k) component->quant[k] = table != NULL ? table->quantval[k] : 0;
}

static void describe(dctd_reader* reader, dctd_image* image) {
  const struct jpeg_decompress_struct* cinfo = &reader->cinfo;
  if (cinfo->num_components > DCTD_MAX_COMPONENTS) {
    dctd_fail(reader, DCTD_UNSUPPORTED, "%d components; at most %d are read", cinfo->num_components,
              DCTD_MAX_COMPONENTS);
  }
  memset(image, 0, sizeof *image);
  image->height_px = (int)cinfo->image_height;
  image->width_px = (int)cinfo->image_width;
  image->precision_bits = cinfo->data_precision;
  image->num_components = cinfo->num_components;
  image->h_max = cinfo->max_h_samp_factor;
  image->v_max = cinfo->max_v_samp_factor;
  image->color_space = color_space_of(cinfo->jpeg_color_space);
  image->progressive = cinfo->progressive_mode;
  image->arithmetic = cinfo->arith_code;
  image->restart_interval = (int)cinfo->restart_interval;
  for (int c = 0; c < cinfo->num_components; ++c) {
    const jpeg_component_info* from = &cinfo->comp_info[c];
    dctd_component* to = &image->components[c];
    to->id = from->component_id;
    to->h = from->h_samp_factor;
    to->v = from->v_samp_factor;
    to->quant_selector = from->quant_tbl_no;
    to->height_blocks = (int)from->height_in_blocks;
    to->width_blocks = (int)from->width_in_blocks;
    to->height_samples = (int)from->downsampled_height;
    to->width_samples = (int)from->downsampled_width;
    const int named = from->quant_tbl_no >= 0 && from->quant_tbl_no < NUM_QUANT_TBLS;
    copy_quant(to, named ? cinfo->quant_tbl_ptrs[from->quant_tbl_no] : NULL);
  }
}

/* Creates the decompressor and reads up to the first scan. Fails by jumping. */
static void open_image(dctd_reader* reader) {
  dctd_install_errors(reader);
  jpeg_create_decompress(&reader->cinfo);
  reader->cinfo.client_data = reader;
  dctd_install_source(reader);
  jpeg_read_header(&reader->cinfo, TRUE);
}

static void note_missing_huffman_tables(dctd_reader* reader) {
  const struct jpeg_decompress_struct* cinfo = &reader->cinfo;
  if (cinfo->arith_code) return;
  for (int i = 0; i < cinfo->comps_in_scan; ++i) {
    const jpeg_component_info* component = cinfo->cur_comp_info[i];
    const int dc = component->dc_tbl_no, ac = component->ac_tbl_no;
    if (dc < NUM_HUFF_TBLS && ac < NUM_HUFF_TBLS &&
        (cinfo->dc_huff_tbl_ptrs[dc] == NULL ||
         (!cinfo->progressive_mode && cinfo->ac_huff_tbl_ptrs[ac] == NULL))) {
      dctd_note(reader,
                "no Huffman tables: the standard ones (T.81 annex K.3) are assumed, as for Motion JPEG");
      return;
    }
  }
}

/* What libjpeg never reports, warning or error (a scan that never comes, a progression that stops early).
 * Only what is wanted has to be whole: scans of other frequencies may have been left out on purpose. */
static void check_complete(dctd_reader* reader) {
  const struct jpeg_decompress_struct* cinfo = &reader->cinfo;
  for (int c = 0; c < cinfo->num_components; ++c) {
    const uint64_t wanted = reader->options.wanted[c];
    if (wanted == 0) continue;
    if (cinfo->comp_info[c].quant_table == NULL) {
      dctd_defect(reader, DCTD_CORRUPT, "component %d has no scan", c);
      continue;
    }
    for (int k = 0; cinfo->coef_bits != NULL && k < 64; ++k) {
      if ((wanted >> k & 1) != 0 && cinfo->coef_bits[c][k] != 0) {
        dctd_defect(reader, DCTD_CORRUPT, "the progression stops early: component %d lacks scans", c);
        break;
      }
    }
  }
}

static void locate(dctd_reader* reader, jvirt_barray_ptr* arrays, dctd_image* image) {
  j_common_ptr common = (j_common_ptr)&reader->cinfo;
  for (int c = 0; c < image->num_components; ++c) {
    const jpeg_component_info* from = &reader->cinfo.comp_info[c];
    dctd_component* to = &image->components[c];
    JBLOCKARRAY rows = reader->cinfo.mem->access_virt_barray(common, arrays[c], 0, 1, FALSE);
    to->coefficients = &rows[0][0][0];
    to->stride_blocks = (size_t)((to->width_blocks + to->h - 1) / to->h) * (size_t)to->h;
    copy_quant(to, from->quant_table);
  }
}

static void begin(dctd_reader* reader, const uint8_t* bytes, size_t size, dctd_result* result) {
  memset(&reader->cinfo, 0, sizeof reader->cinfo); /* jpeg_destroy is legal from here on */
  reader->cinfo.client_data = reader;
  memset(&reader->source, 0, sizeof reader->source);
  memset(result, 0, sizeof *result);
  reader->bytes = bytes;
  reader->size = size;
  reader->result = result;
}

dctd_code dctd_read_header(dctd_reader* reader, const uint8_t* bytes, size_t size, dctd_image* image,
                           dctd_result* result) {
  begin(reader, bytes, size, result);
  memset(&reader->options, 0, sizeof reader->options);
  if (setjmp(reader->escape) == 0) {
    open_image(reader);
    describe(reader, image);
  }
  jpeg_destroy_decompress(&reader->cinfo);
  return result->code;
}

dctd_code dctd_read_coefficients(dctd_reader* reader, const uint8_t* bytes, size_t size,
                                 const dctd_options* options, dctd_image* image, dctd_result* result) {
  begin(reader, bytes, size, result);
  reader->options = *options;
  if (setjmp(reader->escape) == 0) {
    open_image(reader);
    describe(reader, image);
    note_missing_huffman_tables(reader);
    dctd_install_arena(reader);
    dctd_install_progress(reader);
    locate(reader, jpeg_read_coefficients(&reader->cinfo), image);
    check_complete(reader);
  }
  /* The arena is ours, so the coefficients outlive the decompressor. */
  jpeg_destroy_decompress(&reader->cinfo);
  return result->code;
}
