// The loops of dct/doubling.h on vectors of 8 floats (dct/vectors.h): lanes are the input frequencies u while
// a component is doubled vertically, and eight block columns while it is doubled horizontally.
#pragma once

#include "dct/doubling.h"
#include "dct/doubling_low.h"
#include "dct/doubling_parts.h"
#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

// Lines of eight are given as x[0 .. 2 * Pairs - 1]; higher frequencies are zero.

// The first and the last sample of a line of eight.
template <int Pairs>
DCTDECODE_INLINE void ends(const Float8* x, const Doubling& table, Float8& first, Float8& last) {
  Float8 even = table.edge[0] * x[0], odd = table.edge[1] * x[1];
#pragma GCC unroll 4
  for (int p = 1; p < Pairs; ++p) {
    even += table.edge[2 * p] * x[2 * p];
    odd += table.edge[2 * p + 1] * x[2 * p + 1];
  }
  first = even + odd;
  last = even - odd;
}

// Output frequency k of both output blocks, without the neighbours.
template <int Pairs>
DCTDECODE_INLINE void split(const Float8* x, const Doubling& table, int k, Float8& upper, Float8& lower) {
  const float* own = table.own[k];
  Float8 even = own[0] * x[0], odd = own[1] * x[1];
#pragma GCC unroll 4
  for (int p = 1; p < Pairs; ++p) {
    even += own[2 * p] * x[2 * p];
    odd += own[2 * p + 1] * x[2 * p + 1];
  }
  upper = even + odd;
  lower = (k & 1) != 0 ? odd - even : even - odd;
}

template <int K, int Pairs>
DCTDECODE_INLINE void double_column(const DoubleColumnsPass& pass, const Float8* x, int column) {
  const Doubling& table = *pass.table;
  const std::ptrdiff_t at = std::ptrdiff_t{column} * K * 8;
  Float8 first, last, above;
  ends<Pairs>(x, table, first, last);
  if (pass.pending == nullptr) {
    above = first;
  } else {
    load(above, pass.last_lines + column * 8);
    complete<K>(pass.pending + at, table, first);
  }
  save(pass.last_lines + column * 8, last);
#pragma GCC unroll 8
  for (int k = 0; k < K; ++k) {
    Float8 upper, lower;
    split<Pairs>(x, table, k, upper, lower);
    save(pass.upper + at + 8 * k, upper + table.before[k] * above);
    save(pass.lower + at + 8 * k, lower);
  }
  if (pass.is_last) complete<K>(pass.lower + at, table, last);
}

// Where the image ends inside the block row.
DCTDECODE_INLINE void extend_block(const Float8* x, const float (*extend)[8], Float8* extended) {
  for (int g = 0; g < 8; ++g) extended[g] = extend[0][g] * x[0];
  for (int f = 1; f < 8; ++f) {
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) extended[g] += extend[f][g] * x[f];
  }
}

template <class Target, int K>
DCTDECODE_INLINE void double_columns(const DoubleColumnsPass& pass) {
  for (int column = 0; column < pass.end_column - pass.first_column; ++column) {
    const std::int16_t* block = pass.blocks + std::ptrdiff_t{64} * (pass.first_column + column);
    Short8 rows[8];
    for (int f = 0; f < 8; ++f) load(rows[f], block + 8 * f);
    const Short8 from6 = rows[6] | rows[7], from4 = from6 | rows[4] | rows[5],
                 from2 = from4 | rows[2] | rows[3];
    const int own = std::bit_width(Target::nonzero(from2 | rows[0] | rows[1])) / 2,
              above = pass.block_lengths[column];
    pass.block_lengths[column] = static_cast<std::uint8_t>(own);
    pass.lengths[column] = static_cast<std::uint8_t>(own > above ? own : above);
    Float8 x[8], extended[8];
    for (int f = 0; f < 8; ++f) {
      Float8 step;
      load(step, pass.quant + 8 * f);
      Target::convert(rows[f], x[f]);
      x[f] *= step;
    }
    if (pass.extend != nullptr) {
      extend_block(x, pass.extend, extended);
      double_column<K, 4>(pass, extended, column);
      continue;
    }
    switch ((Target::nonzero(from2) != 0) + (Target::nonzero(from4) != 0) + (Target::nonzero(from6) != 0)) {
      case 0:
        double_column<K, 1>(pass, x, column);
        break;
      case 1:
        double_column<K, 2>(pass, x, column);
        break;
      case 2:
        double_column<K, 3>(pass, x, column);
        break;
      default:
        double_column<K, 4>(pass, x, column);
    }
  }
}

