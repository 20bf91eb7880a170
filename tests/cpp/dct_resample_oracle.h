// The resampling operator by its definition in double precision: inverse DCT of every block, cut to the true
// size, dense R along each axis, forward DCT of every block.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "dct/resample.h"
#include "dense.h"

namespace {

struct Component {
  int height, width;  // true samples
  int hb, wb;
  std::vector<std::int16_t> blocks;
  std::uint16_t quant[64];
};

// Natural-looking: mostly small or zero coefficients, some blocks DC only or empty. The padding behind the
// true size is whatever the coefficients make it, so that a filter which reads it is caught.
Component random_component(int height, int width, std::mt19937& rng) {
  Component c{height, width, (height + 7) / 8, (width + 7) / 8, {}, {}};
  for (int k = 0; k < 64; ++k) c.quant[k] = static_cast<std::uint16_t>(1 + rng() % 20);
  c.blocks.resize(static_cast<std::size_t>(c.hb) * c.wb * 64);
  for (std::size_t b = 0; b < c.blocks.size() / 64; ++b) {
    const unsigned kind = rng() % 4;
    if (kind == 0) continue;
    c.blocks[64 * b] = static_cast<std::int16_t>(static_cast<int>(rng() % 100) - 50);
    for (int k = 1; kind > 1 && k < 64; ++k) {
      if (rng() % (kind == 2 ? 8 : 2) == 0)
        c.blocks[64 * b + k] = static_cast<std::int16_t>(static_cast<int>(rng() % 21) - 10);
    }
  }
  return c;
}

Matrix naive(const Component& c, const AxisSpec& vertical, const AxisSpec& horizontal) {
  Matrix x(8 * c.hb, 8 * c.wb);
  for (int row = 0; row < x.rows; ++row) {
    for (int col = 0; col < x.cols; ++col) {
      const int k = 8 * (row % 8) + col % 8;
      const bool used = row % 8 < vertical.k_in && col % 8 < horizontal.k_in;
      x.at(row, col) =
          used ? double{c.quant[k] * 1.0} * c.blocks[(std::size_t(row / 8) * c.wb + col / 8) * 64 + k] : 0;
    }
  }
  const Matrix samples = block_transform(x, true);
  Matrix cut(c.height, c.width);
  for (int row = 0; row < c.height; ++row) {
    for (int col = 0; col < c.width; ++col) cut.at(row, col) = samples.at(row, col);
  }
  const Matrix tall = product(resampling_matrix(vertical, c.height), cut, false);
  return block_transform(product(tall, resampling_matrix(horizontal, c.width), true), false);
}

// (wanted, out height, out width) by the operator.
std::vector<float> resample(const Component& c, const AxisSpec& vertical, const AxisSpec& horizontal,
                            const std::vector<int>& indices) {
  static Axis v, h;  // reused between cases on purpose: nothing of an earlier image may remain
  static Columns columns;
  build_axis(vertical, v);
  build_axis(horizontal, h);
  const std::size_t hb = vertical.out_blocks, wb = horizontal.out_blocks;
  std::vector<float> out(indices.size() * hb * wb, NAN);
  std::vector<Wanted> wanted(indices.size());
  for (std::size_t i = 0; i < hb; ++i) {
    for (std::size_t w = 0; w < indices.size(); ++w) {
      wanted[w] = {static_cast<std::uint8_t>(indices[w]), out.data() + (w * hb + i) * wb};
    }
    resample_row(static_cast<int>(i), v, h, {c.blocks.data(), c.wb}, c.quant, wanted.data(),
                 static_cast<int>(wanted.size()), columns);
  }
  return out;
}

// Returns the largest difference relative to the range of the expected coefficients.
double compare(const Component& c, const AxisSpec& vertical, const AxisSpec& horizontal, const Matrix& want) {
  std::vector<int> indices;
  for (int k = 0; k < 64; ++k) {
    if (k / 8 < vertical.k_out && k % 8 < horizontal.k_out) indices.push_back(k);
  }
  std::reverse(indices.begin(), indices.end());
  const std::vector<float> got = resample(c, vertical, horizontal, indices);
  double worst = 0, range = 1;
  std::size_t at = 0;
  for (const int k : indices) {
    for (int i = 0; i < vertical.out_blocks; ++i) {
      for (int j = 0; j < horizontal.out_blocks; ++j, ++at) {
        const double expected = want.at(8 * i + k / 8, 8 * j + k % 8);
        range = std::max(range, std::abs(expected));
        const double difference = std::abs(got[at] - expected);
        worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
      }
    }
  }
  return worst / range;
}

void expect_close(const Component& c, const AxisSpec& v, const AxisSpec& h, const Matrix& want,
                  const char* label) {
  const double error = compare(c, v, h, want);
  if (error < 1e-5) return;
  std::fprintf(stderr, "FAILED: %s, component %dx%d to %dx%d blocks, filter %d: %g of the range\n", label,
               c.height, c.width, v.out_blocks, h.out_blocks, static_cast<int>(v.filter), error);
  ++failures;
}

struct Size {
  int height, width;
};
struct Factors {
  int v, h, v_max, h_max;
};

int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace
