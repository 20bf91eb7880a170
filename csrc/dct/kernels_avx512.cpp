#include "dct/dispatch.h"

#if defined(__x86_64__)

// Bits are those of the other versions: no lane's products are added in another order. Vectors of 16 hold
// twice as many output frequencies; the rest is AVX2's.
#define DCTDECODE_TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")))
#include "dct/resample_blocks.h"
#include "dct/resample_kernel.h"
#include "dct/target_avx2.h"

namespace dctdecode::dct {
namespace {

// With the masks of all lanes, because GCC 12 warns of the undefined vectors inside the plain intrinsics.
constexpr __mmask16 kAll = 0xFFFF;

// Of rows of 8, where column u has its first four entries, each four times.
struct FourRows {
  alignas(64) std::int32_t at[8][16] = {};
  constexpr FourRows() {
    for (int u = 0; u < 8; ++u) {
      for (int lane = 0; lane < 16; ++lane) at[u][lane] = 8 * (lane / 4) + u;
    }
  }
  const std::int32_t* operator[](int u) const { return at[u]; }
};
constexpr FourRows kFourRows;

struct TargetAvx512 : TargetAvx2 {
  static constexpr int kLanes = 16;
  using TargetAvx2::convert;
  using TargetAvx2::multiply_add;
  using TargetAvx2::repeat;
  static DCTDECODE_INLINE void convert(const Short8& from, Float16& to) {
    const __m256i two = _mm256_broadcastsi128_si256(std::bit_cast<__m128i>(from));
    to = _mm512_maskz_cvtepi32_ps(kAll, _mm512_maskz_cvtepi16_epi32(kAll, two));
  }
  static DCTDECODE_INLINE void repeat(const float* from, Float16& to) {
    to = _mm512_maskz_broadcast_f32x4(kAll, _mm_loadu_ps(from));
  }
  static DCTDECODE_INLINE void spread_column(const float* matrix, int u, Float16& to) {
    const __m512i from = _mm512_load_si512(kFourRows[u]);
    to = _mm512_permutex2var_ps(_mm512_loadu_ps(matrix), from, _mm512_loadu_ps(matrix + 16));
  }
  static DCTDECODE_INLINE void multiply_add(Float16& sum, const Float16& a, const Float16& b) {
    sum = _mm512_fmadd_ps(a, b, sum);
  }
};

DCTDECODE_TARGET void resample_columns(const ColumnPass& pass) noexcept { run<TargetAvx512>(pass); }
DCTDECODE_TARGET void resample_blocks(const BlockPass& pass) noexcept { run<TargetAvx512>(pass); }

// VBMI2 came with Ice Lake and Zen 4. Processors before those run slower for a while after wide products,
// which costs the code around more than is won here.
bool is_supported() noexcept {
  return avx2_kernels() != nullptr && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vbmi2");
}

}  // namespace

const Kernels* avx512_kernels() noexcept {
  static const bool supported = is_supported();
  if (!supported) return nullptr;
  static const Kernels table = [] {
    Kernels kernels = *avx2_kernels();
    kernels.name = "avx512";
    kernels.lanes = TargetAvx512::kLanes;
    kernels.resample_columns = resample_columns;
    kernels.resample_blocks = resample_blocks;
    return kernels;
  }();
  return &table;
}

}  // namespace dctdecode::dct

#else

namespace dctdecode::dct {

const Kernels* avx512_kernels() noexcept { return nullptr; }

}  // namespace dctdecode::dct

#endif
