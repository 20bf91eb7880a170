// The resampling loops for any axis, on vectors of 8 floats (dct/vectors.h).
#pragma once

#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

DCTDECODE_INLINE void run(const DequantisePass& pass) {
  for (int column = 0; column < pass.n_columns; ++column) {
    const std::int16_t* const block = pass.blocks + std::ptrdiff_t{64} * column;
    float* const lines = pass.lines + std::ptrdiff_t{64} * column;
    Short8 rows[8];
#pragma GCC unroll 8
    for (int f = 0; f < 8; ++f) {
      Float8 step;
      load(rows[f], block + 8 * f);
      load(step, pass.quant + 8 * f);
      save(lines + 8 * f, __builtin_convertvector(rows[f], Float8) * step);
    }
    const Short8 from6 = rows[6] | rows[7], from4 = from6 | rows[4] | rows[5],
                 from2 = from4 | rows[2] | rows[3];
    pass.heights[column] =
        static_cast<std::uint8_t>(2 + 2 * (!is_zero(from2) + !is_zero(from4) + !is_zero(from6)));
    pass.lengths[column] = static_cast<std::uint8_t>(length(from2 | rows[0] | rows[1]));
  }
}

// K output rows of N columns at a time, which share the matrix's entries.
template <int K, int N>
DCTDECODE_INLINE void columns_pass(const ColumnPass& pass) {
  for (int column = 0; column < pass.n_columns; column += N) {
    Float8 sums[N][K] = {};
    for (int b = 0; b < pass.count; ++b) {
      int height = 0;
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) {
        const int own = pass.heights[b][column + c];
        height = own > height ? own : height;
      }
      if (height > pass.k_in) height = pass.k_in;
      const float* const lines = pass.lines[b] + std::ptrdiff_t{64} * column;
      const float* const matrix = pass.matrices + 64 * b;
      for (int f = 0; f < height; ++f) {
        Float8 line[N];
#pragma GCC unroll 4
        for (int c = 0; c < N; ++c) load(line[c], lines + 64 * c + 8 * f);
#pragma GCC unroll 8  // so that the sums stay in registers
        for (int k = 0; k < K; ++k) {
          const float weight = matrix[8 * k + f];
#pragma GCC unroll 4
          for (int c = 0; c < N; ++c) sums[c][k] += weight * line[c];
        }
      }
    }
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) {
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) save(pass.values + ((column + c) * K + k) * 8, sums[c][k]);
    }
  }
}

DCTDECODE_INLINE void run(const ColumnPass& pass) {
  if (pass.k == 2) return columns_pass<2, 4>(pass);
  if (pass.k == 4) return columns_pass<4, 2>(pass);
  columns_pass<8, 1>(pass);
}

// Lane j becomes the sum over the lanes of rows[j].
DCTDECODE_INLINE void sum_lanes(const Float8* rows, Float8& sums) {
  Float8 pairs[4], fours[2];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Float8 &a = rows[2 * i], &b = rows[2 * i + 1];
    pairs[i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
               __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const Float8 &a = pairs[2 * i], &b = pairs[2 * i + 1];
    fours[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
               __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  sums = __builtin_shufflevector(fours[0], fours[1], 0, 1, 2, 3, 8, 9, 10, 11) +
         __builtin_shufflevector(fours[0], fours[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

// Output block columns first .. first + 7, or as many as there are. Of each, a wanted frequency is the
// product of its columns' rows v with rows k of its matrices: first by input frequency, then summed over
// those. C blocks in a span; 0: any number.
template <int C>
DCTDECODE_INLINE void blocks_pass(const BlockPass& pass, int first, int n) {
  const Axis& axis = *pass.axis;
  const std::ptrdiff_t column_size = std::ptrdiff_t{8} * pass.k;
  const float *columns[8], *matrices[8];
  for (int j = 0; j < 8; ++j) {  // the last block stands in for those that do not exist
    const Span& span = axis.spans[first + (j < n ? j : n - 1)];
    columns[j] = pass.values + (span.first - axis.first_block) * column_size;
    matrices[j] = axis.matrices.data() + span.matrices;
  }
  for (int done = 0, run = 0; done < pass.n_wanted; done += run) {
    const Wanted* const wanted = pass.wanted + done;
    run = same_row(wanted, pass.n_wanted - done < 8 ? pass.n_wanted - done : 8);
    const int row = 8 * (wanted->index >> 3);
    float products[8][8][8];  // [wanted][block][input frequency]
    for (int j = 0; j < 8; ++j) {
      Float8 x[C > 0 ? C : 1];
#pragma GCC unroll 3
      for (int b = 0; b < C; ++b) load(x[b], columns[j] + b * column_size + row);
      for (int w = 0; w < run; ++w) {
        const float* const matrix = matrices[j] + 8 * (wanted[w].index & 7);
        Float8 weights, sum = {};
#pragma GCC unroll 3
        for (int b = 0; b < C; ++b) {
          load(weights, matrix + 64 * b);
          sum = b == 0 ? x[b] * weights : sum + x[b] * weights;
        }
        for (int b = 0; C == 0 && b < axis.longest_span; ++b) {
          load(x[0], columns[j] + b * column_size + row);
          load(weights, matrix + 64 * b);
          sum += x[0] * weights;
        }
        save(products[w][j], sum);
      }
    }
    for (int w = 0; w < run; ++w) {
      Float8 rows[8], values;
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) load(rows[j], products[w][j]);
      sum_lanes(rows, values);
      normalise(values, wanted[w]);
      if (n == 8) {
        save(wanted[w].dst + first, values);
      } else {
        float some[8];
        save(some, values);
        save_some(wanted[w].dst + first, some, n);
      }
    }
  }
}

template <int C>
DCTDECODE_INLINE void blocks_pass(const BlockPass& pass) {
  const int n_blocks = static_cast<int>(pass.axis->spans.size());
  for (int first = 0; first < n_blocks; first += 8) {
    blocks_pass<C>(pass, first, n_blocks - first < 8 ? n_blocks - first : 8);
  }
}

DCTDECODE_INLINE void run(const BlockPass& pass) {
  if (pass.axis->longest_span == 1) return blocks_pass<1>(pass);
  if (pass.axis->longest_span == 2) return blocks_pass<2>(pass);
  if (pass.axis->longest_span == 3) return blocks_pass<3>(pass);
  blocks_pass<0>(pass);
}

}  // namespace
}  // namespace dctdecode::dct
