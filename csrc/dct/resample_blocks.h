// The horizontal half of the resampling operator, on vectors of 8 floats (dct/vectors.h). Lanes are rows v,
// so that no sum runs across lanes; 8 output blocks at a time are turned into 8 columns of their planes in
// the end. With few rows a vector holds two output frequencies of one block:
//
//   K rows   a column as it is read       a vector of results          slot of (v, k)   lane
//   8        8 vectors: u; lanes v        one k; lanes v               k                v
//   4        8 quads: u; v                k even: v | k odd: v         k / 2            4 (k % 2) + v
//   2        4 quads: u, u + 1; v         the same, v = 0, 1           k / 2            4 (k % 2) + v
//
// Whatever K is, products of even and of odd u are summed apart, block by block in the order of kOrder: a
// coefficient has the same bits whichever others are computed with it.
#pragma once

#include "dct/vectors.h"

namespace dctdecode::dct {
namespace {

struct BlockColumns {  // what 8 output blocks are made of
  int count[8];
  const float* turned[8];
  const float* weights[8];
};

// Where planes (slots, lanes) hold a frequency 8 * v + k.
template <int K>
struct Lanes {
  std::uint8_t of[64] = {};
  constexpr Lanes() {
    for (int v = 0; v < K; ++v) {
      for (int k = 0; k < 8; ++k) {
        of[8 * v + k] = static_cast<std::uint8_t>(K == 8 ? 8 * k + v : 8 * (k / 2) + 4 * (k % 2) + v);
      }
    }
  }
};

// values (columns, K, 8 u) to (columns, 8 u, K), u in the order of kOrder.
template <class Target, int K>
DCTDECODE_INLINE void turn(const BlockPass& pass) {
  const float* from = pass.values;
  float* to = pass.turned;
  for (int left = pass.n_columns; left > 0; --left, from += 8 * K, to += 8 * K) {
    if constexpr (K == 8) {
      Float8 lines[8];
      Target::transpose(from, 8, lines);
#pragma GCC unroll 8
      for (int u = 0; u < 8; ++u) save(to + 8 * u, lines[kOrder[u]]);
    } else {
      Float8 rows[K], low[K / 2], high[K / 2];
#pragma GCC unroll 4
      for (int v = 0; v < K; ++v) load(rows[v], from + 8 * v);
#pragma GCC unroll 2
      for (int i = 0; i < K / 2; ++i) {
        low[i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        high[i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
      }
      if constexpr (K == 2) {
        save(to, low[0]);
        save(to + 8, high[0]);
      } else {
        save(to, __builtin_shufflevector(low[0], low[1], 0, 1, 8, 9, 4, 5, 12, 13));
        save(to + 8, __builtin_shufflevector(low[0], low[1], 2, 3, 10, 11, 6, 7, 14, 15));
        save(to + 16, __builtin_shufflevector(high[0], high[1], 0, 1, 8, 9, 4, 5, 12, 13));
        save(to + 24, __builtin_shufflevector(high[0], high[1], 2, 3, 10, 11, 6, 7, 14, 15));
      }
    }
  }
}

// Four output frequencies `ks` of one block, K = 8.
template <class Target>
DCTDECODE_INLINE void four_frequencies(const float* turned, const float* matrices, int n_columns,
                                       const int* ks, float* results) {
  Float8 sums[2][4] = {};
  for (int b = 0; b < n_columns; ++b) {
    const float* const lines = turned + 64 * b;
    const float* const matrix = matrices + 64 * b;
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      Float8 line;
      load(line, lines + 8 * i);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        Float8 weight;
        spread(weight, matrix[8 * ks[k] + kOrder[i]]);
        Target::multiply_add(sums[kOrder[i] % 2][k], line, weight);
      }
    }
  }
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) save(results + 8 * ks[k], sums[0][k] + sums[1][k]);
}

// Of sums for K = 2: what even and odd u contribute, together.
DCTDECODE_INLINE void add_parities(Float8& x) { x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5); }
DCTDECODE_INLINE void add_parities(Float16& x) {
  x += __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// All output frequencies k < 2 P of one block, K = 2 or 4; weights as spread_weights lays them out.
template <class Target, int K, int P>
DCTDECODE_INLINE void frequency_pairs(const float* turned, const float* weights, int n_columns,
                                      float* results) {
  constexpr int kParities = K == 4 ? 2 : 1;            // a quad of K = 2 holds both
  constexpr int kWidth = P == 1 ? 8 : Target::kLanes;  // a vector of 16 holds two pairs
  constexpr int kVectors = 8 * P / kWidth;
  using Vector = Floats<kWidth>;
  Vector sums[kParities][kVectors] = {};
  for (int b = 0; b < n_columns; ++b) {
#pragma GCC unroll 8
    for (int q = 0; q < 2 * K; ++q) {
      Vector quad;
      Target::repeat(turned + 8 * K * b + 4 * q, quad);
#pragma GCC unroll 4
      for (int p = 0; p < kVectors; ++p) {
        Vector weight;
        load(weight, weights + (2 * K * b + q) * P * 8 + kWidth * p);
        Target::multiply_add(sums[q / 2 % kParities][p], quad, weight);
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < kVectors; ++p) {
    if constexpr (K == 4) {
      sums[0][p] += sums[1][p];
    } else {
      add_parities(sums[0][p]);
    }
    save(results + kWidth * p, sums[0][p]);
  }
}

// The same for K = 4 from the matrices themselves.
template <class Target, int P>
DCTDECODE_INLINE void frequencies_of_four_rows(const float* turned, const float* matrices, int n_columns,
                                               float* results) {
  constexpr int kVectors = P / 2;
  Float16 sums[2][kVectors] = {};
  for (int b = 0; b < n_columns; ++b) {
#pragma GCC unroll 8
    for (int q = 0; q < 8; ++q) {
      Float16 quad;
      Target::repeat(turned + 32 * b + 4 * q, quad);
#pragma GCC unroll 2
      for (int p = 0; p < kVectors; ++p) {
        Float16 weight;
        Target::spread_column(matrices + 64 * b + 32 * p, kOrder[q], weight);
        Target::multiply_add(sums[q / 2 % 2][p], quad, weight);
      }
    }
  }
#pragma GCC unroll 2
  for (int p = 0; p < kVectors; ++p) save(results + 16 * p, sums[0][p] + sums[1][p]);
}

// results (8 blocks, slots) to planes (slots, 8 lanes) of 8 blocks each.
template <class Target, int K, int P>
DCTDECODE_INLINE void eight_blocks(const BlockPass& pass, const BlockColumns& columns, Float8* planes) {
  constexpr int kSlots = K == 8 ? 8 : P;
  alignas(64) float results[8][8 * kSlots];
  for (int j = 0; j < 8; ++j) {
    if constexpr (K == 8) {
      for (int done = 0; done < pass.n_frequencies; done += 4) {
        four_frequencies<Target>(columns.turned[j], columns.weights[j], columns.count[j],
                                 pass.frequencies + done, results[j]);
      }
    } else if constexpr (!are_weights_spread(K, P, Target::kLanes)) {
      frequencies_of_four_rows<Target, P>(columns.turned[j], columns.weights[j], columns.count[j],
                                          results[j]);
    } else {
      frequency_pairs<Target, K, P>(columns.turned[j], columns.weights[j], columns.count[j], results[j]);
    }
  }
  const float* const floats = results[0];
  if constexpr (K == 8) {
    for (int i = 0; i < pass.n_frequencies; ++i) {
      const int slot = pass.frequencies[i];
      Target::transpose(floats + 8 * slot, 8 * kSlots, planes + 8 * slot);
    }
  } else {
#pragma GCC unroll 4
    for (int slot = 0; slot < kSlots; ++slot) {
      Target::transpose(floats + 8 * slot, 8 * kSlots, planes + 8 * slot);
    }
  }
}

template <class Target, int K, int P>
DCTDECODE_INLINE void blocks_pass(const BlockPass& pass) {
  const Axis& axis = *pass.axis;
  const Wanted* const all_wanted = pass.wanted;
  const int n_blocks = static_cast<int>(axis.spans.size()), n_wanted = pass.n_wanted;
  static constexpr Lanes<K> lanes;
  turn<Target, K>(pass);
  for (int first = 0; first < n_blocks; first += 8) {
    const int n = n_blocks - first < 8 ? n_blocks - first : 8;
    BlockColumns columns;
    for (int j = 0; j < 8; ++j) {  // the last block stands in for those that do not exist
      const int block = first + (j < n ? j : n - 1);
      const Span& span = axis.spans[block];
      columns.count[j] = span.count;
      columns.turned[j] = pass.turned + std::ptrdiff_t{8 * K} * (span.first - axis.first_block);
      columns.weights[j] = are_weights_spread(K, P, Target::kLanes)
                               ? pass.weights + std::ptrdiff_t{16 * K * P} * axis.longest_span * block
                               : axis.matrices.data() + span.matrices;
    }
    Float8 planes[64];
    eight_blocks<Target, K, P>(pass, columns, planes);
    for (int w = 0; w < n_wanted; ++w) {
      const Wanted& wanted = all_wanted[w];
      Float8 values = planes[lanes.of[wanted.index]];
      normalise(values, wanted);
      if (n == 8) {
        save(wanted.dst + first, values);
      } else {
        float some[8];
        save(some, values);
        save_some(wanted.dst + first, some, n);
      }
    }
  }
}

template <class Target, int K>
DCTDECODE_INLINE void blocks_pass(const BlockPass& pass) {
  if (pass.n_pairs == 1) return blocks_pass<Target, K, 1>(pass);
  if (pass.n_pairs == 2) return blocks_pass<Target, K, 2>(pass);
  blocks_pass<Target, K, 4>(pass);
}

template <class Target>
DCTDECODE_INLINE void run(const BlockPass& pass) {
  if (pass.k == 2) return blocks_pass<Target, 2>(pass);
  if (pass.k == 4) return blocks_pass<Target, 4>(pass);
  blocks_pass<Target, 8, 4>(pass);
}

}  // namespace
}  // namespace dctdecode::dct
