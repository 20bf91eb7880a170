#include "dct/dispatch.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "dct/doubling_kernel.h"
#include "dct/resample_blocks.h"
#include "dct/resample_kernel.h"
#include "dct/scalar.h"
#include "dct/store.h"

namespace dctdecode::dct {
namespace {

struct Target {
  static constexpr int kLanes = 8;

  static DCTDECODE_INLINE void convert(const Short8& from, Float8& to) {
    to = __builtin_convertvector(from, Float8);
  }
  static DCTDECODE_INLINE void transpose(const float* from, std::ptrdiff_t stride, Float8* to) {
    float turned[8][8];
    for (int j = 0; j < 8; ++j) {
      for (int u = 0; u < 8; ++u) turned[u][j] = from[j * stride + u];
    }
    std::memcpy(to, turned, sizeof turned);
  }
  static DCTDECODE_INLINE void interleave(const Float8& even, const Float8& odd, float* to) {
    for (int j = 0; j < 8; ++j) {
      to[2 * j] = even[j];
      to[2 * j + 1] = odd[j];
    }
  }
  static DCTDECODE_INLINE unsigned nonzero(const Short8& lanes) {
    unsigned mask = 0;
    for (int i = 0; i < 8; ++i) mask |= lanes[i] != 0 ? 3U << 2 * i : 0U;
    return mask;
  }
  static DCTDECODE_INLINE bool is_zero(const std::int16_t* from) {
    std::uint64_t words[4];
    std::memcpy(words, from, sizeof words);
    return (words[0] | words[1] | words[2] | words[3]) == 0;
  }
  static DCTDECODE_INLINE void repeat(const float* from, Float8& to) {
    for (int j = 0; j < 8; ++j) to[j] = from[j % 4];
  }
  static DCTDECODE_INLINE void multiply_add(Float8& sum, const Float8& a, const Float8& b) {
    for (int j = 0; j < 8; ++j) sum[j] = std::fma(a[j], b[j], sum[j]);
  }
};

void measure_row(const MeasurePass& pass) noexcept { run<Target>(pass); }
void dequantise_row(const DequantisePass& pass) noexcept { run<Target>(pass); }
void resample_columns(const ColumnPass& pass) noexcept { run<Target>(pass); }
void resample_blocks(const BlockPass& pass) noexcept { run<Target>(pass); }
void double_columns(const DoubleColumnsPass& pass) noexcept { run<Target>(pass); }
void double_blocks(const DoubleBlocksPass& pass) noexcept { run<Target>(pass); }

bool is_set(const char* variable) noexcept {
  const char* value = std::getenv(variable);
  return value != nullptr && std::strcmp(value, "1") == 0;
}

const Kernels& choose() noexcept {
  if (is_set("DCTDECODE_FORCE_SCALAR")) return scalar_kernels();
  const Kernels* avx512 = is_set("DCTDECODE_NO_AVX512") ? nullptr : avx512_kernels();
  if (avx512 != nullptr) return *avx512;
  const Kernels* avx2 = avx2_kernels();
  return avx2 != nullptr ? *avx2 : scalar_kernels();
}

}  // namespace

const Kernels& scalar_kernels() noexcept {
  static constexpr Kernels table{"scalar",           8,
                                 scalar::gather_row, scalar::store_row,
                                 measure_row,        dequantise_row,
                                 resample_columns,   resample_blocks,
                                 double_columns,     double_blocks};
  return table;
}

const Kernels& kernels() noexcept {
  static const Kernels& chosen = choose();
  return chosen;
}

bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                int n_picks, DType dtype) noexcept {
  return kernels().gather_row(blocks, n_blocks, quant, picks, n_picks, dtype);
}

bool store_row(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept {
  return kernels().store_row(src, n, dtype, dst, mean, inv_std);
}

}  // namespace dctdecode::dct
