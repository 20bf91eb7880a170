#include "dct/axis_rows.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dct/axis.h"

namespace dctdecode::dct {
namespace {

constexpr double support(Filter filter) {
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

template <Filter filter>
double phi(double x) {
  const double distance = std::abs(x);
  if constexpr (filter == Filter::box) {  // half open, so that a centre between two samples has one tap
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
  } else if constexpr (filter == Filter::bilinear) {
    return std::max(0.0, 1.0 - distance);
  } else if constexpr (filter == Filter::bicubic) {  // Keys (1981), a = -1/2
    if (distance < 1.0) return (1.5 * distance - 2.5) * distance * distance + 1.0;
    if (distance < 2.0) return ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0;
    return 0.0;
  } else {
    return distance < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  }
}

// floor() clamped to [low, high], without a call into the mathematics library.
int floor_between(double x, int low, int high) {
  if (!(x > low)) return low;
  if (x >= high) return high;
  const int whole = static_cast<int>(x);
  return whole - (x < whole ? 1 : 0);
}

struct Filtering {
  explicit Filtering(const AxisSpec& spec)
      : lo(spec.lo),
        hi(spec.hi),
        start(spec.start),
        scale((spec.stop - spec.start) / (8.0 * spec.out_blocks)),
        width(spec.antialias ? std::max(1.0, scale) : 1.0),
        radius(support(spec.filter) * width) {}

  // In Pillow's own order of operations: where a filter jumps (box), a tap may hang on the last bit.
  double centre(int i) const { return start + (i + 0.5) * scale; }

  std::size_t most_taps() const {
    return static_cast<std::size_t>(std::min<double>(hi - lo, std::ceil(2.0 * radius) + 1.0));
  }

  int lo, hi;
  double start, scale, width, radius;
};

constexpr double kNegligible = 1e-12;  // a weight that is rounding noise, as sin(pi) is

// Writes the weights of the row with centre c, at most f.most_taps() of them; `taps` says which count.
template <Filter filter>
Taps taps_at(const Filtering& f, double c, double* weights) {
  const double inverse = 1.0 / f.width;
  if (c >= f.lo && c <= f.hi) {
    const int first = floor_between(c - f.radius + 0.5, f.lo, f.hi);
    const int end = floor_between(c + f.radius + 0.5, f.lo, f.hi);
    double sum = 0.0;
    for (int j = first; j < end; ++j) sum += weights[j - first] = phi<filter>((j - c + 0.5) * inverse);
    if (sum > kNegligible) {
      const double share = 1.0 / sum;
      for (int j = first; j < end; ++j) weights[j - first] *= share;
      int leading = 0, left = end - first;
      while (std::abs(weights[left - 1]) < kNegligible) --left;
      while (std::abs(weights[leading]) < kNegligible) ++leading;
      return {first + leading, first + left, static_cast<std::size_t>(leading)};
    }
  }
  weights[0] = 1.0;
  const int nearest = floor_between(c, f.lo, f.hi - 1);
  return {nearest, nearest + 1, 0};
}

// Rows first .. end - 1; with `mirror` = m, row i has the centre of sample m - i.
template <Filter filter>
void fill_rows(const AxisSpec& spec, int first, int end, int mirror, std::vector<Taps>& rows,
               std::vector<double>& weights) {
  const Filtering f(spec);
  const std::size_t most = f.most_taps();
  rows.resize(static_cast<std::size_t>(end - first));
  if (weights.size() < most * rows.size()) weights.resize(most * rows.size());
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const int i = first + static_cast<int>(at);
    rows[at] = taps_at<filter>(f, f.centre(mirror > 0 ? mirror - i : i), weights.data() + most * at);
    rows[at].weights += most * at;
  }
}

void fill_rows(const AxisSpec& spec, int first, int end, int mirror, std::vector<Taps>& rows,
               std::vector<double>& weights) {
  switch (spec.filter) {
    case Filter::box:
      return fill_rows<Filter::box>(spec, first, end, mirror, rows, weights);
    case Filter::bilinear:
      return fill_rows<Filter::bilinear>(spec, first, end, mirror, rows, weights);
    case Filter::bicubic:
      return fill_rows<Filter::bicubic>(spec, first, end, mirror, rows, weights);
    case Filter::lanczos:
      return fill_rows<Filter::lanczos>(spec, first, end, mirror, rows, weights);
  }
}

// Into [0, n), mirrored at the first and last sample as often as it takes.
int reflect(long long i, int n) {
  if (n == 1) return 0;
  const long long period = 2LL * (n - 1);
  const long long within = ((i % period) + period) % period;
  return static_cast<int>(std::min(within, period - within));
}

}  // namespace

void AxisRows::blur(const AxisSpec& spec) {
  const int radius = spec.blur_taps / 2, n = 8 * spec.out_blocks;
  double total = 0.0;
  kernel_.clear();
  for (int t = -radius; t <= radius; ++t) {
    const double x = t / spec.blur_sigma;
    kernel_.push_back(std::exp(-0.5 * x * x));
    total += kernel_.back();
  }
  const bool whole = spec.blur_first >= spec.blur_end;
  const int first = whole ? 0 : spec.blur_first, count = (whole ? n : spec.blur_end) - first;
  fill_rows(spec, first, first + count, 0, sharp_rows_, sharp_weights_);
  rows_.clear();
  weights_.clear();
  for (int i = first_; i < 8 * spec.end_of_range(); ++i) {
    const int sample = std::clamp((spec.flip ? n - 1 - i : i) - first, 0, count - 1);
    Taps taps{spec.hi, spec.lo, weights_.size()};
    for (int t = -radius; t <= radius; ++t) {
      const Taps& tap = sharp_rows_[reflect(sample + t, count)];
      taps.first = std::min(taps.first, tap.first);
      taps.end = std::max(taps.end, tap.end);
    }
    weights_.resize(taps.weights + static_cast<std::size_t>(taps.end - taps.first), 0.0);
    double* const to = weights_.data() + taps.weights;
    for (int t = -radius; t <= radius; ++t) {
      const Taps& tap = sharp_rows_[reflect(sample + t, count)];
      const double share = kernel_[t + radius] / total;
      for (int j = tap.first; j < tap.end; ++j) {
        to[j - taps.first] += share * sharp_weights_[tap.weights + static_cast<std::size_t>(j - tap.first)];
      }
    }
    rows_.push_back(taps);
  }
}

void AxisRows::fill(const AxisSpec& spec) {
  first_ = 8 * spec.first_out;
  if (spec.is_blurred()) return blur(spec);
  fill_rows(spec, first_, 8 * spec.end_of_range(), spec.flip ? 8 * spec.out_blocks - 1 : 0, rows_, weights_);
}

bool unclipped(const AxisSpec& spec, int out_sample) {
  const Filtering f(spec);
  const int i = spec.flip ? 8 * spec.out_blocks - 8 - out_sample : out_sample;
  return std::floor(f.centre(i) - f.radius + 0.5) >= spec.lo &&
         std::floor(f.centre(i + 7) + f.radius + 0.5) <= spec.hi;
}

}  // namespace dctdecode::dct
