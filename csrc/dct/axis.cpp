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

// D by its columns n, as vectors over k: half 0 is k = 0..3, half 1 is k = 4..7; and as plain floats.
struct FloatBasis {
  Lanes half[2][8];
  float d[8][8];  // [k][n]
};

const FloatBasis& float_basis() {
  static const FloatBasis built = [] {
    FloatBasis b{};
    for (int k = 0; k < 8; ++k) {
      for (int n = 0; n < 8; ++n) b.half[k / 4][n][k % 4] = b.d[k][n] = static_cast<float>(basis()[k][n]);
    }
    return b;
  }();
  return built;
}

// Rows of R . D^T over the blocks of a span: lines[b][n] holds the 8 input frequencies of block b.
void transform_rows(const AxisRows& rows, int out_sample, const Span& span, std::vector<float>& lines) {
  const FloatBasis& d = float_basis();
  lines.assign(64 * static_cast<std::size_t>(span.count), 0.0F);
  for (int n = 0; n < 8; ++n) {
    const Taps& taps = rows[out_sample + n];
    const double* weights = rows.weights(taps);
    const auto last = static_cast<unsigned>(taps.end);  // unsigned: / and % are a shift and a mask
    for (auto j = static_cast<unsigned>(taps.first); j < last;) {
      const unsigned block = j / 8, end = std::min(last, 8 * block + 8);
      Lanes low{}, high{};
      for (; j < end; ++j) {
        const auto weight = static_cast<float>(*weights++);
        low += weight * d.half[0][j % 8];
        high += weight * d.half[1][j % 8];
      }
      float* const line =
          lines.data() + 64 * static_cast<std::size_t>(block - static_cast<unsigned>(span.first)) + 8 * n;
      std::memcpy(line, &low, sizeof low);
      std::memcpy(line + 4, &high, sizeof high);
    }
  }
}

// D[:k_out] . (R . D^T)[:, :k_in] of one block, stored [output frequency][input frequency].
void project(const float* lines, int k_in, int k_out, float* matrix) {
  const FloatBasis& basis = float_basis();
  for (int half = 0; half < 2; ++half) {
    Lanes rows[8];
    for (int n = 0; n < 8; ++n) {
      std::memcpy(&rows[n], lines + 8 * n + 4 * half, sizeof rows[n]);
    }
    for (int f = std::max(0, k_in - 4 * half); f < 4; ++f) {
      for (Lanes& row : rows) row[f] = 0.0F;
    }
    Lanes folded[2][4];  // basis functions are even or odd as k is
    for (int n = 0; n < 4; ++n) {
      folded[0][n] = rows[n] + rows[7 - n];
      folded[1][n] = rows[n] - rows[7 - n];
    }
    for (int k = 0; k < k_out; ++k) {
      Lanes sum = basis.d[k][0] * folded[k % 2][0];
      for (int n = 1; n < 4; ++n) sum += basis.d[k][n] * folded[k % 2][n];
      std::memcpy(matrix + 8 * k + 4 * half, &sum, sizeof sum);
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

// Input blocks of an output block.
Span span_of(const AxisRows& rows, int out_block) {
  int first = INT_MAX, end = 0;
  for (int n = 0; n < 8; ++n) {
    first = std::min(first, rows[8 * out_block + n].first);
    end = std::max(end, rows[8 * out_block + n].end);
  }
  Span span;
  span.first = first / 8;
  span.count = (end + 7) / 8 - span.first;
  return span;
}

void fill_matrices(int out_block, Span& span, Axis& axis) {
  const AxisSpec& spec = axis.spec;
  span.matrices = axis.matrices.size();
  axis.matrices.resize(span.matrices + 64 * static_cast<std::size_t>(axis.longest_span));
  float* const matrices = axis.matrices.data() + span.matrices;
  if (span.count == 1 && spec.k_in >= spec.k_out) {  // exactly, so that integers stay integers
    const int sample = 8 * out_block;
    const bool mirrored = is_block(axis.rows, sample, true);
    span.identity = is_block(axis.rows, sample, false);
    for (int k = 0; (span.identity || mirrored) && k < spec.k_out; ++k) {
      matrices[9 * k] = mirrored && k % 2 != 0 ? -1.0F : 1.0F;
    }
    if (span.identity || mirrored) return;
  }
  axis.exact = false;
  transform_rows(axis.rows, 8 * out_block, span, axis.lines);
  for (int b = 0; b < span.count; ++b) {
    project(axis.lines.data() + 64 * b, spec.k_in, spec.k_out, matrices + 64 * b);
  }
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
  axis.end_block = axis.longest_span = 0;
  axis.exact = true;
  const int period = period_blocks(spec);
  for (int i = spec.first_out; i < spec.end_of_range(); ++i) {
    const Span span = span_of(axis.rows, i);
    axis.spans.push_back(span);
    axis.longest_span = std::max(axis.longest_span, span.count);
    axis.first_block = std::min(axis.first_block, span.first);
    axis.end_block = std::max(axis.end_block, span.first + span.count);
  }
  for (int i = spec.first_out; i < spec.end_of_range(); ++i) {
    Span& span = axis.spans[i - spec.first_out];
    if (period > 0 && i >= spec.first_out + period && unclipped(spec, 8 * (i - period)) &&
        unclipped(spec, 8 * i)) {
      const Span& same = axis.spans[i - period - spec.first_out];
      span.identity = same.identity;
      span.matrices = same.matrices;
    } else {
      fill_matrices(i, span, axis);
    }
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
  axis.longest_span = 0;
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
