// The resampling operator, general and doubled, against its definition in double precision.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "dct/dispatch.h"
#include "dct/resample.h"
#include "dct_resample_oracle.h"

namespace {

void expect_close(const Component& c, const AxisSpec& v, const AxisSpec& h, const char* label) {
  expect_close(c, v, h, naive(c, v, h), label);
}

constexpr Filter kFilters[] = {Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos};

// The worked image: 37 px are 19 chroma samples; mirrored, px 36 comes first and px 0 is followed by 3
// copies.
void worked_axis() {
  const AxisSpec plain = native_axis(37, 19, 1, 2, Filter::bilinear, true, false);
  const AxisSpec mirrored = native_axis(37, 19, 1, 2, Filter::bilinear, true, true);
  expect(plain.start == 0 && plain.stop == 20 && plain.out_blocks == 5, "window", "plain");
  expect(mirrored.start == -1.5 && mirrored.stop == 18.5 && mirrored.flip, "window", "mirrored");
  expect(plain.lo == 0 && plain.hi == 19 && mirrored.lo == 0 && mirrored.hi == 19, "bounds", "both");
}

void native_grids() {
  std::mt19937 rng(1);
  const Size sizes[] = {{21, 37}, {1, 1}, {8, 8}, {16, 16}, {17, 15}, {64, 9}, {50, 75}};
  const Factors factors[] = {{1, 1, 2, 2}, {1, 1, 1, 2}, {1, 1, 2, 1}, {1, 1, 1, 4}, {1, 2, 1, 3},
                             {2, 1, 3, 3}, {3, 3, 4, 4}, {1, 1, 4, 3}, {1, 1, 1, 1}};
  for (const Size size : sizes) {
    for (const Factors f : factors) {
      const Component c =
          random_component(ceil_div(size.height * f.v, f.v_max), ceil_div(size.width * f.h, f.h_max), rng);
      for (const Filter filter : kFilters) {
        for (const bool flip : {false, true}) {
          AxisSpec v = native_axis(size.height, c.height, f.v, f.v_max, filter, true, false);
          AxisSpec h = native_axis(size.width, c.width, f.h, f.h_max, filter, true, flip);
          expect_close(c, v, h, flip ? "native grid, flipped" : "native grid");
          std::swap(v.flip, h.flip);
          h.k_out = 2;
          v.k_out = 3;
          expect_close(c, v, h, "native grid, few frequencies");
          h.k_in = 5;
          v.k_in = 2;
          expect_close(c, v, h, "native grid, few frequencies of few");
        }
      }
    }
  }
}

void windows() {
  std::mt19937 rng(2);
  for (int round = 0; round < 60; ++round) {
    const Component c = random_component(1 + rng() % 120, 1 + rng() % 120, rng);
    const auto fraction = [&rng](double low, double high) {
      return low + (high - low) * (rng() % 10001) / 10000.0;
    };
    const auto axis = [&](int samples) {
      AxisSpec spec;
      spec.start = fraction(-3, samples * 0.6);
      spec.stop = spec.start + fraction(0.5, samples + 3 - spec.start);
      spec.out_blocks = 1 + static_cast<int>(rng() % 5);
      spec.k_out = 1 + static_cast<int>(rng() % 8);
      spec.k_in = round % 2 ? 8 : 1 + static_cast<int>(rng() % 8);
      spec.filter = kFilters[round % 4];
      spec.antialias = rng() % 2;
      spec.flip = rng() % 2;
      spec.lo = std::clamp(static_cast<int>(std::floor(spec.start)), 0, samples - 1);
      spec.hi =
          round % 3 ? samples : std::clamp(static_cast<int>(std::ceil(spec.stop)), spec.lo + 1, samples);
      return spec;
    };
    const AxisSpec v = axis(c.height), h = axis(c.width);
    AxisSpec same_filter = h;
    same_filter.filter = v.filter;
    expect_close(c, v, same_filter, "window");
  }
}

// A stored block passes unchanged, bit for bit, along an axis that is not subsampled.
void identity() {
  std::mt19937 rng(3);
  const Component c = random_component(40, 24, rng);
  std::vector<int> all(64);
  for (int k = 0; k < 64; ++k) all[k] = k;
  for (const Filter filter : kFilters) {
    const std::vector<float> got = resample(c, native_axis(40, 40, 1, 1, filter, true, false),
                                            native_axis(24, 24, 2, 2, filter, true, false), all);
    bool equal = true;
    for (int k = 0; k < 64; ++k) {
      for (int b = 0; b < 15; ++b)
        equal &= got[k * 15 + b] == float(c.blocks[64 * b + k]) * float(c.quant[k]);
    }
    expect(equal, "identity is exact", "40x24");
  }
}

// Padding must not matter: change the coefficients of a partial block without changing its true samples.
void flat_edge() {
  Component c{1, 1, 1, 1, std::vector<std::int16_t>(64), {}};
  std::fill(std::begin(c.quant), std::end(c.quant), std::uint16_t{1});
  c.blocks[0] = 80;
  c.blocks[1] = 33;  // sample (0, 0) = 80/8 + 33 * sqrt(1/8) * cos(pi/16) / 2
  const AxisSpec axis = native_axis(1, 1, 1, 2, Filter::bilinear, true, false);
  const std::vector<float> got = resample(c, axis, axis, {0, 1, 8, 63});
  const double sample = 10 + 33 * d(0, 0) * d(1, 0);
  expect(std::abs(got[0] - 8 * sample) < 1e-4, "DC of a repeated pixel", "1x1");
  expect(std::abs(got[1]) + std::abs(got[2]) + std::abs(got[3]) < 1e-4, "AC of a repeated pixel", "1x1");
}

// Weights as dct/resample_blocks.h describes them: (blocks, longest span, 2k quads of a turned column, pairs,
// 8).
std::vector<float> spread(const Axis& axis, int k, int n_pairs) {
  std::vector<float> weights;
  for (const Span& span : axis.spans) {
    for (int b = 0; b < axis.longest_span; ++b) {
      const float* matrix = axis.matrices.data() + span.matrices + 64 * b;
      for (int i = 0; i < 16 * k * n_pairs; ++i) {
        const int lane = i % 8, pair = i / 8 % n_pairs, q = i / 8 / n_pairs;
        const int u = k == 4 ? kOrder[q] : 4 * (q % 2) + 2 * (q / 2) + lane % 4 / 2;
        weights.push_back(k == 8 ? 0.0F : matrix[8 * (2 * pair + lane / 4) + u]);
      }
    }
  }
  return weights;
}

// All versions of the kernels must give the same bits.
void versions_agree() {
  const Kernels* versions[] = {&scalar_kernels(), avx2_kernels(), avx512_kernels()};
  for (const Kernels* version : versions) {
    if (version == nullptr) std::printf("versions: not all of them run here\n");
  }
  std::mt19937 rng(4);
  for (int round = 0; round < 100; ++round) {
    const Component c = random_component(8 + rng() % 60, 8 + rng() % 200, rng);
    AxisSpec h = native_axis(2 * c.width, c.width, 1, 2, kFilters[round % 4], true, round % 3 == 0);
    h.k_out = 1 + round % 8;
    Axis axis;
    build_axis(h, axis);
    const int k_out = 1 + static_cast<int>(rng() % 8), k = k_out <= 2 ? 2 : k_out <= 4 ? 4 : 8;
    const int n_columns = axis.end_block - axis.first_block, count = std::min(2, c.hb);
    const std::size_t room = (n_columns + 7) / 8 * 8 + axis.longest_span;
    const int n_pairs = (h.k_out + 1) / 2 == 3 ? 4 : (h.k_out + 1) / 2;
    std::vector<float> matrices(128), lines[3][2], values[3];
    std::vector<std::uint8_t> heights[3][2], lengths[3][2];
    const std::vector<float> weights = spread(axis, k, n_pairs);
    int frequencies[8];
    const int n_frequencies = (h.k_out + 3) / 4 * 4;
    for (int i = 0; i < n_frequencies; ++i) frequencies[i] = std::min(i, h.k_out - 1);
    for (float& m : matrices) m = static_cast<float>(rng() % 1000) / 997.0F - 0.5F;
    std::vector<float> out[3];
    for (int version = 0; version < 3; ++version) {
      if (versions[version] == nullptr) continue;
      const Kernels& kernels = *versions[version];
      out[version].resize(64 * axis.spans.size());
      values[version].resize(room * k * 8);
      const std::int16_t* span_blocks[2];
      const std::uint8_t* span_heights[2];
      for (int b = 0; b < count; ++b) {
        heights[version][b].resize(n_columns);
        lengths[version][b].resize(n_columns);
        span_blocks[b] = c.blocks.data() + 64 * (b * c.wb + axis.first_block);
        kernels.measure_row(
            {span_blocks[b], n_columns, heights[version][b].data(), lengths[version][b].data()});
        span_heights[b] = heights[version][b].data();
        lines[version][b].resize(std::size_t{8} * n_columns * k);
        DequantisePass taken_over{span_blocks[b], n_columns, k, {}, lines[version][b].data()};
        std::copy_n(c.quant, 64, taken_over.quant);
        kernels.dequantise_row(taken_over);
      }
      std::vector<float> scaled(std::size_t{128} * k);
      ColumnPass pass{count,         matrices.data(),       span_blocks, span_heights,
                      n_columns,     1 + round % 8,         k,           {},
                      scaled.data(), values[version].data()};
      std::copy_n(c.quant, 64, pass.quant);
      kernels.resample_columns(pass);
      std::vector<Wanted> wanted;
      for (int f = 0; f < 64; ++f) {
        if (f / 8 < k_out && f % 8 < h.k_out)
          wanted.push_back({static_cast<std::uint8_t>(f), out[version].data() + f * axis.spans.size()});
      }
      std::vector<float> turned(room * k * 8);
      kernels.resample_blocks({&axis, k, n_columns, values[version].data(), turned.data(), weights.data(),
                               n_pairs, frequencies, n_frequencies, wanted.data(),
                               static_cast<int>(wanted.size())});
    }
    for (int version = 1; version < 3; ++version) {
      if (versions[version] == nullptr) continue;
      const char* name = versions[version]->name;
      for (int b = 0; b < count; ++b) {
        expect(lines[0][b] == lines[version][b] && heights[0][b] == heights[version][b] &&
                   lengths[0][b] == lengths[version][b],
               "same rows", name);
      }
      expect(values[0] == values[version], "same columns", name);
      expect(out[0] == out[version], "same blocks", name);
    }
  }
}

// A coefficient has the same bits whichever others are computed with it: few rows and few frequencies of a
// block take other ways through the kernels.
void selections_agree() {
  std::mt19937 rng(5);
  std::vector<int> all(64);
  for (int k = 0; k < 64; ++k) all[k] = k;
  for (int round = 0; round < 40; ++round) {
    const Component c = random_component(8 + rng() % 60, 8 + rng() % 90, rng);
    const auto axis = [&](int samples) {
      AxisSpec spec;
      spec.start = static_cast<double>(rng() % 100) / 101.0;
      spec.stop = samples - static_cast<double>(rng() % 100) / 103.0;
      spec.hi = samples;
      spec.out_blocks = 1 + static_cast<int>(rng() % 20);
      spec.filter = kFilters[round % 4];
      return spec;
    };
    const AxisSpec v = axis(c.height), h = axis(c.width);
    const std::vector<float> whole = resample(c, v, h, all);
    const std::size_t area = whole.size() / 64;
    for (const int rows : {1, 2, 3, 4, 8}) {
      for (const int frequencies : {1, 2, 4, 5, 8}) {
        std::vector<int> some;
        for (int k = 0; k < 64; ++k) {
          if (k / 8 < rows && k % 8 < frequencies) some.push_back(k);
        }
        const std::vector<float> got = resample(c, v, h, some);
        bool equal = true;
        for (std::size_t i = 0; i < some.size(); ++i) {
          equal &= std::equal(got.begin() + i * area, got.begin() + (i + 1) * area,
                              whole.begin() + some[i] * area);
        }
        expect(equal, "same bits in a selection",
               (std::to_string(rows) + " x " + std::to_string(frequencies)).c_str());
      }
    }
  }
}

}  // namespace

int main() {
  worked_axis();
  native_grids();
  windows();
  identity();
  flat_edge();
  versions_agree();
  selections_agree();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
