/* Quantised coefficients to a JPEG.
 *
 * libjpeg takes them from "virtual arrays", through a function of its memory manager that is ours: the
 * arrays are rows of the caller's memory, nothing is copied. As libjpeg asks for a row the first time, its
 * values are checked, while they are about to be in the cache anyway. */
#include "jpeg/writer.h"

#include <stdlib.h>
#include <string.h>

#include "jpeg/private.h"

enum { MAX_AC = 1023, MAX_DC_SPAN = 2047, MAX_BLOCKS_IN_MCU = 10, MAX_DIVISOR = 255 };

static J_COLOR_SPACE color_space_of(dctd_writer* writer, dctd_color_space color_space) {
  switch (color_space) {
    case DCTD_GRAY:
      return JCS_GRAYSCALE;
    case DCTD_YCBCR:
      return JCS_YCbCr;
    case DCTD_RGB:
      return JCS_RGB;
    case DCTD_CMYK:
      return JCS_CMYK;
    case DCTD_YCCK:
      return JCS_YCCK;
    case DCTD_UNKNOWN:
      break;
  }
  dctd_refuse(writer, DCTD_UNSUPPORTED, "components of unknown meaning are not written");
}

static void check_divisors(dctd_writer* writer, int c) {
  const dctd_component* component = &writer->image->components[c];
  if (!component->has_quant) {
    dctd_refuse(writer, DCTD_UNSUPPORTED, "component %d has no quantisation table", c);
  }
  for (int k = 0; k < 64; ++k) {
    if (component->quant[k] < 1 || component->quant[k] > MAX_DIVISOR) {
      dctd_refuse(writer, DCTD_UNSUPPORTED,
                  "a baseline JPEG has 8-bit quantisation tables, without zeros; component %d has %d", c,
                  component->quant[k]);
    }
  }
}

/* A slot that holds this table, or a free one. Four components, four slots: there always is one. */
static int slot_of(j_compress_ptr cinfo, const uint16_t* quant) {
  int slot = 0;
  for (; slot < NUM_QUANT_TBLS - 1 && cinfo->quant_tbl_ptrs[slot] != NULL; ++slot) {
    int same = 1;
    for (int k = 0; same && k < 64; ++k) same = cinfo->quant_tbl_ptrs[slot]->quantval[k] == quant[k];
    if (same) return slot;
  }
  JQUANT_TBL* table = jpeg_alloc_quant_table((j_common_ptr)cinfo);
  for (int k = 0; k < 64; ++k) table->quantval[k] = quant[k];
  cinfo->quant_tbl_ptrs[slot] = table;
  return slot;
}

/* libjpeg computes the grids anew, and reads as many blocks. */
static void check_grid(dctd_writer* writer, int c) {
  const dctd_image* image = writer->image;
  const dctd_component* component = &image->components[c];
  int h_max = 1, v_max = 1;
  for (int i = 0; i < image->num_components; ++i) {
    if (image->components[i].h > h_max) h_max = image->components[i].h;
    if (image->components[i].v > v_max) v_max = image->components[i].v;
  }
  const int64_t height = (int64_t)image->height_px * component->v,
                width = (int64_t)image->width_px * component->h;
  if (component->height_blocks != (height + 8 * v_max - 1) / (8 * v_max) ||
      component->width_blocks != (width + 8 * h_max - 1) / (8 * h_max)) {
    dctd_refuse(writer, DCTD_UNSUPPORTED, "component %d has another grid than the image", c);
  }
}

