/* libjpeg-turbo's own ways, to compare with. Errors end the program with libjpeg's message. */
#ifndef BENCHMARKS_PRUNING_TURBO_H
#define BENCHMARKS_PRUNING_TURBO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A JPEG that libjpeg wrote, in memory that is kept from call to call. Begin with zeros. */
typedef struct {
  unsigned char* bytes;
  unsigned long size, capacity;
} turbo_jpeg;

/* What `jpegtran -optimize -copy none` does: all coefficients, Huffman tables optimised. */
void turbo_transcode(const uint8_t* bytes, size_t size, turbo_jpeg* out);

/* RGB or gray pixels of a JPEG; the caller frees them. */
uint8_t* turbo_pixels(const uint8_t* bytes, size_t size, int* height, int* width, int* channels);

/* cjpeg's way at this quality, luma's sampling factors v and h; accurate: JDCT_ISLOW, else JDCT_IFAST. */
void turbo_encode(const uint8_t* pixels, int height, int width, int channels, int quality, int v, int h,
                  int accurate, turbo_jpeg* out);

#ifdef __cplusplus
}
#endif
#endif
