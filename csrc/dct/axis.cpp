#include "dct/axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "dct/basis.h"

namespace dctdecode::dct {
namespace {

double support(Filter filter) {
  switch (filter) {
    case Filter::box:
      return 0.5;
    case Filter::bilinear:
      return 1.0;
    case Filter::bicubic:
      return 2.0;
    case Filter::lanczos:
      return 3.0;
  }
  return 0.0;
}

double sinc(double x) { return x == 0.0 ? 1.0 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }

double phi(Filter filter, double x) {
  const double distance = std::abs(x);
  switch (filter) {
    case Filter::box:  // half open, so that a centre between two samples has one tap
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Filter::bilinear:
      return std::max(0.0, 1.0 - distance);
    case Filter::bicubic:  // Keys (1981), a = -1/2
      if (distance < 1.0) return (1.5 * distance - 2.5) * distance * distance + 1.0;
      if (distance < 2.0) return ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0;
      return 0.0;
    case Filter::lanczos:
      return distance < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  }
  return 0.0;
}

// The matrix R, row by row.
class Rows {
 public:
  explicit Rows(const AxisSpec& spec)
      : spec_(spec),
        scale_((spec.stop - spec.start) / (8.0 * spec.out_blocks)),
        width_(spec.antialias ? std::max(1.0, scale_) : 1.0),
        radius_(support(spec.filter) * width_) {}

  const AxisSpec& spec() const { return spec_; }
  double scale() const { return scale_; }

  // In Pillow's own order of operations: where a filter jumps (box), a tap may hang on the last bit.
  double centre(int out_sample) const {
    const int i = spec_.flip ? 8 * spec_.out_blocks - 1 - out_sample : out_sample;
    return spec_.start + (i + 0.5) * scale_;
  }

  struct Taps {
    int first = 0, end = 0;
    bool copy = false;  // the nearest sample, unweighted
  };

  Taps taps(double c) const {
    const double first = std::max<double>(spec_.lo, std::floor(c - radius_ + 0.5));
    const double end = std::min<double>(spec_.hi, std::floor(c + radius_ + 0.5));
    if (c < spec_.lo || c > spec_.hi || first >= end) {
      const int nearest = static_cast<int>(std::clamp<double>(std::floor(c), spec_.lo, spec_.hi - 1));
      return {nearest, nearest + 1, true};
    }
    return {static_cast<int>(first), static_cast<int>(end), false};
  }

  // All taps of the block's eight rows, none cut off by [lo, hi).
  bool unclipped(int out_block) const {
    const auto [low, high] = std::minmax({centre(8 * out_block), centre(8 * out_block + 7)});
    return std::floor(low - radius_ + 0.5) >= spec_.lo && std::floor(high + radius_ + 0.5) <= spec_.hi;
  }

  void weigh(double c, const Taps& taps, double* weights) const {
    if (taps.copy) {
      weights[0] = 1.0;
      return;
    }
    double sum = 0.0;
    for (int j = taps.first; j < taps.end; ++j)
      sum += weights[j - taps.first] = phi(spec_.filter, (j + 0.5 - c) / width_);
    for (int j = taps.first; j < taps.end; ++j) weights[j - taps.first] /= sum;
  }

