// Which version of the kernels runs: chosen once, at the first call, from what the processor can do.
// DCTDECODE_FORCE_SCALAR=1 in the environment forces the scalar ones, DCTDECODE_NO_AVX512=1 rules out the
// widest. All versions give the same bits.
#pragma once

#include <cstdint>

#include "dct/gather.h"
#include "dct/resample.h"

namespace dctdecode::dct {

struct Kernels {
  const char* name;
  int lanes;  // of resample_blocks
  bool (*gather_row)(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                     int n_picks, DType dtype) noexcept;
  bool (*store_row)(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept;
  void (*measure_row)(const MeasurePass& pass) noexcept;
  void (*dequantise_row)(const DequantisePass& pass) noexcept;
  void (*resample_columns)(const ColumnPass& pass) noexcept;
  void (*resample_blocks)(const BlockPass& pass) noexcept;
  void (*double_columns)(const DoubleColumnsPass& pass) noexcept;
  void (*double_blocks)(const DoubleBlocksPass& pass) noexcept;
};

const Kernels& scalar_kernels() noexcept;  // the truth
const Kernels* avx2_kernels() noexcept;    // null where the build or the processor has none
const Kernels* avx512_kernels() noexcept;  // the same
const Kernels& kernels() noexcept;         // the ones in use

}  // namespace dctdecode::dct
