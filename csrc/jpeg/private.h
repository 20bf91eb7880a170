/* What the C files of this folder share: the reader and the callbacks that libjpeg gets from us. */
#ifndef DCTDECODE_JPEG_PRIVATE_H
#define DCTDECODE_JPEG_PRIVATE_H

#include <stdio.h> /* jpeglib.h wants FILE */

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

#include "jpeg/reader.h"

/* Coefficient arrays, one after another in memory that outlives the image. See memory.c. */
typedef struct {
  int16_t* blocks;
  size_t capacity_bytes;
  JBLOCKROW* rows; /* one pointer per block row of every array */
  size_t rows_capacity;
  struct jvirt_barray_control* arrays; /* libjpeg's own list lives in its image pool; ours is fixed */
  int num_arrays;
  uint64_t max_bytes;
} dctd_arena;

struct dctd_reader {
  struct jpeg_decompress_struct cinfo; /* client_data points back here */
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  dctd_options options;
  const uint8_t* bytes;
  size_t size;
  uint64_t block_visits;
  dctd_result* result;
  dctd_arena arena;
};

/* The reader behind any libjpeg object of ours. */
static inline dctd_reader* dctd_reader_of(j_common_ptr cinfo) { return (dctd_reader*)cinfo->client_data; }

/* Ends the current call with `code`; printf-style message. Never returns. */
void dctd_fail(dctd_reader* reader, dctd_code code, const char* format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
/* A data defect: an error when strict, else counted and kept in words. */
void dctd_defect(dctd_reader* reader, dctd_code code, const char* format, ...)
    __attribute__((format(printf, 3, 4)));
/* An oddity that loses nothing. */
void dctd_note(dctd_reader* reader, const char* format, ...) __attribute__((format(printf, 2, 3)));

void dctd_install_errors(dctd_reader* reader);
void dctd_install_source(dctd_reader* reader);
void dctd_install_progress(dctd_reader* reader);
void dctd_install_arena(dctd_reader* reader);
void dctd_arena_free(dctd_arena* arena);

#endif