 private:
  const AxisSpec& spec_;
  double scale_, width_, radius_;
};

// Rows 8 i .. 8 i + 7 of R over whole input blocks: (8, 8 * span.count) in axis.rows.
Span dense_rows(const Rows& r, int out_block, Axis& axis) {
  std::array<Rows::Taps, 8> taps;
  std::array<double, 8> centres;
  int first = INT32_MAX, end = 0;
  for (int n = 0; n < 8; ++n) {
    centres[n] = r.centre(8 * out_block + n);
    taps[n] = r.taps(centres[n]);
    first = std::min(first, taps[n].first);
    end = std::max(end, taps[n].end);
  }
  Span span;
  span.first = first / 8;
  span.count = (end + 7) / 8 - span.first;
  const std::size_t width = 8 * static_cast<std::size_t>(span.count);
  axis.rows.assign(8 * width, 0.0);
  for (int n = 0; n < 8; ++n) {
    r.weigh(centres[n], taps[n], axis.rows.data() + n * width + (taps[n].first - 8 * span.first));
  }
  return span;
}

// D[:k_out] . R_pair . D[:k_in]^T, stored [input frequency][output frequency].
void project(const double* r, std::size_t r_stride, int k_in, int k_out, float* matrix) {
  const Basis& d = basis();
  std::fill(matrix, matrix + 64, 0.0F);
  for (int f = 0; f < k_in; ++f) {
    std::array<double, 8> filtered{};
    for (int n = 0; n < 8; ++n) {
      for (int m = 0; m < 8; ++m) filtered[n] += r[n * r_stride + m] * d[f][m];
    }
    for (int k = 0; k < k_out; ++k) {
      double sum = 0.0;
      for (int n = 0; n < 8; ++n) sum += d[k][n] * filtered[n];
      matrix[8 * f + k] = static_cast<float>(sum);
    }
  }
}

constexpr double kNegligible = 1e-12;

bool is_zero(const double* r, std::size_t r_stride) {
  for (int n = 0; n < 8; ++n) {
    for (int m = 0; m < 8; ++m) {
      if (std::abs(r[n * r_stride + m]) > kNegligible) return false;
    }
  }
  return true;
}

bool is_identity(const double* r, std::size_t r_stride) {
  for (int n = 0; n < 8; ++n) {
    for (int m = 0; m < 8; ++m) {
      if (std::abs(r[n * r_stride + m] - (n == m ? 1.0 : 0.0)) > kNegligible) return false;
    }
  }
  return true;
}

Span build_span(const Rows& rows, int out_block, Axis& axis) {
  Span span = dense_rows(rows, out_block, axis);
  const std::size_t stride = 8 * static_cast<std::size_t>(span.count);
  const double* r = axis.rows.data();
  while (span.count > 1 && is_zero(r, stride)) r += 8, ++span.first, --span.count;
  while (span.count > 1 && is_zero(r + 8 * (span.count - 1), stride)) --span.count;
  span.identity = span.count == 1 && rows.spec().k_in >= rows.spec().k_out && is_identity(r, stride);
  if (span.identity) return span;
  span.matrices = axis.matrices.size();
  axis.matrices.resize(span.matrices + 64 * static_cast<std::size_t>(span.count));
  for (int b = 0; b < span.count; ++b) {
    project(r + 8 * b, stride, rows.spec().k_in, rows.spec().k_out,
            axis.matrices.data() + span.matrices + 64 * b);
  }
  return span;
}

// Smallest number of output blocks, up to 8, after which the matrices repeat; 0 = none. Native grids mostly
// have scale 1/2, so that nearly all of their blocks share two sets of matrices. Only for scales and offsets
// whose centres are exact in double: then repeated matrices have the very bits of computed ones.
int period_blocks(double scale, double start) {
  const auto is_integer = [](double x) { return x == std::round(x); };
  if (!is_integer(scale * 1024) || !is_integer(start * 1024)) return 0;
  for (int blocks = 1; blocks <= 8; ++blocks) {
    if (is_integer(blocks * scale)) return blocks;
  }
  return 0;
}

// The doubling of dct/doubling.h, the whole component.
bool is_doubling(const AxisSpec& spec) {
  return spec.filter == Filter::bilinear && !spec.flip && spec.k_in == 8 && spec.lo == 0 &&
         spec.start == 0.0 && spec.stop == 4.0 * spec.out_blocks && spec.out_blocks == (2 * spec.hi + 7) / 8;
}

void build_spans(const AxisSpec& spec, Axis& axis) {
  const Rows rows(spec);
  axis.first_block = INT32_MAX;
  axis.end_block = 0;
  const int period = period_blocks(rows.scale(), spec.start);
  const int shift = static_cast<int>(std::lround(period * rows.scale())) * (spec.flip ? -1 : 1);
  for (int i = 0; i < spec.out_blocks; ++i) {
    Span span;
    if (period > 0 && i >= period && rows.unclipped(i - period) && rows.unclipped(i)) {
      span = axis.spans[i - period];
      span.first += shift;
    } else {
      span = build_span(rows, i, axis);
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
  axis.spec = {};  // until all is in place
  axis.spans.clear();
  axis.matrices.clear();
  axis.doubled = is_doubling(spec);
  if (axis.doubled) {
    axis.first_block = 0;
    axis.end_block = (spec.hi + 7) / 8;
  } else {
    build_spans(spec, axis);
  }
  axis.spec = spec;
}

}  // namespace dctdecode::dct
