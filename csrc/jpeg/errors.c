/* libjpeg's error manager: nothing printed, nothing exits. Fatal errors become codes, data warnings are
 * counted (or fatal, when strict). */
#include <stdarg.h>
#include <string.h>

#include "jpeg/private.h"

static size_t offset_of(const dctd_reader* reader) {
  const JOCTET* next = reader->source.next_input_byte;
  if (next < reader->bytes || next > reader->bytes + reader->size) return reader->size;
  return (size_t)(next - reader->bytes);
}

static void keep_text(char texts[][DCTD_TEXT], int* count, const char* text) {
  for (int i = 0; i < *count; ++i) {
    if (strcmp(texts[i], text) == 0) return;
  }
  if (*count < DCTD_MAX_NOTES) strcpy(texts[(*count)++], text);
}

void dctd_fail(dctd_reader* reader, dctd_code code, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reader->result->message, DCTD_TEXT, format, arguments);
  va_end(arguments);
  reader->result->code = code;
  reader->result->offset_bytes = offset_of(reader);
  longjmp(reader->escape, 1);
}

void dctd_defect(dctd_reader* reader, dctd_code code, const char* format, ...) {
  char text[DCTD_TEXT];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (reader->options.strict) dctd_fail(reader, code, "%s", text);
  reader->result->num_warnings++;
  keep_text(reader->result->warnings, &reader->result->num_warning_texts, text);
}

void dctd_note(dctd_reader* reader, const char* format, ...) {
  char text[DCTD_TEXT];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  keep_text(reader->result->notes, &reader->result->num_notes, text);
}

/* One row per fatal message that is not plain corruption. */
static dctd_code code_of(int message) {
  switch (message) {
    case JERR_OUT_OF_MEMORY:
      return DCTD_NO_MEMORY;
    case JERR_NO_SOI:
    case JERR_INPUT_EMPTY:
      return DCTD_NOT_JPEG;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_COMPONENT_COUNT:
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
      return DCTD_UNSUPPORTED;
    default:
      return DCTD_CORRUPT;
  }
}

static void on_error_exit(j_common_ptr cinfo) {
  char text[JMSG_LENGTH_MAX];
  cinfo->err->format_message(cinfo, text);
  dctd_fail(dctd_reader_of(cinfo), code_of(cinfo->err->msg_code), "%s", text);
}

/* Warnings that concern metadata lose no coefficient. */
static int is_metadata_warning(int message) {
  return message == JWRN_ADOBE_XFORM || message == JWRN_JFIF_MAJOR || message == JWRN_BOGUS_ICC;
}

static void on_emit_message(j_common_ptr cinfo, int level) {
  dctd_reader* reader = dctd_reader_of(cinfo);
  if (level >= 0) return; /* trace output */
  cinfo->err->num_warnings++;
  char text[JMSG_LENGTH_MAX];
  cinfo->err->format_message(cinfo, text);
  if (is_metadata_warning(cinfo->err->msg_code)) {
    dctd_note(reader, "%s", text);
    return;
  }
  const int ended = cinfo->err->msg_code == JWRN_JPEG_EOF;
  dctd_defect(reader, ended ? DCTD_TRUNCATED : DCTD_CORRUPT, "%s", text);
}

static void on_output_message(j_common_ptr cinfo) { (void)cinfo; }

void dctd_install_errors(dctd_reader* reader) {
  reader->cinfo.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = on_error_exit;
  reader->errors.emit_message = on_emit_message;
  reader->errors.output_message = on_output_message;
}
