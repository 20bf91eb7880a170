/* Writing JPEGs through libjpeg-turbo, behind the same door of plain C as reader.h: codes out, nothing
 * thrown, nothing printed, nothing ended. What libjpeg's encoder cannot hold is refused here, by name. */
#ifndef DCTDECODE_JPEG_WRITER_H
#define DCTDECODE_JPEG_WRITER_H

#include "jpeg/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A marker segment to write between the file header and the first table: APPn or COM. */
typedef struct {
  int marker;
  const uint8_t* payload; /* without marker and length */
  size_t size;            /* at most 65,533 */
} dctd_segment;

/* Pixel density as the JFIF header has it; unit 0 means aspect ratio. */
typedef struct {
  int unit, x, y;
} dctd_density;

/* A Huffman table as DHT holds it: bits[k] codes of k bits, and their symbols. */
typedef struct {
  uint8_t bits[17], values[256];
} dctd_codes;

/* Of components that libjpeg gives table 0 (luma, or all of RGB and CMYK), and table 1 (chroma). */
typedef struct {
  dctd_codes dc[2], ac[2];
} dctd_huffman;

typedef struct {
  uint64_t max_bytes; /* of the output */
  int progressive;
  /* Of one interleaved baseline scan, with a code for every symbol that occurs; or NULL: libjpeg looks at the
   * coefficients twice and makes its own. Not looked at where there are other scans. */
  const dctd_huffman* huffman;
  dctd_density density; /* written where the colour space has a JFIF header */
  const dctd_segment* segments;
  size_t num_segments;
  int (*should_stop)(void* context); /* may be NULL */
  void* context;
} dctd_write_options;

typedef struct dctd_writer dctd_writer;

/* NULL when there is no memory. One writer serves one thread at a time, any number of images. */
dctd_writer* dctd_writer_new(void);
void dctd_writer_free(dctd_writer* writer);
/* Gives the memory back where it is larger. */
void dctd_writer_trim(dctd_writer* writer, size_t keep_bytes);

/* The image's quantised coefficients as a JPEG with optimised Huffman tables, no restart markers: baseline,
 * or progressive. Of `image` are used: sizes, colour space, and of each component sampling factors, grid,
 * quantisation table and coefficients (DCTD_UNKNOWN is not written). Component ids and table selectors are
 * those that libjpeg gives.
 *
 * Refused with DCTD_UNSUPPORTED before libjpeg sees it: a divisor outside 1..255, an AC coefficient outside
 * -1023..1023, DC coefficients of which two, or one and 0, differ by more than 2047 (T.81 tables F.1, F.2).
 * The bytes are valid until the next call. */
dctd_code dctd_write_coefficients(dctd_writer* writer, const dctd_image* image,
                                  const dctd_write_options* options, dctd_result* result);
/* The quantisation tables of libjpeg's encoder at a quality of 1 to 100 (T.81 K.1 scaled), natural order. */
dctd_code dctd_standard_tables(dctd_writer* writer, int quality, uint16_t luma[64], uint16_t chroma[64],
                               dctd_result* result);
/* Pixels: rows of gray (1 channel) or RGB (3) bytes. */
typedef struct {
  const uint8_t* data;
  size_t stride_bytes;
  int height_px, width_px, channels;
} dctd_pixels;

typedef struct {
  int quality;        /* libjpeg's, 1 to 100 */
  int luma_v, luma_h; /* sampling factors, chroma's being 1 */
  uint64_t kept[3];   /* bit 8 * v + u of Y, Cb, Cr */
} dctd_encoding;

/* Pixels as a baseline JPEG (gray or YCbCr) that holds only the kept frequencies. Of `options` count
 * max_bytes and should_stop. */
dctd_code dctd_encode(dctd_writer* writer, const dctd_pixels* pixels, const dctd_encoding* encoding,
                      const dctd_write_options* options, dctd_result* result);

const uint8_t* dctd_written(const dctd_writer* writer, size_t* size);

#ifdef __cplusplus
}
#endif

#endif
