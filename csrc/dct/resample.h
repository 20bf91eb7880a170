// Applies the resampling operator out = A_v . X . A_h^T (dct/axis.h) to a component, one row of output blocks
// at a time: vertically first, from quantised blocks to columns of float rows, then horizontally. Each way is
// either general, by an axis's spans, or a doubling (dct/doubling.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dct/axis.h"
#include "dct/doubling.h"

namespace dctdecode::dct {

// Quantised coefficients of a component, or of a rectangle of its blocks: (rows, width_blocks, 64), natural
// order. Only blocks that the axes need are read.
struct Plane {
  const std::int16_t* blocks = nullptr;
  int width_blocks = 0;
  int first_column = 0;  // of the rectangle
  int ring = 1 << 30;    // so many rows are kept: block row i is where row i % ring lies
  const std::int16_t* at(int row, int column) const {
    return blocks + (std::ptrdiff_t{row % ring} * width_blocks + column - first_column) * 64;
  }
};

// Block rows [first, end) that output block row i needs once the rows before it are done. Doubling takes each
// block row in once.
struct InputRows {
  int first = 0, end = 0;
};
InputRows input_rows(const Axis& vertical, int i);

// One output row: frequency `index` = 8 * v + u, v < k_out of the vertical axis, u < k_out of the horizontal,
// written as (coefficient - mean) * inv_std. Any order is right, ascending order is the fastest.
struct Wanted {
  std::uint8_t index = 0;
  float* dst = nullptr;  // horizontal.spec.num_out() floats
  float mean = 0.0F;
  float inv_std = 1.0F;
};

// The vertical pass's result: for every input block column, k rows (output frequency v) of 8 floats (input
// frequency u). Kept from row to row of a component, and reused from image to image.
struct Columns {
  std::vector<float> values;          // (columns, k, 8), k = 2, 4 or 8
  std::vector<std::uint8_t> lengths;  // per column: 1 + the highest u that is not zero in all k rows

  // Where the vertical axis is general: what is known of the last block rows, since most serve several output
  // rows.
  struct BlockRow {
    int index = -1;
    std::vector<std::uint8_t> heights, lengths;  // per column: 2, 4, 6 or 8, behind which all rows v are
                                                 // zero; 1 + the highest u that is not zero in all rows
  };
  std::vector<BlockRow> block_rows;  // block row i is the one at i % the axis's longest span
  std::vector<const std::int16_t*> span_blocks;
  std::vector<float> scaled;  // see ColumnPass
  std::vector<const std::uint8_t*> span_heights;

  // Where the vertical axis doubles: input block row m gives output rows 2m (`values`) and 2m + 1, which has
  // to wait for block row m + 1.
  int block_row = -1;                       // the last one that was taken in
  std::array<std::vector<float>, 2> lower;  // like values: output row 2m + 1 of m even, m odd
  std::vector<float> last_lines;            // (columns, 8): last line of samples of block row m
  std::vector<std::uint8_t> block_lengths;  // like lengths, of block row m alone

  // Where the horizontal axis is general:
  std::vector<float> turned, weights;  // see BlockPass
  int weights_of[2] = {0, 0};          // k and n_pairs that the weights are for

  // Where the horizontal axis doubles:
  std::vector<std::uint8_t> pairs;   // per group of 8 columns: pairs (2p, 2p + 1) of u that occur
  std::vector<float> firsts, lasts;  // scratch of the kernel, as is turned: see DoubleBlocksPass
  std::vector<float> uncut;          // rows that begin before the range of the output
  std::vector<Wanted> uncut_wanted;
};

// Forgets the last image.
void restart(Columns& columns);

// Output block row i of the vertical axis's range. Between two restart() all with the same axes, plane, quant
// and columns; row 0 restarts. Where the vertical axis doubles the rows come in order, else in any. quant: 64
// values, natural order. The result's units are those of coefficient * quant.
void resample_row(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                  const std::uint16_t* quant, const Wanted* wanted, int n_wanted, Columns& columns);

// What the kernels are given (dct/resample_kernel.h, dct/doubling_kernel.h); resample_row fills them.
struct MeasurePass {
  const std::int16_t* blocks;
  int n_columns;
  std::uint8_t* heights;
  std::uint8_t* lengths;  // null: not wanted
};

struct DequantisePass {
  const std::int16_t* blocks;
  int n_columns;
  int k;  // rows taken over
  float quant[64];
  float* values;  // (columns, k, 8)
};

struct ColumnPass {
  int count;                           // of the vertical axis's span
  const float* matrices;               // the span's
  const std::int16_t* const* blocks;   // its block rows
  const std::uint8_t* const* heights;  // their columns' heights
  int n_columns;
  int k_in, k;  // input frequencies used; rows computed: 2, 4 or 8
  float quant[64];
  float* scaled;  // scratch: (count, 8, k, 8)
  float* values;  // (columns, k, 8)
};

// The order in which a column's input frequencies u lie when dct/resample_blocks.h has turned it.
inline constexpr int kOrder[8] = {0, 4, 1, 5, 2, 6, 3, 7};

// Whether the kernel for `lanes` multiplies with weights that were spread beforehand. That is fewest
// instructions, but for four rows it is also more than the first cache holds.
constexpr bool are_weights_spread(int k, int n_pairs, int lanes) {
  return k == 2 || (k == 4 && (n_pairs == 1 || lanes == 8));
}

struct BlockPass {
  const Axis* axis;  // the horizontal one
  int k;             // rows per column, as in ColumnPass
  int n_columns;
  const float* values;
  float* turned;           // scratch like values
  const float* weights;    // of spread_weights, where are_weights_spread
  int n_pairs;             // k < 8: output frequencies 0 .. 2 n_pairs - 1; 1, 2 or 4
  const int* frequencies;  // k = 8: those wanted, and the last one again up to a multiple of 4
  int n_frequencies;
  const Wanted* wanted;
  int n_wanted;
};

struct DoubleColumnsPass {
  const Doubling* table;
  const std::int16_t* blocks;  // block row m
  int first_column, end_column;
  int k;
  bool is_last;              // no block row m + 1
  const float (*extend)[8];  // of Doubling, where the image ends inside block row m; else null
  float quant[64];
  float* upper;    // output row 2m, whole
  float* lower;    // output row 2m + 1, whole only if is_last
  float* pending;  // output row 2m - 1, made whole; null where m = 0
  float* last_lines;
  std::uint8_t* block_lengths;  // of block row m - 1 before (zeros if m = 0), of m after
  std::uint8_t* lengths;        // of output rows 2m - 1 and 2m
};

struct DoubleBlocksPass {
  const Doubling* table;
  int n_columns, out_blocks;
  int k;
  const float (*extend)[8];  // where the image ends inside the last column; else null
  float* values;             // room for a multiple of 8 columns; an extended last column is written back
  const std::uint8_t* pairs;
  float* turned;          // as many as n_columns rounded up to 8 has: (groups, 8 u, 8 columns)
  float *firsts, *lasts;  // per column, its first and last sample; [-1] and [n_columns rounded up] exist
  const Wanted* wanted;
  int n_wanted;
};

}  // namespace dctdecode::dct
