// Eight blocks at a time: one coefficient row of each is a 16-byte load, an 8 x 8 transpose in registers puts
// one frequency of eight blocks into a vector, and the arithmetic of gather_scalar.cpp follows, operation by
// operation, so that the bits are the same.
#include "dct/gather_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "dct/scalar.h"

#define DCTDECODE_AVX2 __attribute__((target("avx2,f16c")))
#define DCTDECODE_AVX2_INLINE inline __attribute__((always_inline, target("avx2,f16c")))

namespace dctdecode::dct::avx2 {
namespace {

// How eight values are converted and stored; false where they have no exact form.
struct Float32 {
  using Element = float;
  static DCTDECODE_AVX2_INLINE bool store(Element* dst, __m256 values) {
    _mm256_storeu_ps(dst, values);
    return true;
  }
};

struct Float16 {
  using Element = std::uint16_t;
  static DCTDECODE_AVX2_INLINE bool store(Element* dst, __m256 values) {
    const __m128i halves = _mm256_cvtps_ph(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), halves);
    return true;
  }
};

// Two vectors of 32-bit lanes that each fit 16 bits (signed or not, by the instruction), in order.
DCTDECODE_AVX2_INLINE __m128i narrow_unsigned(__m256i lanes) {
  return _mm_packus_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}

DCTDECODE_AVX2_INLINE __m128i narrow_signed(__m256i lanes) {
  return _mm_packs_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}

struct Bfloat16 {
  using Element = std::uint16_t;
  static DCTDECODE_AVX2_INLINE bool store(Element* dst, __m256 values) {
    const __m256i bits = _mm256_castps_si256(values);
    const __m256i upper = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd), 16);
    const __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
    const __m128i result = narrow_unsigned(_mm256_blendv_epi8(rounded, quiet, is_nan));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), result);
    return true;
  }
};

struct Int16 {
  using Element = std::int16_t;
  static DCTDECODE_AVX2_INLINE bool store(Element* dst, __m256 values) {
    const __m256 clamped =
        _mm256_max_ps(_mm256_min_ps(values, _mm256_set1_ps(INT16_MAX)), _mm256_set1_ps(INT16_MIN));
    const __m256i integers = _mm256_cvttps_epi32(clamped);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), narrow_signed(integers));
    // Not equal where clamped, cut or a NaN.
    const __m256 equal = _mm256_cmp_ps(_mm256_cvtepi32_ps(integers), values, _CMP_EQ_OQ);
    return _mm256_movemask_ps(equal) == 0xFF;
  }
};

// rows[b] holds row v of block b; afterwards rows[u] holds frequency (v, u) of the eight blocks.
DCTDECODE_AVX2_INLINE void transpose(__m128i (&rows)[8]) {
  __m128i pairs[8], quads[8];
  for (int i = 0; i < 4; ++i) {
    pairs[i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
    pairs[i + 4] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
  }
  // pairs[i]: columns 0..3 of blocks i, i + 4 in turn; pairs[i + 4]: columns 4..7
  for (int half = 0; half < 8; half += 4) {
    for (int i = 0; i < 2; ++i) {
      quads[half + 2 * i] = _mm_unpacklo_epi16(pairs[half + i], pairs[half + i + 2]);
      quads[half + 2 * i + 1] = _mm_unpackhi_epi16(pairs[half + i], pairs[half + i + 2]);
    }
  }
  // quads[half + 2 i + j]: columns half + 2 j, half + 2 j + 1 of blocks i, i + 2, i + 4, i + 6 in turn
  for (int half = 0; half < 8; half += 4) {
    for (int j = 0; j < 2; ++j) {
      rows[half + 2 * j] = _mm_unpacklo_epi16(quads[half + j], quads[half + 2 + j]);
      rows[half + 2 * j + 1] = _mm_unpackhi_epi16(quads[half + j], quads[half + 2 + j]);
    }
  }
}

template <class Format>
DCTDECODE_AVX2_INLINE bool write(const __m128i& column, std::uint16_t quant, const Pick& pick, int block) {
  auto* dst = static_cast<typename Format::Element*>(pick.dst) + block;
  const __m256 coefficients = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(column));
  const __m256 products = _mm256_mul_ps(coefficients, _mm256_set1_ps(static_cast<float>(quant)));
  const __m256 centred = _mm256_sub_ps(products, _mm256_set1_ps(pick.mean));
  return Format::store(dst, _mm256_mul_ps(centred, _mm256_set1_ps(pick.inv_std)));
}

