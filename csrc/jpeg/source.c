/* libjpeg's view of the bytes: all of them at once, never refilled. Where they end, libjpeg gets the end
 * marker that it would get from its own memory source, after the defect was reported; but before the first
 * scan there is nothing to save. */
#include "jpeg/private.h"

static const JOCTET kFakeEnd[2] = {0xFF, JPEG_EOI};

static void on_init_source(j_decompress_ptr cinfo) { (void)cinfo; }
static void on_term_source(j_decompress_ptr cinfo) { (void)cinfo; }

static boolean on_fill_input_buffer(j_decompress_ptr cinfo) {
  dctd_reader* reader = dctd_reader_of((j_common_ptr)cinfo);
  const int in_header = cinfo->progress == NULL; /* installed between the header and the first scan's data */
  if (in_header) dctd_fail(reader, DCTD_TRUNCATED, "the file ends before its first scan");
  dctd_defect(reader, DCTD_TRUNCATED, "the file ends before the image does (no end-of-image marker)");
  cinfo->src->next_input_byte = kFakeEnd;
  cinfo->src->bytes_in_buffer = sizeof kFakeEnd;
  return TRUE;
}

static void on_skip_input_data(j_decompress_ptr cinfo, long count) {
  if (count <= 0) return;
  struct jpeg_source_mgr* source = cinfo->src;
  if ((unsigned long)count > source->bytes_in_buffer) {
    on_fill_input_buffer(cinfo);
    return;
  }
  source->next_input_byte += count;
  source->bytes_in_buffer -= (size_t)count;
}

void dctd_install_source(dctd_reader* reader) {
  struct jpeg_source_mgr* source = &reader->source;
  source->init_source = on_init_source;
  source->fill_input_buffer = on_fill_input_buffer;
  source->skip_input_data = on_skip_input_data;
  source->resync_to_restart = jpeg_resync_to_restart;
  source->term_source = on_term_source;
  source->next_input_byte = reader->bytes;
  source->bytes_in_buffer = reader->size;
  reader->cinfo.src = source;
}
