// The scalar kernels: the definition of the results. Vector versions also use them for short rows.
#pragma once

#include <cstdint>

#include "dct/gather.h"

namespace dctdecode::dct::scalar {

bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                int n_picks, DType dtype) noexcept;
bool store_row(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept;

}  // namespace dctdecode::dct::scalar
