/* Versions, at build time and at run time. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <string.h>

#include "jpeg/private.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char* dctd_compiled_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }
int dctd_compiled_abi(void) { return JPEG_LIB_VERSION; }

static void find_library(char text[DCTD_TEXT]) {
  Dl_info info;
  const int known = dladdr((void*)(uintptr_t)&jpeg_std_error, &info) != 0 && info.dli_fname != NULL;
  snprintf(text, DCTD_TEXT, "%s", known ? info.dli_fname : "an unknown place");
}

/* jpeg_CreateDecompress compares the caller's ABI and struct size with its own, and says what differs. The
 * release is in no symbol; the copyright line of the message table tells libjpeg-turbo from its relatives. */
void dctd_found_version(char text[DCTD_TEXT], char mismatch[DCTD_TEXT]) {
  char library[DCTD_TEXT];
  dctd_result result;
  dctd_reader* reader = dctd_reader_new();
  text[0] = mismatch[0] = '\0';
  if (reader == NULL) return;
  memset(&result, 0, sizeof result);
  reader->result = &result;
  reader->cinfo.client_data = reader;
  dctd_install_errors(reader);
  const char* copyright = reader->errors.jpeg_message_table[JMSG_COPYRIGHT];
  find_library(library);
  snprintf(text, DCTD_TEXT, "%.100s, %.140s", copyright, library);
  if (setjmp(reader->escape) == 0) {
    jpeg_create_decompress(&reader->cinfo);
    if (strstr(copyright, "libjpeg-turbo") == NULL) strcpy(mismatch, "it is not libjpeg-turbo");
  } else {
    strcpy(mismatch, result.message);
  }
  jpeg_destroy_decompress(&reader->cinfo);
  dctd_reader_free(reader);
}
