#include "dct/dispatch.h"

#if defined(__x86_64__)

#include <cpuid.h>

#include "dct/gather_avx2.h"
#include "dct/resample_kernel.h"

namespace dctdecode::dct {
namespace {

// Not "avx2,fma": a fused multiply-add rounds once where the scalar kernels round twice.
__attribute__((target("avx2"))) void resample_columns(const ColumnPass& pass) noexcept { run(pass); }
__attribute__((target("avx2"))) void resample_blocks(const BlockPass& pass) noexcept { run(pass); }

bool has_f16c() noexcept {  // __builtin_cpu_supports does not know it in every compiler
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace

const Kernels* avx2_kernels() noexcept {
  static constexpr Kernels table{"avx2", avx2::gather_row, avx2::store_row, resample_columns,
                                 resample_blocks};
  static const bool supported = __builtin_cpu_supports("avx2") && has_f16c();
  return supported ? &table : nullptr;
}

}  // namespace dctdecode::dct

#else

namespace dctdecode::dct {

const Kernels* avx2_kernels() noexcept { return nullptr; }

}  // namespace dctdecode::dct

#endif
