#include "dct/axis.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstring>

#include "dct/basis.h"

namespace dctdecode::dct {
namespace {

using Lanes = float __attribute__((vector_size(16)));

// D[k][n] by its columns n, as vectors over k: half 0 is k = 0..3, half 1 is k = 4..7.
struct Columns {
  Lanes half[2][8];
};

const Columns& basis_columns() {
  static const Columns columns = [] {
    Columns built{};
    for (int k = 0; k < 8; ++k) {
      for (int n = 0; n < 8; ++n) built.half[k / 4][n][k % 4] = static_cast<float>(basis()[k][n]);
    }
    return built;
  }();
  return columns;
}

// The first `count` lanes.
Lanes first_lanes(const Lanes& lanes, int count) {
  Lanes kept{};
  for (int i = 0; i < count; ++i) kept[i] = lanes[i];
  return kept;
}

// Rows of R . D^T over the blocks of a span: lines[b][n] holds the 8 input frequencies of block b.
void transform_rows(const AxisRows& rows, int out_sample, const Span& span, std::vector<float>& lines) {
  const Columns& d = basis_columns();
  lines.assign(64 * static_cast<std::size_t>(span.count), 0.0F);
  for (int n = 0; n < 8; ++n) {
    const Taps& taps = rows[out_sample + n];
    const double* weights = rows.weights(taps);
    for (int j = taps.first; j < taps.end;) {
      const int block = j / 8, end = std::min(taps.end, 8 * block + 8);
      Lanes low{}, high{};
      for (; j < end; ++j) {
        const auto weight = static_cast<float>(*weights++);
        low += weight * d.half[0][j % 8];
        high += weight * d.half[1][j % 8];
      }
      float* const line = lines.data() + 64 * static_cast<std::size_t>(block - span.first) + 8 * n;
      std::memcpy(line, &low, sizeof low);
      std::memcpy(line + 4, &high, sizeof high);
    }
  }
}

// D[:k_out] . (R . D^T)[:, :k_in] of one block, stored [input frequency][output frequency].
template <int Halves>
void project(const float* lines, int k_in, int k_out, float* matrix) {
  std::array<Lanes, 8> d[Halves];
  for (int half = 0; half < Halves; ++half) {
    for (int n = 0; n < 8; ++n) {
      d[half][n] = first_lanes(basis_columns().half[half][n], std::min(4, k_out - 4 * half));
    }
  }
  for (int f = 0; f < k_in; ++f) {
    for (int half = 0; half < Halves; ++half) {
      Lanes sum{};
      for (int n = 0; n < 8; ++n) sum += lines[8 * n + f] * d[half][n];
      std::memcpy(matrix + 8 * f + 4 * half, &sum, sizeof sum);
    }
  }
}

// Whether the eight rows are the samples of one block, one each: in order, or in reverse.
bool is_block(const AxisRows& rows, int out_sample, bool reversed) {
  const int block = rows[out_sample].first / 8;
  for (int n = 0; n < 8; ++n) {
    const Taps& taps = rows[out_sample + n];
    if (taps.end != taps.first + 1 || taps.first != 8 * block + (reversed ? 7 - n : n)) return false;
  }
  return true;
}

Span build_span(int out_block, Axis& axis) {
  const AxisSpec& spec = axis.spec;
  int first = INT_MAX, end = 0;
  for (int n = 0; n < 8; ++n) {
    first = std::min(first, axis.rows[8 * out_block + n].first);
    end = std::max(end, axis.rows[8 * out_block + n].end);
  }
  Span span;
  span.first = first / 8;
  span.count = (end + 7) / 8 - span.first;
  const bool whole = span.count == 1 && spec.k_in >= spec.k_out;
  span.identity = whole && is_block(axis.rows, 8 * out_block, false);
  if (span.identity) return span;
  span.matrices = axis.matrices.size();
  axis.matrices.resize(span.matrices + 64 * static_cast<std::size_t>(span.count));
  float* const matrices = axis.matrices.data() + span.matrices;
  if (whole && is_block(axis.rows, 8 * out_block, true)) {  // exactly, so that integers stay integers
    for (int k = 0; k < spec.k_out; ++k) matrices[9 * k] = k % 2 == 0 ? 1.0F : -1.0F;
    return span;
  }
  axis.exact = false;
  transform_rows(axis.rows, 8 * out_block, span, axis.lines);
  for (int b = 0; b < span.count; ++b) {
    (spec.k_out <= 4 ? project<1> : project<2>)(axis.lines.data() + 64 * b, spec.k_in, spec.k_out,
                                                matrices + 64 * b);
  }
  return span;
}

// Smallest number of output blocks, up to 8, after which the matrices repeat; 0 = none. Native grids mostly
// have scale 1/2, so that nearly all of their blocks share two sets of matrices. Only for scales and offsets
// whose centres are exact in double: then repeated matrices have the very bits of computed ones.
int period_blocks(const AxisSpec& spec) {
  const double scale = (spec.stop - spec.start) / (8.0 * spec.out_blocks);
  const auto is_integer = [](double x) { return x == std::round(x); };
  if (spec.is_blurred() || !is_integer(scale * 1024) || !is_integer(spec.start * 1024)) return 0;
  for (int blocks = 1; blocks <= 8; ++blocks) {
    if (is_integer(blocks * scale)) return blocks;
  }
  return 0;
}

// The doubling of dct/doubling.h, the whole component or a range of its output.
bool is_doubling(const AxisSpec& spec) {
  return spec.filter == Filter::bilinear && !spec.flip && !spec.is_blurred() && spec.k_in == 8 &&
         spec.lo == 0 && spec.start == 0.0 && spec.stop == 4.0 * spec.out_blocks &&
         spec.out_blocks == (2 * spec.hi + 7) / 8;
}

void build_spans(Axis& axis) {
  const AxisSpec& spec = axis.spec;
  axis.rows.fill(spec);
  axis.first_block = INT_MAX;
  axis.end_block = 0;
  axis.exact = true;
  const int period = period_blocks(spec);
  const double scale = (spec.stop - spec.start) / (8.0 * spec.out_blocks);
  const int shift = period == 0 ? 0 : static_cast<int>(std::lround(period * scale)) * (spec.flip ? -1 : 1);
  for (int i = spec.first_out; i < spec.end_of_range(); ++i) {
    Span span;
    if (period > 0 && i >= spec.first_out + period && unclipped(spec, 8 * (i - period)) &&
        unclipped(spec, 8 * i)) {
      span = axis.spans[i - period - spec.first_out];
      span.first += shift;
    } else {
      span = build_span(i, axis);
    }
    axis.spans.push_back(span);
    axis.first_block = std::min(axis.first_block, span.first);
    axis.end_block = std::max(axis.end_block, span.first + span.count);
  }
}

}  // namespace

AxisSpec native_axis(int size_px, int in_samples, int factor, int factor_max, Filter filter, bool antialias,
                     bool flip) {
  AxisSpec spec;
  spec.hi = in_samples;
  spec.out_blocks = (size_px + 7) / 8;
  const double samples_per_px = static_cast<double>(factor) / factor_max;
  spec.start = flip ? (size_px - 8.0 * spec.out_blocks) * samples_per_px : 0.0;
  spec.stop = spec.start + 8.0 * spec.out_blocks * samples_per_px;
  spec.filter = filter;
  spec.antialias = antialias;
  spec.flip = flip;
  return spec;
}

void build_axis(const AxisSpec& spec, Axis& axis) {
  if (axis.spec == spec) return;
  axis.spec = spec;
  axis.spans.clear();
  axis.matrices.clear();
  axis.doubled = is_doubling(spec);
  if (axis.doubled) {
    axis.exact = false;
    // Output blocks 2m and 2m + 1 are made of block m and a sample of block m - 1 and m + 1. What a range
    // does not hold of them is computed and left out.
    axis.first_block = std::max(0, (spec.first_out + 1) / 2 - 1);
    axis.end_block = std::min((spec.hi + 7) / 8, spec.end_of_range() / 2 + 1);
    return;
  }
  try {
    build_spans(axis);
  } catch (...) {
    axis.spec = {};
    throw;
  }
}

}  // namespace dctdecode::dct
