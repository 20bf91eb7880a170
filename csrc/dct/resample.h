// Applies the resampling operator out = A_v . X . A_h^T (dct/axis.h) to a component, one row of output blocks
// at a time: vertically first, from quantised blocks to columns of float rows, then horizontally.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dct/axis.h"

namespace dctdecode::dct {

// Quantised coefficients of a component: (rows, width_blocks, 64), natural order. Only blocks that hold
// samples in [lo, hi) of both axes are read.
struct Plane {
  const std::int16_t* blocks = nullptr;
  int width_blocks = 0;
  const std::int16_t* row(int i) const { return blocks + std::ptrdiff_t{i} * width_blocks * 64; }
};

// One output row: frequency `index` = 8 * v + u, v < k_out of the vertical axis, u < k_out of the horizontal.
struct Wanted {
  std::uint8_t index = 0;
  float* dst = nullptr;  // as many floats as the horizontal axis has output blocks
};

// The vertical pass's result: for every input block column, k rows (output frequency v) of 8 floats (input
// frequency u). Reused from row to row and from image to image.
struct Columns {
  std::vector<float> values;          // (columns, k, 8), k = 2, 4 or 8
  std::vector<std::uint8_t> lengths;  // per column: 1 + the highest u that is not zero in all k rows
};

// Output block row i. quant: 64 values, natural order. The result's units are those of coefficient * quant.
void resample_row(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                  const std::uint16_t* quant, const Wanted* wanted, int n_wanted, Columns& columns);

// What the kernels are given (dct/resample_kernel.h); resample_row fills them.
struct ColumnPass {
  Plane plane;
  Span span;              // of the vertical axis
  const float* matrices;  // the span's
  int k_in, k;            // input frequencies used; rows computed: 2, 4 or 8
  float quant[64];
  int first_column, end_column;
  float* values;
  std::uint8_t* lengths;
};

struct BlockPass {
  const Axis* axis;  // the horizontal one
  int k;             // rows per column, as in ColumnPass
  const float* values;
  const std::uint8_t* lengths;
  const Wanted* wanted;
  int n_wanted;
};

}  // namespace dctdecode::dct
