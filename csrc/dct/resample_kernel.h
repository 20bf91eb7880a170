// The vertical half of the resampling operator, for any axis, on vectors of 8 floats (dct/vectors.h).
#pragma once

#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

template <class Target>
DCTDECODE_INLINE void run(const MeasurePass& pass) {
  const std::int16_t* block = pass.blocks;
  for (int column = 0; column < pass.n_columns; ++column, block += 64) {
    int height = Target::is_zero(block + 16) ? 2 : 4;
    if (!Target::is_zero(block + 32)) height = 6;
    if (!Target::is_zero(block + 48)) height = 8;
    pass.heights[column] = static_cast<std::uint8_t>(height);
  }
  if (pass.lengths == nullptr) return;
  block = pass.blocks;
  for (int column = 0; column < pass.n_columns; ++column, block += 64) {
    Short8 all, row;
    load(all, block);
    for (int f = 1; f < 8; ++f) {
      load(row, block + 8 * f);
      all |= row;
    }
    pass.lengths[column] = static_cast<std::uint8_t>(std::bit_width(Target::nonzero(all)) / 2);
  }
}

template <class Target>
DCTDECODE_INLINE void run(const DequantisePass& pass) {
  for (int column = 0; column < pass.n_columns; ++column) {
    for (int f = 0; f < pass.k; ++f) {
      Short8 row;
      Float8 line, step;
      load(row, pass.blocks + std::ptrdiff_t{64} * column + 8 * f);
      load(step, pass.quant + 8 * f);
      Target::convert(row, line);
      save(pass.values + (std::ptrdiff_t{pass.k} * column + f) * 8, line * step);
    }
  }
}

// The matrices times the quantisation table, so that nothing else has to dequantise:
// (count, 8 input frequencies, K, 8 u).
template <int K>
DCTDECODE_INLINE void scale_matrices(const ColumnPass& pass) {
  float* to = pass.scaled;
  for (int b = 0; b < pass.count; ++b) {
    for (int f = 0; f < 8; ++f) {
      Float8 step;
      load(step, pass.quant + 8 * f);
      for (int k = 0; k < K; ++k, to += 8) {
        Float8 weight;
        spread(weight, pass.matrices[64 * b + 8 * k + f]);
        save(to, weight * step);
      }
    }
  }
}

// K output rows of N columns, which share the matrix's entries.
template <class Target, int K, int N>
DCTDECODE_INLINE void some_columns(const ColumnPass& pass, int column) {
  constexpr int kWidth = Target::kLanes;  // a vector of 16 holds output rows k and k + 1
  constexpr int kVectors = 8 * K / kWidth;
  using Vector = Floats<kWidth>;
  Vector sums[N][kVectors] = {};
  for (int b = 0; b < pass.count; ++b) {
    int height = 0;
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
      const int own = pass.heights[b][column + c];
      height = own > height ? own : height;
    }
    if (height > pass.k_in) height = (pass.k_in + 1) / 2 * 2;  // the matrices end in zeros
    const std::int16_t* const blocks = pass.blocks[b] + std::ptrdiff_t{64} * column;
    const float* const scaled = pass.scaled + std::ptrdiff_t{64 * K} * b;
#pragma GCC unroll 2  // heights are even
    for (int f = 0; f < height; ++f) {
      Vector line[N];
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) {
        Short8 row;
        load(row, blocks + 64 * c + 8 * f);
        Target::convert(row, line[c]);
      }
#pragma GCC unroll 8  // so that the sums stay in registers
      for (int k = 0; k < kVectors; ++k) {
        Vector weight;
        load(weight, scaled + 8 * K * f + kWidth * k);
#pragma GCC unroll 4
        for (int c = 0; c < N; ++c) Target::multiply_add(sums[c][k], line[c], weight);
      }
    }
  }
#pragma GCC unroll 4
  for (int c = 0; c < N; ++c) {
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) save(pass.values + (column + c) * K * 8 + kWidth * k, sums[c][k]);
  }
}

template <class Target, int K, int N>
DCTDECODE_INLINE void columns_from(const ColumnPass& pass, int column) {
  for (; column + N <= pass.n_columns; column += N) some_columns<Target, K, N>(pass, column);
  if constexpr (N > 1) columns_from<Target, K, N / 2>(pass, column);
}

template <class Target, int K>
DCTDECODE_INLINE void columns_pass(const ColumnPass& pass) {
  scale_matrices<K>(pass);
  columns_from<Target, K, 8 / K>(pass, 0);  // more of them have fewer rows of zeros in common
}

template <class Target>
DCTDECODE_INLINE void run(const ColumnPass& pass) {
  if (pass.k == 2) return columns_pass<Target, 2>(pass);
  if (pass.k == 4) return columns_pass<Target, 4>(pass);
  columns_pass<Target, 8>(pass);
}

}  // namespace
}  // namespace dctdecode::dct
