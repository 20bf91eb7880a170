// The AVX2 + F16C kernels of gather.h and store.h. Only for x86-64; dispatch goes through kernels_avx2.cpp.
#pragma once

#include <cstdint>

#include "dct/gather.h"

namespace dctdecode::dct::avx2 {

bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                int n_picks, DType dtype) noexcept;
bool store_row(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept;

}  // namespace dctdecode::dct::avx2
