// What both kernels of a doubling share: dct/doubling_kernel.h, dct/doubling_low.h.
#pragma once

#include "dct/doubling.h"
#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

// Adds what the block below gives to K rows that have their own part: its first line of samples, or where
// there is no such block, their own last line.
template <int K>
DCTDECODE_INLINE void complete(float* rows, const Doubling& table, const Float8& line) {
  for (int k = 0; k < K; ++k) {
    Float8 row;
    load(row, rows + 8 * k);
    save(rows + 8 * k, row + table.after[k] * line);
  }
}

// One frequency of the 16 output blocks of a group of eight columns.
template <class Target>
DCTDECODE_INLINE void store_blocks(const DoubleBlocksPass& pass, const Float8& left, const Float8& right,
                                   int column, float* row) {
  float* const to = row + 2 * column;
  const int n = pass.out_blocks - 2 * column;
  __builtin_prefetch(to + pass.out_blocks,
                     1);  // mostly the next output row: too many streams for the hardware
  if (n >= 16) {
    Target::interleave(left, right, to);
  } else {
    float some[16];
    Target::interleave(left, right, some);
    save_some(to, some, n);
  }
}

// The last column where the image ends inside it: each row of its values.
DCTDECODE_INLINE void extend_rows(float* column, int k, const float (*extend)[8]) {
  for (int v = 0; v < k; ++v, column += 8) {
    Float8 weights, extended;
    load(weights, extend[0]);
    extended = column[0] * weights;
    for (int f = 1; f < 8; ++f) {
      load(weights, extend[f]);
      extended += column[f] * weights;
    }
    save(column, extended);
  }
}

}  // namespace
}  // namespace dctdecode::dct
