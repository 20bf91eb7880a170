// Dense matrices in double precision: the block DCT, the resampling matrix R, products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "dct/axis.h"

namespace {

using namespace dctdecode;
using namespace dctdecode::dct;

int failures = 0;

void expect(bool ok, const char* what, const char* label) {
  if (ok) return;
  std::fprintf(stderr, "FAILED: %s (%s)\n", what, label);
  ++failures;
}

struct Matrix {
  int rows = 0, cols = 0;
  std::vector<double> values;
  Matrix(int r, int c) : rows(r), cols(c), values(static_cast<std::size_t>(r) * c) {}
  double& at(int r, int c) { return values[static_cast<std::size_t>(r) * cols + c]; }
  double at(int r, int c) const { return values[static_cast<std::size_t>(r) * cols + c]; }
};

double d(int k, int n) {
  static const std::vector<double> table = [] {
    std::vector<double> values;
    for (int i = 0; i < 64; ++i) {
      values.push_back((i < 8 ? std::sqrt(0.125) : 0.5) *
                       std::cos((2 * (i % 8) + 1) * (i / 8) * std::numbers::pi / 16));
    }
    return values;
  }();
  return table[8 * k + n];
}

Matrix transposed(const Matrix& in) {
  Matrix out(in.cols, in.rows);
  for (int row = 0; row < in.rows; ++row) {
    for (int col = 0; col < in.cols; ++col) out.at(col, row) = in.at(row, col);
  }
  return out;
}

// Along every row, for blocks of 8: coefficients to samples (inverse) or samples to coefficients.
Matrix row_transform(const Matrix& in, bool inverse) {
  Matrix out(in.rows, in.cols);
  for (int row = 0; row < in.rows; ++row) {
    for (int col = 0; col < in.cols; ++col) {
      for (int a = 0; a < 8; ++a) {
        out.at(row, col) += in.at(row, col / 8 * 8 + a) * (inverse ? d(a, col % 8) : d(col % 8, a));
      }
    }
  }
  return out;
}

// Both ways: coefficients X[8 i + v][8 j + u] <-> samples.
Matrix block_transform(const Matrix& in, bool inverse) {
  return transposed(row_transform(transposed(row_transform(in, inverse)), inverse));
}

double weight(Filter filter, double x) {
  const double t = std::abs(x);
  const auto sinc = [](double y) {
    return y == 0 ? 1.0 : std::sin(std::numbers::pi * y) / (std::numbers::pi * y);
  };
  switch (filter) {
    case Filter::box:
      return x > -0.5 && x <= 0.5 ? 1 : 0;
    case Filter::bilinear:
      return t < 1 ? 1 - t : 0;
    case Filter::bicubic:
      return t < 1   ? 1.5 * t * t * t - 2.5 * t * t + 1
             : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2
                     : 0;
    case Filter::lanczos:
      return t < 3 ? sinc(t) * sinc(t / 3) : 0;
  }
  return 0;
}

constexpr double kSupport[] = {0.5, 1, 2, 3};

Matrix resampling_matrix(const AxisSpec& spec, int in_samples) {
  const int n_out = 8 * spec.out_blocks;
  Matrix r(n_out, in_samples);
  const double s = (spec.stop - spec.start) / n_out;
  const double f = spec.antialias ? std::max(1.0, s) : 1.0;
  const double radius = kSupport[static_cast<int>(spec.filter)] * f;
  for (int i = 0; i < n_out; ++i) {
    const int row = spec.flip ? n_out - 1 - i : i;
    const double c = spec.start + (i + 0.5) * s;
    if (c > spec.hi || c < spec.lo) {
      r.at(row, c > spec.hi ? spec.hi - 1 : spec.lo) = 1;
      continue;
    }
    const int from = static_cast<int>(std::floor(c - radius + 0.5)),
              to = static_cast<int>(std::floor(c + radius + 0.5));
    double sum = 0;
    for (int j = std::max(spec.lo, from); j < std::min(spec.hi, to); ++j) {
      sum += r.at(row, j) = weight(spec.filter, (j - c + 0.5) * (1 / f));
    }
    if (sum == 0) {
      for (int j = 0; j < in_samples; ++j) r.at(row, j) = 0;
      r.at(row, std::clamp(static_cast<int>(c), spec.lo, spec.hi - 1)) = 1;
      continue;
    }
    for (int j = 0; j < in_samples; ++j) r.at(row, j) /= sum;
  }
  return r;
}

Matrix product(const Matrix& a, const Matrix& b, bool transpose_b) {
  Matrix out(a.rows, transpose_b ? b.rows : b.cols);
  for (int i = 0; i < out.rows; ++i) {
    for (int j = 0; j < out.cols; ++j) {
      double sum = 0;
      for (int k = 0; k < a.cols; ++k) sum += a.at(i, k) * (transpose_b ? b.at(j, k) : b.at(k, j));
      out.at(i, j) = sum;
    }
  }
  return out;
}

}  // namespace
