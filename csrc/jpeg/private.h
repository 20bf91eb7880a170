/* What the C files of this folder share: the reader and the callbacks that libjpeg gets from us. */
#ifndef DCTDECODE_JPEG_PRIVATE_H
#define DCTDECODE_JPEG_PRIVATE_H

#include <stdio.h> /* jpeglib.h wants FILE */

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

#include "jpeg/reader.h"
#include "jpeg/writer.h"

/* jpeglib.h leaves this type to the memory manager, which for block arrays is us, in both directions. */
struct jvirt_barray_control {
  JDIMENSION blocks_per_row, num_rows;
  JBLOCKROW* rows;
};

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

struct dctd_writer {
  struct jpeg_compress_struct cinfo; /* client_data points back here */
  struct jpeg_error_mgr errors;
  struct jpeg_destination_mgr destination;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  dctd_write_options options;
  dctd_result* result;
  uint8_t* bytes; /* the output, kept from image to image */
  size_t capacity, size;
  const dctd_image* image; /* of which coefficients are written */
  struct jvirt_barray_control arrays[DCTD_MAX_COMPONENTS];
  JDIMENSION checked_rows[DCTD_MAX_COMPONENTS];
  int dc_low[DCTD_MAX_COMPONENTS], dc_high[DCTD_MAX_COMPONENTS];
  JBLOCKROW* rows;
  size_t rows_capacity;
  jpeg_scan_info scans[2 * DCTD_MAX_COMPONENTS];
};

static inline dctd_writer* dctd_writer_of(j_common_ptr cinfo) { return (dctd_writer*)cinfo->client_data; }

/* Ends the current call with `code`. Never returns. */
void dctd_refuse(dctd_writer* writer, dctd_code code, const char* format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
/* Between the two of them everything that libjpeg does is inside an armed `escape`. */
void dctd_begin_writing(dctd_writer* writer, const dctd_write_options* options, dctd_result* result);
void dctd_create_compressor(dctd_writer* writer);

#endif