static void describe(dctd_writer* writer) {
  const dctd_image* image = writer->image;
  j_compress_ptr cinfo = &writer->cinfo;
  if (image->width_px < 1 || image->height_px < 1) {
    dctd_refuse(writer, DCTD_UNSUPPORTED, "an image without pixels is not written");
  }
  cinfo->image_width = (JDIMENSION)image->width_px;
  cinfo->image_height = (JDIMENSION)image->height_px;
  cinfo->input_components = image->num_components;
  cinfo->in_color_space = JCS_UNKNOWN;
  jpeg_set_defaults(cinfo);
  jpeg_set_colorspace(cinfo, color_space_of(writer, image->color_space));
  if (cinfo->num_components != image->num_components) {
    dctd_refuse(writer, DCTD_UNSUPPORTED, "the colour space does not have %d components",
                image->num_components);
  }
  for (int slot = 0; slot < NUM_QUANT_TBLS; ++slot) cinfo->quant_tbl_ptrs[slot] = NULL;
  for (int c = 0; c < image->num_components; ++c) {
    check_grid(writer, c);
    check_divisors(writer, c);
    cinfo->comp_info[c].h_samp_factor = image->components[c].h;
    cinfo->comp_info[c].v_samp_factor = image->components[c].v;
    cinfo->comp_info[c].quant_tbl_no = slot_of(cinfo, image->components[c].quant);
  }
  cinfo->density_unit = (UINT8)writer->options.density.unit;
  cinfo->X_density = (UINT16)writer->options.density.x;
  cinfo->Y_density = (UINT16)writer->options.density.y;
}

static void copy_codes(JHUFF_TBL* to, const dctd_codes* from) {
  memcpy(to->bits, from->bits, sizeof from->bits);
  memcpy(to->huffval, from->values, sizeof from->values);
}

static void choose_tables(dctd_writer* writer) {
  const dctd_huffman* huffman = writer->options.huffman;
  j_compress_ptr cinfo = &writer->cinfo;
  cinfo->optimize_coding = huffman == NULL || cinfo->scan_info != NULL;
  for (int i = 0; !cinfo->optimize_coding && i < 2; ++i) {
    copy_codes(cinfo->dc_huff_tbl_ptrs[i], &huffman->dc[i]);
    copy_codes(cinfo->ac_huff_tbl_ptrs[i], &huffman->ac[i]);
  }
}

static void add_scan(dctd_writer* writer, int component, int first, int last) {
  jpeg_scan_info* scan = &writer->scans[writer->cinfo.num_scans++];
  memset(scan, 0, sizeof *scan);
  scan->comps_in_scan = 1;
  scan->component_index[0] = component;
  scan->Ss = first;
  scan->Se = last;
}

/* One interleaved scan, or libjpeg's own progression; where an MCU of all components would be larger than
 * T.81 B.2.3 allows, scans of one component each. */
static void choose_scans(dctd_writer* writer) {
  j_compress_ptr cinfo = &writer->cinfo;
  const int progressive = writer->options.progressive;
  int blocks_in_mcu = 0;
  for (int c = 0; c < cinfo->num_components; ++c) {
    blocks_in_mcu += cinfo->comp_info[c].h_samp_factor * cinfo->comp_info[c].v_samp_factor;
  }
  if (cinfo->num_components == 1 || blocks_in_mcu <= MAX_BLOCKS_IN_MCU) {
    if (progressive) jpeg_simple_progression(cinfo);
    return;
  }
  for (int c = 0; c < cinfo->num_components; ++c) add_scan(writer, c, 0, progressive ? 0 : 63);
  for (int c = 0; progressive && c < cinfo->num_components; ++c) add_scan(writer, c, 1, 63);
  cinfo->scan_info = writer->scans;
}

static void reserve_rows(dctd_writer* writer, size_t count) {
  if (count <= writer->rows_capacity) return;
  free(writer->rows);
  writer->rows_capacity = 0;
  writer->rows = malloc(count * sizeof *writer->rows);
  if (writer->rows == NULL) dctd_refuse(writer, DCTD_NO_MEMORY, "no memory");
  writer->rows_capacity = count;
}

/* libjpeg asks for whole rows of MCUs, and reads the real blocks of them. */
static size_t padded_rows(const dctd_component* component) {
  return (size_t)((component->height_blocks + component->v - 1) / component->v) * (size_t)component->v;
}

