/* What every kind of writing shares: errors, destination, progress, lifetime.
 *
 * jpeg_mem_dest is not used: after an error its caller's pointer dangles. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "jpeg/private.h"

void dctd_refuse(dctd_writer* writer, dctd_code code, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(writer->result->message, DCTD_TEXT, format, arguments);
  va_end(arguments);
  writer->result->code = code;
  longjmp(writer->escape, 1);
}

static void on_error_exit(j_common_ptr cinfo) {
  char text[JMSG_LENGTH_MAX];
  cinfo->err->format_message(cinfo, text);
  const dctd_code code = cinfo->err->msg_code == JERR_OUT_OF_MEMORY ? DCTD_NO_MEMORY : DCTD_UNSUPPORTED;
  dctd_refuse(dctd_writer_of(cinfo), code, "%s", text);
}

/* The encoder's warnings would mean a file that is not what was asked for. */
static void on_emit_message(j_common_ptr cinfo, int level) {
  if (level < 0) on_error_exit(cinfo);
}

static void on_output_message(j_common_ptr cinfo) { (void)cinfo; }

static void point_to_free(dctd_writer* writer, size_t used) {
  writer->destination.next_output_byte = writer->bytes + used;
  writer->destination.free_in_buffer = writer->capacity - used;
}

static void reserve(dctd_writer* writer, size_t capacity) {
  const uint64_t max_bytes = writer->options.max_bytes;
  if (capacity > max_bytes) capacity = (size_t)max_bytes;
  if (capacity <= writer->capacity) {
    dctd_refuse(writer, DCTD_LIMIT, "the JPEG to write has more than %llu MiB (limit max_memory_bytes)",
                (unsigned long long)(max_bytes >> 20));
  }
  uint8_t* larger = realloc(writer->bytes, capacity);
  if (larger == NULL) dctd_refuse(writer, DCTD_NO_MEMORY, "no memory for the JPEG to write");
  writer->bytes = larger;
  writer->capacity = capacity;
}

static void on_init_destination(j_compress_ptr cinfo) {
  dctd_writer* writer = dctd_writer_of((j_common_ptr)cinfo);
  if (writer->capacity == 0) reserve(writer, (size_t)1 << 16);
  point_to_free(writer, 0);
}

/* libjpeg calls this when the buffer is full to the last byte, whatever the pointers say. */
static boolean on_empty_output_buffer(j_compress_ptr cinfo) {
  dctd_writer* writer = dctd_writer_of((j_common_ptr)cinfo);
  const size_t used = writer->capacity;
  reserve(writer, 2 * used);
  point_to_free(writer, used);
  return TRUE;
}

static void on_term_destination(j_compress_ptr cinfo) {
  dctd_writer* writer = dctd_writer_of((j_common_ptr)cinfo);
  writer->size = writer->capacity - writer->destination.free_in_buffer;
}

/* Before every row of MCUs of every pass. */
static void on_progress(j_common_ptr cinfo) {
  dctd_writer* writer = dctd_writer_of(cinfo);
  if (writer->options.should_stop != NULL && writer->options.should_stop(writer->options.context)) {
    dctd_refuse(writer, DCTD_CANCELLED, "stopped");
  }
}

void dctd_begin_writing(dctd_writer* writer, const dctd_write_options* options, dctd_result* result) {
  memset(&writer->cinfo, 0, sizeof writer->cinfo); /* jpeg_destroy is legal from here on */
  memset(result, 0, sizeof *result);
  writer->options = *options;
  writer->result = result;
  writer->size = 0;
  if (options->max_bytes > 0 && writer->capacity > options->max_bytes) dctd_writer_trim(writer, 0);
}

void dctd_create_compressor(dctd_writer* writer) {
  j_compress_ptr cinfo = &writer->cinfo;
  cinfo->client_data = writer;
  cinfo->err = jpeg_std_error(&writer->errors);
  writer->errors.error_exit = on_error_exit;
  writer->errors.emit_message = on_emit_message;
  writer->errors.output_message = on_output_message;
  jpeg_create_compress(cinfo);
  cinfo->client_data = writer;
  writer->destination.init_destination = on_init_destination;
  writer->destination.empty_output_buffer = on_empty_output_buffer;
  writer->destination.term_destination = on_term_destination;
  cinfo->dest = &writer->destination;
  writer->progress.progress_monitor = on_progress;
  cinfo->progress = &writer->progress;
}

dctd_code dctd_standard_tables(dctd_writer* writer, int quality, uint16_t luma[64], uint16_t chroma[64],
                               dctd_result* result) {
  const dctd_write_options none = {0};
  dctd_begin_writing(writer, &none, result);
  if (setjmp(writer->escape) == 0) {
    dctd_create_compressor(writer);
    jpeg_set_quality(&writer->cinfo, quality, TRUE);
    for (int k = 0; k < 64; ++k) luma[k] = writer->cinfo.quant_tbl_ptrs[0]->quantval[k];
    for (int k = 0; k < 64; ++k) chroma[k] = writer->cinfo.quant_tbl_ptrs[1]->quantval[k];
  }
  jpeg_destroy_compress(&writer->cinfo);
  return result->code;
}

dctd_writer* dctd_writer_new(void) { return calloc(1, sizeof(dctd_writer)); }

void dctd_writer_trim(dctd_writer* writer, size_t keep_bytes) {
  if (writer->capacity <= keep_bytes) return;
  free(writer->bytes);
  writer->bytes = NULL;
  writer->capacity = writer->size = 0;
}

void dctd_writer_free(dctd_writer* writer) {
  if (writer == NULL) return;
  free(writer->bytes);
  free(writer->rows);
  free(writer);
}

const uint8_t* dctd_written(const dctd_writer* writer, size_t* size) {
  *size = writer->size;
  return writer->bytes;
}
