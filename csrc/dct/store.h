// Normalise a row of floats and convert it to the output's element type.
#pragma once

#include "dctdecode/dtype.h"

namespace dctdecode::dct {

// dst[i] = (src[i] - mean) * inv_std for i < n, rounded to float32 after each operation and then to `dtype`
// (nearest even, overflow becomes infinity). int16: false where a value is no integer or does not fit;
// dst then holds unspecified values. For float32, dst may be src itself.
[[nodiscard]] bool store_row(const float* src, int n, DType dtype, void* dst, float mean,
                             float inv_std) noexcept;

}  // namespace dctdecode::dct
