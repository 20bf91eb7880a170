#include "dct/dispatch.h"

#if defined(__x86_64__)

#include <cpuid.h>

#include "dct/gather_avx2.h"

// Products and sums are fused where the scalar kernels call std::fma, and nowhere else (-ffp-contract=off).
#define DCTDECODE_TARGET __attribute__((target("avx2,fma")))
#include "dct/doubling_kernel.h"
#include "dct/resample_blocks.h"
#include "dct/resample_kernel.h"
#include "dct/target_avx2.h"

namespace dctdecode::dct {
namespace {

DCTDECODE_TARGET void measure_row(const MeasurePass& pass) noexcept { run<TargetAvx2>(pass); }
DCTDECODE_TARGET void dequantise_row(const DequantisePass& pass) noexcept { run<TargetAvx2>(pass); }
DCTDECODE_TARGET void resample_columns(const ColumnPass& pass) noexcept { run<TargetAvx2>(pass); }
DCTDECODE_TARGET void resample_blocks(const BlockPass& pass) noexcept { run<TargetAvx2>(pass); }
DCTDECODE_TARGET void double_columns(const DoubleColumnsPass& pass) noexcept { run<TargetAvx2>(pass); }
DCTDECODE_TARGET void double_blocks(const DoubleBlocksPass& pass) noexcept { run<TargetAvx2>(pass); }

bool has_f16c() noexcept {  // __builtin_cpu_supports does not know it in every compiler
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace

const Kernels* avx2_kernels() noexcept {
  static constexpr Kernels table{"avx2",           8,
                                 avx2::gather_row, avx2::store_row,
                                 measure_row,      dequantise_row,
                                 resample_columns, resample_blocks,
                                 double_columns,   double_blocks};
  static const bool supported = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  return supported ? &table : nullptr;
}

}  // namespace dctdecode::dct

#else

namespace dctdecode::dct {

const Kernels* avx2_kernels() noexcept { return nullptr; }

}  // namespace dctdecode::dct

#endif
