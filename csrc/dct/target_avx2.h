// What dct/vectors.h asks of an instruction set, for AVX2 and FMA and all that includes them. Only for
// x86-64; the includer has set DCTDECODE_TARGET.
#pragma once

#include <immintrin.h>

#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

struct TargetAvx2 {
  static constexpr int kLanes = 8;

  static DCTDECODE_INLINE void convert(const Short8& from, Float8& to) {
    to = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(std::bit_cast<__m128i>(from)));
  }
  static DCTDECODE_INLINE void transpose(const float* from, std::ptrdiff_t stride, Float8* to) {
    for (int half = 0; half < 2; ++half) {  // u = 0..3, then 4..7
      __m256 rows[4];                       // of blocks j and j + 4
      for (int j = 0; j < 4; ++j) {
        const __m128 low = _mm_loadu_ps(from + j * stride + 4 * half);
        const __m128 high = _mm_loadu_ps(from + (j + 4) * stride + 4 * half);
        rows[j] = _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
      }
      const __m256 a = _mm256_unpacklo_ps(rows[0], rows[1]), b = _mm256_unpacklo_ps(rows[2], rows[3]);
      const __m256 c = _mm256_unpackhi_ps(rows[0], rows[1]), d = _mm256_unpackhi_ps(rows[2], rows[3]);
      to[4 * half] = _mm256_shuffle_ps(a, b, 0x44);
      to[4 * half + 1] = _mm256_shuffle_ps(a, b, 0xEE);
      to[4 * half + 2] = _mm256_shuffle_ps(c, d, 0x44);
      to[4 * half + 3] = _mm256_shuffle_ps(c, d, 0xEE);
    }
  }
  // Four half stores: cheaper than two more shuffles and two whole ones.
  static DCTDECODE_INLINE void interleave(const Float8& even, const Float8& odd, float* to) {
    const __m256 a = _mm256_unpacklo_ps(even, odd), b = _mm256_unpackhi_ps(even, odd);
    _mm_storeu_ps(to, _mm256_castps256_ps128(a));
    _mm_storeu_ps(to + 4, _mm256_castps256_ps128(b));
    _mm_storeu_ps(to + 8, _mm256_extractf128_ps(a, 1));
    _mm_storeu_ps(to + 12, _mm256_extractf128_ps(b, 1));
  }
  static DCTDECODE_INLINE unsigned nonzero(const Short8& lanes) {
    const __m128i zero = _mm_cmpeq_epi16(std::bit_cast<__m128i>(lanes), _mm_setzero_si128());
    return static_cast<unsigned>(_mm_movemask_epi8(zero)) ^ 0xFFFFU;
  }
  static DCTDECODE_INLINE bool is_zero(const std::int16_t* from) {
    const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm256_testz_si256(all, all) != 0;
  }
  static DCTDECODE_INLINE void repeat(const float* from, Float8& to) {
    to = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(from));
  }
  static DCTDECODE_INLINE void multiply_add(Float8& sum, const Float8& a, const Float8& b) {
    sum = _mm256_fmadd_ps(a, b, sum);
  }
};

}  // namespace
}  // namespace dctdecode::dct
