#include "dct/resample.h"

#include <algorithm>
#include <cstring>

#include "dct/dispatch.h"

namespace dctdecode::dct {
namespace {

template <class T>
void reserve(std::vector<T>& memory, std::size_t n) {
  if (memory.size() < n) memory.resize(n);
}

// 2, 4 or 8: enough for all that is wanted.
int two_four_or_eight(int highest) { return highest < 2 ? 2 : highest < 4 ? 4 : 8; }

int rows_computed(const Wanted* wanted, int n_wanted) {
  int highest = 0;
  for (int w = 0; w < n_wanted; ++w) highest = std::max(highest, wanted[w].index >> 3);
  return two_four_or_eight(highest);
}

std::size_t whole_groups(int n_columns) { return (static_cast<std::size_t>(n_columns) + 7) / 8 * 8; }

std::size_t room_for_columns(const Axis& horizontal) {
  return whole_groups(horizontal.end_block - horizontal.first_block) +
         static_cast<std::size_t>(horizontal.longest_span);
}

// The block that holds the last true sample, if others follow in it.
const float (*extension(const Axis& axis))[8] {
  const int true_samples = axis.spec.hi % 8;
  return true_samples == 0 || 8 * axis.end_block < axis.spec.hi ? nullptr : doubling().extend[true_samples];
}

// Of a doubling: the input block that makes output block row i whole.
int last_input(const Axis& vertical, int i) {
  return std::min((vertical.spec.first_out + i + 1) / 2, vertical.end_block - 1);
}

// What both vertical passes share.
template <class Pass>
void fill(Pass& pass, int k, const Axis& horizontal, const std::uint16_t* quant, Columns& columns) {
  const int n_columns = horizontal.end_block - horizontal.first_block;
  pass.k = k;
  reserve(columns.values, room_for_columns(horizontal) * pass.k * 8);
  reserve(columns.lengths, n_columns);
  for (int f = 0; f < 64; ++f) pass.quant[f] = static_cast<float>(quant[f]);
  pass.first_column = horizontal.first_block;
  pass.end_column = horizontal.end_block;
  pass.lengths = columns.lengths.data();
}

// Block row `index`, measured.
const Columns::BlockRow& block_row(int index, const Axis& vertical, const Axis& horizontal,
                                   const Plane& plane, Columns& columns) {
  Columns::BlockRow& row = columns.block_rows[index % vertical.longest_span];
  if (row.index == index) return row;
  const int n_columns = horizontal.end_block - horizontal.first_block;
  reserve(row.heights, n_columns);
  if (horizontal.doubled) reserve(row.lengths, n_columns);
  kernels().measure_row({plane.at(index, horizontal.first_block), n_columns, row.heights.data(),
                         horizontal.doubled ? row.lengths.data() : nullptr});
  row.index = index;
  return row;
}

float* general_columns(int i, int k, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                       const std::uint16_t* quant, Columns& columns) {
  const int n_columns = horizontal.end_block - horizontal.first_block;
  const Span& span = vertical.spans[i];
  reserve(columns.block_rows, vertical.longest_span);
  reserve(columns.span_blocks, span.count);
  reserve(columns.span_heights, span.count);
  reserve(columns.scaled, std::size_t{64} * k * span.count);
  reserve(columns.values, room_for_columns(horizontal) * k * 8);
  if (horizontal.doubled) columns.lengths.assign(n_columns, 0);
  for (int b = 0; b < span.count; ++b) {
    const Columns::BlockRow& row = block_row(span.first + b, vertical, horizontal, plane, columns);
    columns.span_blocks[b] = plane.at(span.first + b, horizontal.first_block);
    columns.span_heights[b] = row.heights.data();
    for (int c = 0; horizontal.doubled && c < n_columns; ++c)
      columns.lengths[c] = std::max(columns.lengths[c], row.lengths[c]);
  }
  if (span.identity) {
    DequantisePass pass{columns.span_blocks[0], n_columns, k, {}, columns.values.data()};
    std::copy_n(quant, 64, pass.quant);
    kernels().dequantise_row(pass);
  } else {
    ColumnPass pass{span.count,
                    vertical.matrices.data() + span.matrices,
                    columns.span_blocks.data(),
                    columns.span_heights.data(),
                    n_columns,
                    vertical.spec.k_in,
                    k,
                    {},
                    columns.scaled.data(),
                    columns.values.data()};
    std::copy_n(quant, 64, pass.quant);
    kernels().resample_columns(pass);
  }
  return columns.values.data();
}

// Takes in block row m.
void double_block_row(int m, int k, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                      const std::uint16_t* quant, Columns& columns) {
  const auto n_columns = static_cast<std::size_t>(horizontal.end_block - horizontal.first_block);
  DoubleColumnsPass pass;
  fill(pass, k, horizontal, quant, columns);
  const bool is_first = m == vertical.first_block;
  for (std::vector<float>& rows : columns.lower) reserve(rows, columns.values.size());
  reserve(columns.last_lines, n_columns * 8);
  reserve(columns.block_lengths, n_columns);
  if (is_first) std::fill_n(columns.block_lengths.begin(), n_columns, std::uint8_t{0});
  pass.table = &doubling();
  pass.blocks = plane.at(m, horizontal.first_block);
  pass.first_column = 0;
  pass.end_column = static_cast<int>(n_columns);
  pass.is_last = m + 1 == vertical.end_block;
  pass.extend = pass.is_last ? extension(vertical) : nullptr;
  pass.upper = columns.values.data();
  pass.lower = columns.lower[m % 2].data();
  pass.pending = is_first ? nullptr : columns.lower[(m + 1) % 2].data();
  pass.last_lines = columns.last_lines.data();
  pass.block_lengths = columns.block_lengths.data();
  kernels().double_columns(pass);
  columns.block_row = m;
}

float* doubled_columns(int i, int k, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                       const std::uint16_t* quant, Columns& columns) {
  if (columns.block_row < 0) columns.block_row = vertical.first_block - 1;
  const int last = last_input(vertical, i);  // output rows 2 last - 1 and 2 last become whole together
  while (columns.block_row < last) {
    double_block_row(columns.block_row + 1, k, vertical, horizontal, plane, quant, columns);
  }
  const int row = vertical.spec.first_out + i;
  return row % 2 == 0 ? columns.values.data() : columns.lower[row / 2 % 2].data();
}

// Output blocks 2 first_block .. of the doubled axis, `out_blocks` of them.
void doubled_blocks(const Axis& horizontal, int k, int out_blocks, float* values, const Wanted* wanted,
                    int n_wanted, Columns& columns) {
  const int n_columns = horizontal.end_block - horizontal.first_block;
  const std::size_t whole = whole_groups(n_columns);
  reserve(columns.pairs, whole / 8);
  reserve(columns.turned, whole * 8);
  reserve(columns.firsts, whole + 8);
  reserve(columns.lasts, whole + 8);
  DoubleBlocksPass pass;
  pass.table = &doubling();
  pass.n_columns = n_columns;
  pass.out_blocks = out_blocks;
  pass.k = k;
  pass.extend = extension(horizontal);
  for (std::size_t group = 0; group < whole / 8; ++group) {
    const std::uint8_t* const lengths = columns.lengths.data() + 8 * group;
    const int longest =
        *std::max_element(lengths, lengths + std::min(8, n_columns - static_cast<int>(8 * group)));
    columns.pairs[group] = static_cast<std::uint8_t>(std::max(1, (longest + 1) / 2));
  }
  if (pass.extend != nullptr) columns.pairs[whole / 8 - 1] = 4;
  pass.values = values;
  pass.pairs = columns.pairs.data();
  pass.turned = columns.turned.data();
  pass.firsts = columns.firsts.data();
  pass.lasts = columns.lasts.data() + 1;
  pass.wanted = wanted;
  pass.n_wanted = n_wanted;
  kernels().double_blocks(pass);
}

// The range of the output that is wanted, which may begin behind 2 first_block.
void doubled_range(const Axis& horizontal, int k, float* values, const Wanted* wanted, int n_wanted,
                   Columns& columns) {
  const int skip = horizontal.spec.first_out - 2 * horizontal.first_block, n = horizontal.spec.num_out();
  if (skip == 0) return doubled_blocks(horizontal, k, n, values, wanted, n_wanted, columns);
  reserve(columns.uncut, static_cast<std::size_t>(n_wanted) * (skip + n));
  columns.uncut_wanted.assign(wanted, wanted + n_wanted);
  for (int w = 0; w < n_wanted; ++w) {
    columns.uncut_wanted[w].dst = columns.uncut.data() + static_cast<std::size_t>(w) * (skip + n);
  }
  doubled_blocks(horizontal, k, skip + n, values, columns.uncut_wanted.data(), n_wanted, columns);
  for (int w = 0; w < n_wanted; ++w) std::copy_n(columns.uncut_wanted[w].dst + skip, n, wanted[w].dst);
}

// The matrices of all output blocks as the kernel for few rows multiplies with them: (output blocks, longest
// span, 2k quads, pairs, 8). A quad is four floats of a turned column, (4 / k input frequencies, k rows); the
// first half of a vector is for the even output frequency of a pair, the second for the odd one.
void spread_weights(const Axis& horizontal, int k, int n_pairs, std::vector<float>& weights) {
  using Quad = float __attribute__((vector_size(16)));
  const std::size_t block_size = std::size_t{16} * k * n_pairs;
  reserve(weights, block_size * horizontal.longest_span * horizontal.spans.size());
  for (std::size_t block = 0; block < horizontal.spans.size(); ++block) {
    const Span& span = horizontal.spans[block];
    const float* matrix = horizontal.matrices.data() + span.matrices;
    float* to = weights.data() + block_size * horizontal.longest_span * block;
    for (int b = 0; b < span.count; ++b, matrix += 64) {
      for (int q = 0; q < 2 * k; ++q) {
        const float* row = matrix + 4 * (q % 2) + 4 / k * (q / 2);  // in the order of kOrder
        for (int out = 0; out < 2 * n_pairs; ++out, row += 8, to += 4) {
          const Quad quad = k == 4 ? Quad{} + row[0] : Quad{row[0], row[0], row[1], row[1]};
          std::memcpy(to, &quad, sizeof quad);
        }
      }
    }
  }
}

// Every frequency k that is wanted, and the last one again up to a multiple of 4; how many.
int list_frequencies(const Wanted* wanted, int n_wanted, int* frequencies) {
  unsigned seen = 0;
  for (int w = 0; w < n_wanted; ++w) seen |= 1U << (wanted[w].index & 7);
  int n = 0;
  for (int k = 0; k < 8; ++k) {
    if ((seen >> k & 1U) != 0) frequencies[n++] = k;
  }
  for (; n % 4 != 0; ++n) frequencies[n] = frequencies[n - 1];
  return n;
}

void general_blocks(const Axis& horizontal, int k, const float* values, const Wanted* wanted, int n_wanted,
                    Columns& columns) {
  int frequencies[8];
  const int n_frequencies = list_frequencies(wanted, n_wanted, frequencies);
  const int n_pairs = two_four_or_eight(frequencies[n_frequencies - 1]) / 2;
  reserve(columns.turned, room_for_columns(horizontal) * k * 8);
  if (are_weights_spread(k, n_pairs, kernels().lanes) &&
      (columns.weights_of[0] != k || columns.weights_of[1] != n_pairs)) {
    spread_weights(horizontal, k, n_pairs, columns.weights);
    columns.weights_of[0] = k;
    columns.weights_of[1] = n_pairs;
  }
  kernels().resample_blocks({&horizontal, k, horizontal.end_block - horizontal.first_block, values,
                             columns.turned.data(), columns.weights.data(), n_pairs, frequencies,
                             n_frequencies, wanted, n_wanted});
}

}  // namespace

InputRows input_rows(const Axis& vertical, int i) {
  if (!vertical.doubled) {
    const Span& span = vertical.spans[i];
    return {span.first, span.first + span.count};
  }
  return {i == 0 ? vertical.first_block : last_input(vertical, i), last_input(vertical, i) + 1};
}

void restart(Columns& columns) {
  columns.block_row = -1;
  columns.weights_of[0] = 0;
  for (Columns::BlockRow& row : columns.block_rows) row.index = -1;
}

void resample_row(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                  const std::uint16_t* quant, const Wanted* wanted, int n_wanted, Columns& columns) {
  if (i == 0) restart(columns);
  const int k = rows_computed(wanted, n_wanted);
  float* const values = (vertical.doubled ? doubled_columns : general_columns)(i, k, vertical, horizontal,
                                                                               plane, quant, columns);
  if (horizontal.doubled) return doubled_range(horizontal, k, values, wanted, n_wanted, columns);
  general_blocks(horizontal, k, values, wanted, n_wanted, columns);
}

}  // namespace dctdecode::dct
