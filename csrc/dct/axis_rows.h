// The matrix R of one axis of the resampling operator: which input samples an output sample is made of.
#pragma once

#include <cstddef>
#include <vector>

#include "dctdecode/plan.h"

namespace dctdecode::dct {

struct AxisSpec;

// Row i of R: weights of the input samples [first, end), which sum to 1.
struct Taps {
  int first = 0, end = 0;
  std::size_t weights = 0;  // offset in AxisRows::weights
};

// Reusable: filling again keeps the memory.
//
// R as Pillow computes it: row i has its centre at c = start + (i + 0.5) s with s = (stop - start) / (8
// out_blocks), width factor f = max(1, s) with antialias, else 1, radius r = support * f, taps j from floor(c
// - r + 0.5) to floor(c + r + 0.5) - 1 inside [lo, hi), weights phi((j + 0.5 - c) / f) scaled to sum 1. A row
// whose centre lies outside [lo, hi], or that has no taps, copies the nearest sample.
//
// A blur multiplies R by the convolution with weights exp(-(x / sigma)^2 / 2), x whole output samples, scaled
// to sum 1, as torchvision's gaussian_blur has them. Its taps are reflected at the ends of [blur_first,
// blur_end) without repeating the end itself; rows outside repeat the nearest inside.
class AxisRows {
 public:
  void fill(const AxisSpec& spec);
  // Output sample i, first_out * 8 <= i < end_out * 8.
  const Taps& operator[](int out_sample) const { return rows_[out_sample - first_]; }
  const double* weights(const Taps& taps) const { return weights_.data() + taps.weights; }

 private:
  void blur(const AxisSpec& spec);

  int first_ = 0;
  std::vector<Taps> rows_;
  std::vector<double> weights_;
  std::vector<Taps> sharp_rows_;  // before the blur
  std::vector<double> sharp_weights_, kernel_;
};

// All taps of output samples i .. i + 7, none cut off by [lo, hi).
bool unclipped(const AxisSpec& spec, int out_sample);

}  // namespace dctdecode::dct