// Row v of all columns: per group of eight columns, x[u] with lanes = columns, and the first and last sample
// of every column, with the image's edges repeated on either side.
template <class Target>
DCTDECODE_INLINE void turn(const DoubleBlocksPass& pass, int v) {
  for (int column = 0; column < pass.n_columns; column += 8) {
    float* const group = pass.turned + std::ptrdiff_t{8} * column;
    const std::ptrdiff_t stride = std::ptrdiff_t{8} * pass.k;
    Float8 x[8], first, last;
    Target::transpose(pass.values + column * stride + 8 * v, stride, x);
    for (int u = 0; u < 8; ++u) save(group + 8 * u, x[u]);
    ends<4>(x, *pass.table, first, last);
    save(pass.firsts + column, first);
    save(pass.lasts + column, last);
  }
  pass.lasts[-1] = pass.firsts[0];
  pass.firsts[pass.n_columns] = pass.lasts[pass.n_columns - 1];
}

// The wanted frequencies, all of one row v, of the 16 output blocks of a group.
template <class Target, int Pairs>
DCTDECODE_INLINE void double_group(const DoubleBlocksPass& pass, int column, const Wanted* wanted,
                                   int n_wanted) {
  const Doubling& table = *pass.table;
  const float* const group = pass.turned + std::ptrdiff_t{8} * column;
  Float8 x[2 * Pairs], before, after;
  for (int u = 0; u < 2 * Pairs; ++u) load(x[u], group + 8 * u);
  load(before, pass.lasts + column - 1);
  load(after, pass.firsts + column + 1);
  for (const Wanted* w = wanted; w < wanted + n_wanted; ++w) {
    const int k = w->index & 7;
    Float8 left, right;
    split<Pairs>(x, table, k, left, right);
    left += table.before[k] * before;
    right += table.after[k] * after;
    normalise(left, *w);
    normalise(right, *w);
    store_blocks<Target>(pass, left, right, column, w->dst);
  }
}

template <class Target>
DCTDECODE_INLINE void double_blocks(const DoubleBlocksPass& pass) {
  if (pass.extend != nullptr) {
    extend_rows(pass.values + std::ptrdiff_t{8} * pass.k * (pass.n_columns - 1), pass.k, pass.extend);
  }
  if (is_low(pass)) return double_blocks_low<Target>(pass);
  for (int done = 0, run = 0; done < pass.n_wanted; done += run) {
    const Wanted* const wanted = pass.wanted + done;
    run = same_row(wanted, pass.n_wanted - done);
    turn<Target>(pass, wanted->index >> 3);
    for (int column = 0; column < pass.n_columns; column += 8) {
      switch (pass.pairs[column / 8]) {
        case 1:
          double_group<Target, 1>(pass, column, wanted, run);
          break;
        case 2:
          double_group<Target, 2>(pass, column, wanted, run);
          break;
        case 3:
          double_group<Target, 3>(pass, column, wanted, run);
          break;
        default:
          double_group<Target, 4>(pass, column, wanted, run);
      }
    }
  }
}

template <class Target>
DCTDECODE_INLINE void run(const DoubleColumnsPass& pass) {
  if (is_low(pass)) return double_columns_low<Target>(pass);
  if (pass.k == 2) return double_columns<Target, 2>(pass);
  if (pass.k == 4) return double_columns<Target, 4>(pass);
  double_columns<Target, 8>(pass);
}

template <class Target>
DCTDECODE_INLINE void run(const DoubleBlocksPass& pass) {
  double_blocks<Target>(pass);
}

}  // namespace
}  // namespace dctdecode::dct
