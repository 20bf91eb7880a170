// Vectors of 8 floats, for some targets of 16, that the compiler maps to whatever the target has, for the
// kernel headers. Those are included once per instruction set, and every function is forced inline into an
// entry point that names the set, so that no copy compiled for a newer processor can be linked in elsewhere.
// The order of additions is the same in all of them, hence so are the bits.
//
// Widening, moving floats between lanes and multiplying and adding in one is what compilers do badly, or not
// without being told. The includer gives it as a class:
//   struct Target {
//     static void convert(const Short8& from, Float8& to);
//     static void transpose(const float* from, std::ptrdiff_t stride, Float8* to);  // 8 rows of 8 floats:
//                                                                        // to[u][j] = from[j * stride + u]
//     static void interleave(const Float8& even, const Float8& odd, float* to);     // writes 16 floats
//     static unsigned nonzero(const Short8& lanes);  // bits 2i and 2i + 1: whether lane i is
//     static bool is_zero(const std::int16_t* from);  // all 16
//     static void repeat(const float* from, Float8& to);  // 4 floats, and again
//     static void multiply_add(Float8& sum, const Float8& a, const Float8& b);  // rounds once: std::fma
//     static constexpr int kLanes = 8;  // or 16: then it has these for Float16 too
//     static void convert(const Short8& from, Float16& to);  // the 8, and again
//     static void repeat(const float* from, Float16& to);    // 4 floats, four times
//     static void multiply_add(Float16& sum, const Float16& a, const Float16& b);
//     static void spread_column(const float* matrix, int u, Float16& to);  // to[4 k + i] = matrix[8 k + u]
//   };
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "dct/resample.h"

#ifndef DCTDECODE_TARGET
#define DCTDECODE_TARGET  // the includer's instruction set
#endif
#define DCTDECODE_INLINE inline __attribute__((always_inline)) DCTDECODE_TARGET

namespace dctdecode::dct {
namespace {

using Float8 = float __attribute__((vector_size(32)));
using Float16 = float __attribute__((vector_size(64)));
template <int N>
using Floats = std::conditional_t<N == 16, Float16, Float8>;
using Short8 = std::int16_t __attribute__((vector_size(16)));

DCTDECODE_INLINE void load(Float8& to, const float* from) { std::memcpy(&to, from, sizeof to); }
DCTDECODE_INLINE void spread(Float8& to, float x) { to = Float8{x, x, x, x, x, x, x, x}; }
DCTDECODE_INLINE void load(Short8& to, const std::int16_t* from) { std::memcpy(&to, from, sizeof to); }
DCTDECODE_INLINE void save(float* to, const Float8& from) { std::memcpy(to, &from, sizeof from); }
DCTDECODE_INLINE void load(Float16& to, const float* from) { std::memcpy(&to, from, sizeof to); }
DCTDECODE_INLINE void save(float* to, const Float16& from) { std::memcpy(to, &from, sizeof from); }

// The first n < 16 floats, in pieces of sizes that the compiler knows.
DCTDECODE_INLINE void save_some(float* to, const float* from, int n) {
  int done = 0;
  if ((n & 8) != 0) std::memcpy(to, from, 8 * sizeof *to), done = 8;
  if ((n & 4) != 0) std::memcpy(to + done, from + done, 4 * sizeof *to), done += 4;
  if ((n & 2) != 0) std::memcpy(to + done, from + done, 2 * sizeof *to), done += 2;
  if ((n & 1) != 0) to[done] = from[done];
}

// dst's unit, operation by operation as store_row of dct/store.h.
DCTDECODE_INLINE void normalise(Float8& values, const Wanted& wanted) {
  values = (values - wanted.mean) * wanted.inv_std;
}

// How many of the first entries lie in the same row v.
DCTDECODE_INLINE int same_row(const Wanted* wanted, int n_wanted) {
  int n = 1;
  while (n < n_wanted && wanted[n].index >> 3 == wanted[0].index >> 3) ++n;
  return n;
}

}  // namespace
}  // namespace dctdecode::dct
