/* Versions, at build time and at run time. */
#include <string.h>

#include "jpeg/private.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char* dctd_compiled_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }
int dctd_compiled_abi(void) { return JPEG_LIB_VERSION; }

/* jpeg_CreateDecompress compares the caller's ABI and struct size with its own, and says what differs. */
void dctd_found_version(char text[DCTD_TEXT], char mismatch[DCTD_TEXT]) {
  dctd_result result;
  dctd_reader* reader = dctd_reader_new();
  text[0] = mismatch[0] = '\0';
  if (reader == NULL) return;
  memset(&result, 0, sizeof result);
  reader->result = &result;
  reader->cinfo.client_data = reader;
  dctd_install_errors(reader);
  if (setjmp(reader->escape) == 0) {
    jpeg_create_decompress(&reader->cinfo);
  } else {
    strcpy(mismatch, result.message);
  }
  jpeg_destroy_decompress(&reader->cinfo);
  /* The library names itself in its own message table. */
  snprintf(text, DCTD_TEXT, "%s", reader->errors.jpeg_message_table[JMSG_VERSION]);
  dctd_reader_free(reader);
}
