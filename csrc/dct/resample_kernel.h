// The resampling loops for any axis, on vectors of 8 floats (dct/vectors.h).
#pragma once

#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

// Adds a block's part to a column. `any` collects which input frequencies u occur.
template <int K>
DCTDECODE_INLINE void add_block(const std::int16_t* block, const float* quant, const float* matrix, int k_in,
                                Float8 (&rows)[K], Short8& any) {
  for (int f = 0; f < k_in; ++f) {
    std::uint64_t halves[2];
    std::memcpy(halves, block + 8 * f, sizeof halves);
    if ((halves[0] | halves[1]) == 0) continue;
    Short8 coefficients;
    std::memcpy(&coefficients, halves, sizeof halves);
    any |= coefficients;
    Float8 step;
    load(step, quant + 8 * f);
    const Float8 x = __builtin_convertvector(coefficients, Float8) * step;
#pragma GCC unroll 8  // so that the rows stay in registers
    for (int k = 0; k < K; ++k) rows[k] += matrix[8 * f + k] * x;
  }
}

// The same where the span is one block taken over unchanged.
template <int K>
DCTDECODE_INLINE void copy_block(const std::int16_t* block, const float* quant, Float8 (&rows)[K],
                                 Short8& any) {
  for (int k = 0; k < K; ++k) {
    Short8 coefficients;
    std::memcpy(&coefficients, block + 8 * k, sizeof coefficients);
    any |= coefficients;
    Float8 step;
    load(step, quant + 8 * k);
    rows[k] = __builtin_convertvector(coefficients, Float8) * step;
  }
}

template <int K>
DCTDECODE_INLINE void columns_pass(const ColumnPass& pass) {
  for (int column = pass.first_column; column < pass.end_column; ++column) {
    Float8 rows[K] = {};
    Short8 any = {};
    const int slot = column - pass.first_column;
    if (pass.span.identity) {
      copy_block<K>(pass.rows[0] + std::ptrdiff_t{64} * slot, pass.quant, rows, any);
    } else {
      for (int b = 0; b < pass.span.count; ++b) {
        add_block<K>(pass.rows[b] + std::ptrdiff_t{64} * slot, pass.quant, pass.matrices + 64 * b, pass.k_in,
                     rows, any);
      }
    }
    pass.lengths[slot] = static_cast<std::uint8_t>(length(any));
    for (int k = 0; k < K; ++k) save(pass.values + (slot * K + k) * 8, rows[k]);
  }
}

// One output block from the columns of its span: out[k] holds output row v = k, lanes u.
template <int K>
DCTDECODE_INLINE void block_row(const BlockPass& pass, const Span& span, float (&out)[K][8]) {
  const int slot = span.first - pass.axis->first_block;
  const float* column = pass.values + std::ptrdiff_t{slot} * K * 8;
  if (span.identity) {
    std::memcpy(out, column, sizeof out);
    return;
  }
  Float8 sums[K] = {};
  const float* matrix = pass.axis->matrices.data() + span.matrices;
  for (int b = 0; b < span.count; ++b, column += K * 8, matrix += 64) {
    const int used =
        pass.lengths[slot + b] < pass.axis->spec.k_in ? pass.lengths[slot + b] : pass.axis->spec.k_in;
    for (int f = 0; f < used; ++f) {
      Float8 weights;
      load(weights, matrix + 8 * f);
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) sums[k] += column[8 * k + f] * weights;
    }
  }
  for (int k = 0; k < K; ++k) save(out[k], sums[k]);
}

// Eight output blocks at a time, so that each wanted row is written in runs.
template <class Shuffle, int K>
DCTDECODE_INLINE void blocks_pass(const BlockPass& pass) {
  float tile[8][K][8] = {};
  const int n_blocks = static_cast<int>(pass.axis->spans.size());
  for (int first = 0; first < n_blocks; first += 8) {
    const int n = n_blocks - first < 8 ? n_blocks - first : 8;
    for (int j = 0; j < n; ++j) block_row<K>(pass, pass.axis->spans[first + j], tile[j]);
    for (int done = 0, run = 0; done < pass.n_wanted; done += run) {
      const Wanted* const wanted = pass.wanted + done;
      run = same_row(wanted, pass.n_wanted - done);
      Float8 turned[8];
      Shuffle::transpose(tile[0][wanted->index >> 3], 8 * K, turned);
      for (int w = 0; w < run; ++w) {
        Float8 values = turned[wanted[w].index & 7];
        normalise(values, wanted[w]);
        float some[8];
        save(some, values);
        save_some(wanted[w].dst + first, some, n);
      }
    }
  }
}

DCTDECODE_INLINE void run(const ColumnPass& pass) {
  if (pass.k == 2) return columns_pass<2>(pass);
  if (pass.k == 4) return columns_pass<4>(pass);
  columns_pass<8>(pass);
}

template <class Shuffle>
DCTDECODE_INLINE void run(const BlockPass& pass) {
  if (pass.k == 2) return blocks_pass<Shuffle, 2>(pass);
  if (pass.k == 4) return blocks_pass<Shuffle, 4>(pass);
  blocks_pass<Shuffle, 8>(pass);
}

}  // namespace
}  // namespace dctdecode::dct
