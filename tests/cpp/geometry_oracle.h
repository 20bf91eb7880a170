// What Decoder::read has to give for any geometry, by its definition in double precision: the true samples of
// every component, turned upright, cropped, resized and blurred by dense matrices, and transformed by blocks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dctdecode/decode.h"
#include "dense.h"
#include "exercise.h"

namespace {

struct OracleAxis {
  AxisGeometry geometry;  // upright
  bool mirrored = false;  // upright px p is the frame's size_px - p
  int size_px, samples, factor, factor_max;
};

bool is_blurred(const AxisGeometry& geometry) { return geometry.blur_taps > 1; }

// Output sample i as a mixture of output samples, before any flip.
Matrix blur_matrix(const OracleAxis& axis, bool native) {
  const int n = 8 * axis.geometry.out_blocks, radius = axis.geometry.blur_taps / 2;
  // On a native grid the samples beyond the image's last one repeat it.
  const double start = axis.geometry.start;
  int first = 0, end = n;
  if (native && start < axis.size_px && start + n > 0) {
    first = std::max(0, static_cast<int>(std::ceil(-start)));
    end = std::min(n, static_cast<int>(std::floor(axis.size_px - start)));
  }
  Matrix b(n, n);
  for (int i = 0; i < n; ++i) {
    const int centre = std::clamp(i, first, end - 1);
    double total = 0;
    for (int t = -radius; t <= radius; ++t)
      total += std::exp(-0.5 * std::pow(t / axis.geometry.blur_sigma, 2));
    for (int t = -radius; t <= radius; ++t) {
      int j = centre + t;
      while (j < first || j >= end) {
        if (end == first + 1) {
          j = first;
        } else {
          j = j < first ? 2 * first - j : 2 * (end - 1) - j;
        }
      }
      b.at(i, j) += std::exp(-0.5 * std::pow(t / axis.geometry.blur_sigma, 2)) / total;
    }
  }
  return b;
}

// (8 out_blocks, samples of the frame)
Matrix dense_axis(const OracleAxis& axis, bool native, const Plan& plan) {
  const AxisGeometry& g = axis.geometry;
  const double ratio = double(axis.factor) / axis.factor_max;
  AxisSpec spec;
  spec.start = (axis.mirrored ? axis.size_px - g.stop : g.start) * ratio;
  spec.stop = (axis.mirrored ? axis.size_px - g.start : g.stop) * ratio;
  const double lo = axis.mirrored ? axis.size_px - g.hi : g.lo,
               hi = axis.mirrored ? axis.size_px - g.lo : g.hi;
  spec.lo = static_cast<int>(std::floor(lo * ratio));
  spec.hi = std::min(static_cast<int>(std::ceil(hi * ratio)), axis.samples);
  spec.out_blocks = g.out_blocks;
  spec.filter = plan.filter;
  spec.antialias = plan.antialias;
  spec.flip = axis.mirrored;  // rows in the upright window's order
  Matrix r = resampling_matrix(spec, axis.samples);
  if (is_blurred(g)) r = product(blur_matrix(axis, native), r, false);
  if (!g.flip) return r;
  Matrix flipped(r.rows, r.cols);
  for (int i = 0; i < r.rows; ++i) {
    for (int j = 0; j < r.cols; ++j) flipped.at(i, j) = r.at(r.rows - 1 - i, j);
  }
  return flipped;
}

// Whether stored blocks are taken over as they are, along one axis of the frame.
bool oracle_direct(const OracleAxis& axis, bool native) {
  const AxisGeometry& g = axis.geometry;
  const double start = axis.mirrored ? axis.size_px - g.stop : g.start;
  const double hi = axis.mirrored ? axis.size_px - g.lo : g.hi,
               lo = axis.mirrored ? axis.size_px - g.hi : g.lo;
  return axis.factor == axis.factor_max && g.flip == axis.mirrored && !is_blurred(g) && start >= 0 &&
         std::fmod(start, 8) == 0 && g.stop - g.start == 8.0 * g.out_blocks && lo <= start &&
         start + 8.0 * g.out_blocks <= 8.0 * ceil_div(axis.size_px, 8) &&
         (native || start + 8.0 * g.out_blocks <= hi);
}

// Input frequencies that `fast` keeps.
int kept_frequencies(const OracleAxis& axis, bool fast, int k_out) {
  const double s = (axis.geometry.stop - axis.geometry.start) * axis.factor / axis.factor_max /
                   (8.0 * axis.geometry.out_blocks);
  return fast && s >= 1 ? std::min(8, static_cast<int>(std::ceil(k_out / s)) + 3) : 8;
}

// Coefficients of one upright component, 8 i + v and 8 j + u, quantisation undone.
Matrix dequantised(const Component& component, const std::vector<std::int16_t>& plane, bool turn) {
  Matrix x(8 * component.height_blocks, 8 * component.width_blocks);
  for (int row = 0; row < x.rows; ++row) {
    for (int col = 0; col < x.cols; ++col) {
      const int k = 8 * (row % 8) + col % 8;
      const std::size_t block = std::size_t(row / 8) * component.width_blocks + col / 8;
      x.at(row, col) = double{plane[64 * block + k] * 1.0} * component.quant[k];
    }
  }
  return turn ? transposed(x) : x;
}

// (8 grid rows, 8 grid columns) of component c; `exact` says that it holds stored integers.
Matrix oracle(const exercise::PlanesResult& file, int c, const Geometry& geometry, const Plan& plan,
              bool& exact, int k_out_v, int k_out_h) {
  const Header& header = file.header;
  const Component& component = header.components[c];
  const int o = geometry.orientation;
  const bool turn = o >= 5;
  OracleAxis v{geometry.vertical, o == 3 || o == 4 || o == 7 || o == 8,
               header.height_px,  component.height_samples,
               component.v,       header.v_max};
  OracleAxis h{geometry.horizontal, o == 2 || o == 3 || o == 6 || o == 7,
               header.width_px,     component.width_samples,
               component.h,         header.h_max};
  if (turn) {
    v = {geometry.vertical, v.mirrored, header.width_px, component.width_samples, component.h, header.h_max};
    h = {geometry.horizontal,      h.mirrored,  header.height_px,
         component.height_samples, component.v, header.v_max};
  }
  Matrix x = dequantised(component, file.planes[c], turn);
  exact = oracle_direct(v, geometry.native) && oracle_direct(h, geometry.native);
  if (exact) {
    const int row = static_cast<int>(v.mirrored ? v.size_px - v.geometry.stop : v.geometry.start);
    const int col = static_cast<int>(h.mirrored ? h.size_px - h.geometry.stop : h.geometry.start);
    Matrix slice(8 * v.geometry.out_blocks, 8 * h.geometry.out_blocks);
    for (int i = 0; i < slice.rows; ++i) {
      for (int j = 0; j < slice.cols; ++j) slice.at(i, j) = x.at(row + i, col + j);
    }
    return slice;
  }
  const int k_v = kept_frequencies(v, plan.fast, k_out_v), k_h = kept_frequencies(h, plan.fast, k_out_h);
  for (int row = 0; row < x.rows; ++row) {
    for (int col = 0; col < x.cols; ++col) {
      if (row % 8 >= k_v || col % 8 >= k_h) x.at(row, col) = 0;
    }
  }
  const Matrix samples = block_transform(x, true);
  Matrix cut(v.samples, h.samples);
  for (int i = 0; i < cut.rows; ++i) {
    for (int j = 0; j < cut.cols; ++j) cut.at(i, j) = samples.at(i, j);
  }
  const Matrix tall = product(dense_axis(v, geometry.native, plan), cut, false);
  return block_transform(product(tall, dense_axis(h, geometry.native, plan), true), false);
}

}  // namespace
