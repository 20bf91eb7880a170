#include "dct/resample.h"

#include <algorithm>

#include "dct/dispatch.h"

namespace dctdecode::dct {
namespace {

template <class T>
void reserve(std::vector<T>& memory, std::size_t n) {
  if (memory.size() < n) memory.resize(n);
}

int rows_computed(const Axis& vertical) {
  return vertical.spec.k_out <= 2 ? 2 : vertical.spec.k_out <= 4 ? 4 : 8;
}

std::size_t whole_groups(int n_columns) { return (static_cast<std::size_t>(n_columns) + 7) / 8 * 8; }

// The block that holds the last true sample, if others follow in it.
const float (*extension(const Axis& axis))[8] {
  const int true_samples = axis.spec.hi % 8;
  return true_samples == 0 ? nullptr : doubling().extend[true_samples];
}

// What both vertical passes share.
template <class Pass>
void fill(Pass& pass, const Axis& vertical, const Axis& horizontal, const std::uint16_t* quant,
          Columns& columns) {
  const int n_columns = horizontal.end_block - horizontal.first_block;
  pass.k = rows_computed(vertical);
  reserve(columns.values, whole_groups(n_columns) * pass.k * 8);
  reserve(columns.lengths, n_columns);
  for (int f = 0; f < 64; ++f) pass.quant[f] = static_cast<float>(quant[f]);
  pass.first_column = horizontal.first_block;
  pass.end_column = horizontal.end_block;
  pass.lengths = columns.lengths.data();
}

float* general_columns(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                       const std::uint16_t* quant, Columns& columns) {
  ColumnPass pass;
  fill(pass, vertical, horizontal, quant, columns);
  pass.plane = plane;
  pass.span = vertical.spans[i];
  pass.matrices = vertical.matrices.data() + pass.span.matrices;
  pass.k_in = vertical.spec.k_in;
  pass.values = columns.values.data();
  kernels().resample_columns(pass);
  return pass.values;
}

// Takes in block row m.
void double_block_row(int m, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                      const std::uint16_t* quant, Columns& columns) {
  const auto n_columns = static_cast<std::size_t>(horizontal.end_block - horizontal.first_block);
  DoubleColumnsPass pass;
  fill(pass, vertical, horizontal, quant, columns);
  for (std::vector<float>& rows : columns.lower) reserve(rows, columns.values.size());
  reserve(columns.last_lines, n_columns * 8);
  reserve(columns.block_lengths, n_columns);
  if (m == 0) std::fill_n(columns.block_lengths.begin(), n_columns, std::uint8_t{0});
  pass.table = &doubling();
  pass.blocks = plane.row(m);
  pass.is_last = m + 1 == vertical.end_block;
  pass.extend = pass.is_last ? extension(vertical) : nullptr;
  pass.upper = columns.values.data();
  pass.lower = columns.lower[m % 2].data();
  pass.pending = m == 0 ? nullptr : columns.lower[(m + 1) % 2].data();
  pass.last_lines = columns.last_lines.data();
  pass.block_lengths = columns.block_lengths.data();
  kernels().double_columns(pass);
  columns.block_row = m;
}

float* doubled_columns(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                       const std::uint16_t* quant, Columns& columns) {
  if (i == 0) columns.block_row = -1;
  const int m = std::min((i + 1) / 2, vertical.end_block - 1);  // 2m - 1 and 2m become whole together
  if (m > columns.block_row) double_block_row(m, vertical, horizontal, plane, quant, columns);
  return i % 2 == 0 ? columns.values.data() : columns.lower[i / 2 % 2].data();
}

void doubled_blocks(const Axis& horizontal, int k, float* values, const Wanted* wanted, int n_wanted,
                    Columns& columns) {
  const int n_columns = horizontal.end_block;
  const std::size_t whole = whole_groups(n_columns);
  reserve(columns.pairs, whole / 8);
  reserve(columns.turned, whole * 8);
  reserve(columns.firsts, whole + 8);
  reserve(columns.lasts, whole + 8);
  DoubleBlocksPass pass;
  pass.table = &doubling();
  pass.n_columns = n_columns;
  pass.out_blocks = horizontal.spec.out_blocks;
  pass.k = k;
  pass.extend = extension(horizontal);
  std::fill_n(columns.pairs.begin(), whole / 8, std::uint8_t{1});
  for (int c = 0; c < n_columns; ++c) {
    const int length = c + 1 == n_columns && pass.extend != nullptr ? 8 : columns.lengths[c];
    columns.pairs[c / 8] = std::max(columns.pairs[c / 8], static_cast<std::uint8_t>((length + 1) / 2));
  }
  pass.values = values;
  pass.pairs = columns.pairs.data();
  pass.turned = columns.turned.data();
  pass.firsts = columns.firsts.data();
  pass.lasts = columns.lasts.data() + 1;
  pass.wanted = wanted;
  pass.n_wanted = n_wanted;
  kernels().double_blocks(pass);
}

}  // namespace

void resample_row(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                  const std::uint16_t* quant, const Wanted* wanted, int n_wanted, Columns& columns) {
  float* const values =
      (vertical.doubled ? doubled_columns : general_columns)(i, vertical, horizontal, plane, quant, columns);
  const int k = rows_computed(vertical);
  if (horizontal.doubled) return doubled_blocks(horizontal, k, values, wanted, n_wanted, columns);
  kernels().resample_blocks({&horizontal, k, values, columns.lengths.data(), wanted, n_wanted});
}

}  // namespace dctdecode::dct
