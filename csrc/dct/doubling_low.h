// The loops of dct/doubling.h where of either way only frequencies 0 and 1 are wanted: all that "square-24"
// takes of chroma. So few sums are left that to look for input frequencies that are zero costs more than it
// saves. Operations are rounded in the order of dct/doubling_kernel.h: channels do not depend on which others
// are read along with them.
#pragma once

#include "dct/doubling.h"
#include "dct/doubling_parts.h"
#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

// Of output frequencies 0 and 1, and of the first and the last sample; each for all lanes.
struct Weights {
  Float8 own[2][8], edge[8];
};

DCTDECODE_INLINE void spread(const Doubling& table, Weights& weights) {
  const Float8 zero{};
  for (int f = 0; f < 8; ++f) {
    weights.own[0][f] = table.own[0][f] + zero;
    weights.own[1][f] = table.own[1][f] + zero;
    weights.edge[f] = table.edge[f] + zero;
  }
}

// The sums over even and over odd frequencies of a line of eight.
DCTDECODE_INLINE void sums(const Float8* x, const Float8* weights, Float8& even, Float8& odd) {
  even = weights[0] * x[0] + weights[2] * x[2] + weights[4] * x[4] + weights[6] * x[6];
  odd = weights[1] * x[1] + weights[3] * x[3] + weights[5] * x[5] + weights[7] * x[7];
}

DCTDECODE_INLINE bool is_low(const DoubleColumnsPass& pass) {
  return pass.k == 2 && pass.extend == nullptr;  // a row to extend comes once an image
}

DCTDECODE_INLINE bool is_low(const DoubleBlocksPass& pass) {
  bool low = pass.k == 2;
  for (int w = 0; w < pass.n_wanted; ++w) low &= (pass.wanted[w].index & 7) < 2;
  return low;
}

template <class Target>
DCTDECODE_INLINE void double_columns_low(const DoubleColumnsPass& pass) {
  const Doubling& table = *pass.table;
  const int n_columns = pass.end_column - pass.first_column;
  Weights weights;
  spread(table, weights);
  // Not looked for, see above.
  std::memset(pass.block_lengths, 8, static_cast<std::size_t>(n_columns));
  std::memset(pass.lengths, 8, static_cast<std::size_t>(n_columns));
  const std::int16_t* block = pass.blocks + std::ptrdiff_t{64} * pass.first_column;
  for (int column = 0; column < n_columns; ++column, block += 64) {
    const std::ptrdiff_t at = std::ptrdiff_t{16} * column;
    Float8 x[8], even, odd, above;
    for (int f = 0; f < 8; ++f) {
      Short8 row;
      Float8 step;
      load(row, block + 8 * f);
      load(step, pass.quant + 8 * f);
      Target::convert(row, x[f]);
      x[f] *= step;
    }
    sums(x, weights.edge, even, odd);
    const Float8 first = even + odd, last = even - odd;
    if (pass.pending == nullptr) {
      above = first;
    } else {
      load(above, pass.last_lines + 8 * column);
      complete<2>(pass.pending + at, table, first);
    }
    save(pass.last_lines + 8 * column, last);
    sums(x, weights.own[0], even, odd);
    save(pass.upper + at, even + odd + table.before[0] * above);
    save(pass.lower + at, even - odd);
    sums(x, weights.own[1], even, odd);
    save(pass.upper + at + 8, even + odd + table.before[1] * above);
    save(pass.lower + at + 8, odd - even);
    if (pass.is_last) complete<2>(pass.lower + at, table, last);
  }
}

// Row v of all columns: per group of eight columns, frequencies 0 and 1 of the left and the right output
// blocks without the neighbours, (k, side, 8 columns); and the first and last sample of every column, with
// the image's edges repeated on either side.
template <class Target>
DCTDECODE_INLINE void turn_low(const DoubleBlocksPass& pass, int v) {
  Weights weights;
  spread(*pass.table, weights);
  for (int column = 0; column < pass.n_columns; column += 8) {
    float* const group = pass.turned + std::ptrdiff_t{8} * column;
    Float8 x[8], even, odd;
    Target::transpose(pass.values + std::ptrdiff_t{16} * column + 8 * v, 16, x);
    sums(x, weights.own[0], even, odd);
    save(group, even + odd);
    save(group + 8, even - odd);
    sums(x, weights.own[1], even, odd);
    save(group + 16, even + odd);
    save(group + 24, odd - even);
    sums(x, weights.edge, even, odd);
    save(pass.firsts + column, even + odd);
    save(pass.lasts + column, even - odd);
  }
  pass.lasts[-1] = pass.firsts[0];
  pass.firsts[pass.n_columns] = pass.lasts[pass.n_columns - 1];
}

template <class Target>
DCTDECODE_INLINE void double_row_low(const DoubleBlocksPass& pass, const Wanted& wanted) {
  const int k = wanted.index & 7;
  const float before_weight = pass.table->before[k], after_weight = pass.table->after[k];
  for (int column = 0; column < pass.n_columns; column += 8) {
    const float* const group = pass.turned + std::ptrdiff_t{8} * column + 16 * k;
    Float8 left, right, before, after;
    load(left, group);
    load(right, group + 8);
    load(before, pass.lasts + column - 1);
    load(after, pass.firsts + column + 1);
    left += before_weight * before;
    right += after_weight * after;
    normalise(left, wanted);
    normalise(right, wanted);
    store_blocks<Target>(pass, left, right, column, wanted.dst);
  }
}

template <class Target>
DCTDECODE_INLINE void double_blocks_low(const DoubleBlocksPass& pass) {
  int turned = -1;
  for (const Wanted* w = pass.wanted; w < pass.wanted + pass.n_wanted; ++w) {
    if (w->index >> 3 != turned) turn_low<Target>(pass, turned = w->index >> 3);
    double_row_low<Target>(pass, *w);
  }
}

}  // namespace
}  // namespace dctdecode::dct
