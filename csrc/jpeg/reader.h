/* libjpeg-turbo behind a door of plain C: codes out, nothing thrown, nothing printed, nothing ended.
 *
 * This folder is the only one that knows libjpeg, and its C files are the only place of setjmp: a jump can
 * never cross a C++ frame, because there are none between an entry point here and libjpeg's callbacks.
 */
#ifndef DCTDECODE_JPEG_READER_H
#define DCTDECODE_JPEG_READER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DCTD_MAX_COMPONENTS = 4, DCTD_MAX_NOTES = 8, DCTD_TEXT = 256 };

typedef enum {
  DCTD_OK,
  DCTD_NOT_JPEG,
  DCTD_TRUNCATED,
  DCTD_CORRUPT,
  DCTD_UNSUPPORTED,
  DCTD_LIMIT,
  DCTD_CANCELLED,
  DCTD_NO_MEMORY,
} dctd_code;

typedef struct {
  uint64_t max_coefficient_bytes;
  uint64_t max_block_visits;
  uint32_t max_scans;
  uint64_t wanted[DCTD_MAX_COMPONENTS]; /* bit k: zigzag position k has to be complete */
  int strict;                           /* data warnings and silent defects are errors */
  int (*should_stop)(void* context);
  void* context;
} dctd_options;

typedef struct {
  int id, h, v, quant_selector;
  int height_blocks, width_blocks;   /* real blocks */
  int height_samples, width_samples; /* true samples */
  int has_quant;
  uint16_t quant[64];    /* natural order; latched at the component's first scan once coefficients are read */
  int16_t* coefficients; /* block (i, j) at 64 * (i * stride_blocks + j); valid until the next call */
  size_t stride_blocks;
} dctd_component;

typedef enum {
  DCTD_GRAY,
  DCTD_YCBCR,
  DCTD_RGB,
  DCTD_CMYK,
  DCTD_YCCK,
  DCTD_UNKNOWN,
} dctd_color_space;

typedef struct {
  int height_px, width_px, precision_bits, num_components;
  int h_max, v_max;
  dctd_color_space color_space;
  int progressive, arithmetic, restart_interval;
  dctd_component components[DCTD_MAX_COMPONENTS];
} dctd_image;

typedef struct {
  dctd_code code;
  char message[DCTD_TEXT];
  size_t offset_bytes;
  /* Data warnings are counted; the first few distinct ones are kept in words. */
  int num_warnings;
  int num_warning_texts;
  char warnings[DCTD_MAX_NOTES][DCTD_TEXT];
  int num_notes; /* oddities that lose nothing */
  char notes[DCTD_MAX_NOTES][DCTD_TEXT];
} dctd_result;

typedef struct dctd_reader dctd_reader;

/* NULL when there is no memory. One reader serves one thread at a time, any number of images. */
dctd_reader* dctd_reader_new(void);
void dctd_reader_free(dctd_reader* reader);

/* The header, up to the first scan. */
dctd_code dctd_read_header(dctd_reader* reader, const uint8_t* bytes, size_t size, dctd_image* image,
                           dctd_result* result);

/* Header and all coefficients. The memory behind image->components[i].coefficients is the reader's; it is
 * kept for the next image, and given back by dctd_reader_trim when it is large. */
dctd_code dctd_read_coefficients(dctd_reader* reader, const uint8_t* bytes, size_t size,
                                 const dctd_options* options, dctd_image* image, dctd_result* result);
void dctd_reader_trim(dctd_reader* reader, size_t keep_bytes);

/* Release that was compiled against ("2.1.5"), its ABI number, and what the library found at run time says.
 * `mismatch` gets libjpeg's complaint when the two do not fit together, else an empty string. */
const char* dctd_compiled_version(void);
int dctd_compiled_abi(void);
void dctd_found_version(char text[DCTD_TEXT], char mismatch[DCTD_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
