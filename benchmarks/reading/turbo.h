/* libjpeg-turbo's jpeg_read_coefficients, to compare with. Errors end the program with libjpeg's message. */
#ifndef BENCHMARKS_READING_TURBO_H
#define BENCHMARKS_READING_TURBO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct turbo turbo;

/* keep_memory: coefficients lie in memory that is kept between images, else in what malloc gives. */
turbo* turbo_new(int keep_memory);
void turbo_free(turbo* reader);

/* Reads one image; returns its number of components. Until turbo_end, its coefficients can be looked at. */
int turbo_begin(turbo* reader, const uint8_t* bytes, size_t size);
void turbo_end(turbo* reader);

/* Block row `y` of a component (width_blocks * 64 values, natural order), and its quantisation table. */
const int16_t* turbo_row(turbo* reader, int component, int y);
const uint16_t* turbo_quant(const turbo* reader, int component);
long turbo_warnings(const turbo* reader);

#ifdef __cplusplus
}
#endif
#endif