template <>
DCTDECODE_AVX2_INLINE bool write<Int16>(const __m128i& column, std::uint16_t quant, const Pick& pick,
                                        int block) {
  auto* dst = static_cast<std::int16_t*>(pick.dst) + block;
  const __m256i products = _mm256_mullo_epi32(_mm256_cvtepi16_epi32(column), _mm256_set1_epi32(quant));
  const __m128i saturated = narrow_signed(products);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(dst), saturated);
  return _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_cvtepi16_epi32(saturated), products)) == -1;
}

// Eight blocks from `block` on, for picks that all lie in coefficient row v.
template <class Format>
DCTDECODE_AVX2_INLINE bool gather_eight(const std::int16_t* blocks, int block, int v,
                                        const std::uint16_t* quant, const Pick* picks, int n_picks) {
  __m128i columns[8];
  for (int b = 0; b < 8; ++b) {
    columns[b] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks + 64 * (block + b) + 8 * v));
  }
  transpose(columns);
  bool exact = true;
  for (int p = 0; p < n_picks; ++p) {
    exact &= write<Format>(columns[picks[p].index & 7], quant[picks[p].index], picks[p], block);
  }
  return exact;
}

constexpr int kTileBlocks = 64;  // 8 KiB of coefficients: stays in L1 while each of its rows v is visited

// n_blocks >= 8. The last group starts early enough to be whole, and writes some blocks a second time.
template <class Format>
DCTDECODE_AVX2 bool gather(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant,
                           const Pick* picks, int n_picks) {
  for (int tile = 0; tile < n_blocks; tile += kTileBlocks) {
    const int end = tile + kTileBlocks < n_blocks ? tile + kTileBlocks : n_blocks;
    for (int p = 0; p < n_picks;) {
      const int v = picks[p].index >> 3;
      int run = 1;  // picks of the same row v
      while (p + run < n_picks && picks[p + run].index >> 3 == v) ++run;
      bool exact = true;
      for (int block = tile; block < end; block += 8) {
        const int whole = block + 8 <= n_blocks ? block : n_blocks - 8;
        exact &= gather_eight<Format>(blocks, whole, v, quant, picks + p, run);
      }
      if (!exact) return false;
      p += run;
    }
  }
  return true;
}

// The first n - n % 8 values.
template <class Format>
DCTDECODE_AVX2 bool store(const float* src, int n, void* dst, float mean, float inv_std) {
  auto* elements = static_cast<typename Format::Element*>(dst);
  bool exact = true;
  for (int i = 0; i + 8 <= n; i += 8) {
    const __m256 centred = _mm256_sub_ps(_mm256_loadu_ps(src + i), _mm256_set1_ps(mean));
    exact &= Format::store(elements + i, _mm256_mul_ps(centred, _mm256_set1_ps(inv_std)));
  }
  return exact;
}

bool store_whole(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) {
  switch (dtype) {
    case DType::float32:
      return store<Float32>(src, n, dst, mean, inv_std);
    case DType::float16:
      return store<Float16>(src, n, dst, mean, inv_std);
    case DType::bfloat16:
      return store<Bfloat16>(src, n, dst, mean, inv_std);
    case DType::int16:
      return store<Int16>(src, n, dst, mean, inv_std);
  }
  return false;
}

}  // namespace

bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                int n_picks, DType dtype) noexcept {
  if (n_blocks < 8) return scalar::gather_row(blocks, n_blocks, quant, picks, n_picks, dtype);
  switch (dtype) {
    case DType::float32:
      return gather<Float32>(blocks, n_blocks, quant, picks, n_picks);
    case DType::float16:
      return gather<Float16>(blocks, n_blocks, quant, picks, n_picks);
    case DType::bfloat16:
      return gather<Bfloat16>(blocks, n_blocks, quant, picks, n_picks);
    case DType::int16:
      return gather<Int16>(blocks, n_blocks, quant, picks, n_picks);
  }
  return false;
}

bool store_row(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept {
  const int whole = n - n % 8;
  if (!store_whole(src, whole, dtype, dst, mean, inv_std)) return false;
  return scalar::store_row(src + whole, n - whole, dtype, static_cast<char*>(dst) + whole * size_bytes(dtype),
                           mean, inv_std);
}

}  // namespace dctdecode::dct::avx2

#endif