static void lay_out(dctd_writer* writer, jvirt_barray_ptr* arrays) {
  const dctd_image* image = writer->image;
  size_t count = 0;
  for (int c = 0; c < image->num_components; ++c) count += padded_rows(&image->components[c]);
  reserve_rows(writer, count);
  JBLOCKROW* row = writer->rows;
  for (int c = 0; c < image->num_components; ++c) {
    const dctd_component* component = &image->components[c];
    const size_t last = (size_t)component->height_blocks - 1;
    struct jvirt_barray_control* array = arrays[c] = &writer->arrays[c];
    array->blocks_per_row = (JDIMENSION)component->width_blocks;
    array->num_rows = (JDIMENSION)padded_rows(component);
    array->rows = row;
    for (size_t i = 0; i < array->num_rows; ++i) { /* libjpeg's type has no const; it does not write */
      const size_t at = 64 * component->stride_blocks * (i < last ? i : last);
      *row++ = (JBLOCKROW)(uintptr_t)(component->coefficients + at);
    }
    writer->checked_rows[c] = 0;
    writer->dc_low[c] = writer->dc_high[c] = 0;
  }
}

static void check_row(dctd_writer* writer, int c, const int16_t* blocks, JDIMENSION num_blocks) {
  int16_t low[64] = {0}, high[64] = {0};
  for (JDIMENSION j = 0; j < num_blocks; ++j) {
    const int16_t* block = blocks + 64 * (size_t)j;
    for (int k = 0; k < 64; ++k) low[k] = block[k] < low[k] ? block[k] : low[k];
    for (int k = 0; k < 64; ++k) high[k] = block[k] > high[k] ? block[k] : high[k];
  }
  for (int k = 1; k < 64; ++k) {
    if (low[k] < -MAX_AC || high[k] > MAX_AC) {
      dctd_refuse(writer, DCTD_UNSUPPORTED,
                  "component %d has the AC coefficient %d, and a baseline JPEG holds -%d to %d", c,
                  low[k] < -MAX_AC ? low[k] : high[k], MAX_AC, MAX_AC);
    }
  }
  if (low[0] < writer->dc_low[c]) writer->dc_low[c] = low[0];
  if (high[0] > writer->dc_high[c]) writer->dc_high[c] = high[0];
  if (writer->dc_high[c] - writer->dc_low[c] > MAX_DC_SPAN) {
    dctd_refuse(writer, DCTD_UNSUPPORTED,
                "component %d has DC coefficients from %d to %d, and a baseline JPEG holds steps up to %d", c,
                writer->dc_low[c], writer->dc_high[c], MAX_DC_SPAN);
  }
}

static JBLOCKARRAY on_access(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION start_row,
                             JDIMENSION num_rows, boolean writable) {
  (void)writable;
  dctd_writer* writer = dctd_writer_of(cinfo);
  if (start_row > array->num_rows || num_rows > array->num_rows - start_row) {
    dctd_refuse(writer, DCTD_CORRUPT, "block rows outside the image were asked for");
  }
  const int c = (int)(array - writer->arrays);
  const JDIMENSION real_rows = (JDIMENSION)writer->image->components[c].height_blocks;
  for (JDIMENSION* i = &writer->checked_rows[c]; *i < start_row + num_rows && *i < real_rows; ++*i) {
    check_row(writer, c, &array->rows[*i][0][0], array->blocks_per_row);
  }
  return array->rows + start_row;
}

static void write_segments(dctd_writer* writer) {
  for (size_t i = 0; i < writer->options.num_segments; ++i) {
    const dctd_segment* segment = &writer->options.segments[i];
    jpeg_write_marker(&writer->cinfo, segment->marker, segment->payload, (unsigned)segment->size);
  }
}

dctd_code dctd_write_coefficients(dctd_writer* writer, const dctd_image* image,
                                  const dctd_write_options* options, dctd_result* result) {
  jvirt_barray_ptr arrays[DCTD_MAX_COMPONENTS];
  dctd_begin_writing(writer, options, result);
  writer->image = image;
  if (setjmp(writer->escape) == 0) {
    dctd_create_compressor(writer);
    describe(writer);
    choose_scans(writer);
    choose_tables(writer);
    lay_out(writer, arrays);
    writer->cinfo.mem->access_virt_barray = on_access;
    jpeg_write_coefficients(&writer->cinfo, arrays);
    write_segments(writer);
    jpeg_finish_compress(&writer->cinfo);
  }
  jpeg_destroy_compress(&writer->cinfo);
  return result->code;
}
