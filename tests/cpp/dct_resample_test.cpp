// The resampling operator against its definition in double precision: inverse DCT of every block, cut to the
// true size, dense R along each axis, forward DCT of every block.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <random>
#include <vector>

#include "dct/dispatch.h"
#include "dct/resample.h"

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
      sum += r.at(row, j) = weight(spec.filter, (j + 0.5 - c) / f);
    }
    if (sum == 0) {
      r.at(row, std::min(static_cast<int>(c), spec.hi - 1)) = 1;
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

void expect_close(const Component& c, const AxisSpec& v, const AxisSpec& h, const char* label) {
  expect_close(c, v, h, naive(c, v, h), label);
}

struct Size {
  int height, width;
};
struct Factors {
  int v, h, v_max, h_max;
};

constexpr Filter kFilters[] = {Filter::box, Filter::bilinear, Filter::bicubic, Filter::lanczos};

int ceil_div(int a, int b) { return (a + b - 1) / b; }

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

// The doublings of 4:2:0, 4:2:2 and 4:4:0 at every small size, so that every remainder meets every edge.
void doublings() {
  std::mt19937 rng(5);
  const Factors factors[] = {{1, 1, 2, 2}, {1, 1, 1, 2}, {1, 1, 2, 1}};
  for (const Factors f : factors) {
    for (int height = 1; height <= 40; ++height) {
      for (int width = 1; width <= 40; ++width) {
        const Component c = random_component(ceil_div(height, f.v_max), ceil_div(width, f.h_max), rng);
        AxisSpec v = native_axis(height, c.height, f.v, f.v_max, Filter::bilinear, true, false);
        AxisSpec h = native_axis(width, c.width, f.h, f.h_max, Filter::bilinear, true, false);
        const Matrix want = naive(c, v, h);
        for (const int k : {2, 8}) {
          v.k_out = h.k_out = k;
          expect_close(c, v, h, want, "doubling");
        }
      }
    }
  }
}

// The shortcut is taken where it holds, and only there.
void doubled_axes() {
  const auto doubled = [](const AxisSpec& spec) {
    Axis axis;
    build_axis(spec, axis);
    return axis.doubled;
  };
  const AxisSpec plain = native_axis(37, 19, 1, 2, Filter::bilinear, true, false);
  AxisSpec few = plain, crop = plain, shifted = plain;
  few.k_in = 7;
  crop.out_blocks = 4;
  crop.stop = 16;
  shifted.start += 0.5;
  shifted.stop += 0.5;
  expect(doubled(plain), "doubled", "plain");
  expect(!doubled(few), "not doubled", "few input frequencies");
  expect(!doubled(crop), "not doubled", "samples behind the window");
  expect(!doubled(shifted), "not doubled", "shifted");
  expect(!doubled(native_axis(37, 19, 1, 2, Filter::bilinear, true, true)), "not doubled", "flipped");
  expect(!doubled(native_axis(37, 19, 1, 2, Filter::bicubic, true, false)), "not doubled", "bicubic");
  expect(!doubled(native_axis(37, 10, 1, 4, Filter::bilinear, true, false)), "not doubled", "a quarter");
  expect(!doubled(native_axis(37, 37, 2, 2, Filter::bilinear, true, false)), "not doubled", "luma");
}

// Written as (coefficient - mean) * inv_std, each operation rounded to float32, on either path.
void normalised() {
  std::mt19937 rng(6);
  const Component c = random_component(19, 21, rng);
  for (const Filter filter : {Filter::bilinear, Filter::bicubic}) {
    Axis v, h;
    build_axis(native_axis(37, 19, 1, 2, filter, true, false), v);
    build_axis(native_axis(41, 21, 1, 2, filter, true, false), h);
    Columns columns;
    for (int i = 0; i < v.spec.out_blocks; ++i) {
      float plain[6], scaled[6];
      const Wanted wanted[] = {{9, plain}, {9, scaled, 1.25F, 0.3F}};
      resample_row(i, v, h, {c.blocks.data(), c.wb}, c.quant, wanted, 2, columns);
      bool equal = true;
      for (int j = 0; j < 6; ++j) equal &= scaled[j] == (plain[j] - 1.25F) * 0.3F;
      expect(equal, "normalised", "37x41");
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

// All versions of the kernels must give the same bits.
void versions_agree() {
  const Kernels* fast = avx2_kernels();
  if (fast == nullptr) {
    std::printf("no vector kernels here: versions not compared\n");
    return;
  }
  std::mt19937 rng(4);
  for (int round = 0; round < 100; ++round) {
    const Component c = random_component(8 + rng() % 60, 8 + rng() % 200, rng);
    AxisSpec h = native_axis(2 * c.width, c.width, 1, 2, kFilters[round % 4], true, round % 3 == 0);
    h.k_out = 1 + round % 8;
    Axis axis;
    build_axis(h, axis);
    const int k_out = 1 + static_cast<int>(rng() % 8), k = k_out <= 2 ? 2 : k_out <= 4 ? 4 : 8;
    const std::size_t cells = static_cast<std::size_t>(axis.end_block) * k * 8;
    std::vector<float> matrices(128), values[2] = {std::vector<float>(cells), std::vector<float>(cells)};
    std::vector<std::uint8_t> lengths[2] = {std::vector<std::uint8_t>(axis.end_block, 9),
                                            std::vector<std::uint8_t>(axis.end_block, 7)};
    for (float& m : matrices) m = static_cast<float>(rng() % 1000) / 997.0F - 0.5F;
    std::vector<float> out[2] = {std::vector<float>(64 * axis.spans.size()),
                                 std::vector<float>(64 * axis.spans.size())};
    for (int version = 0; version < 2; ++version) {
      const Kernels& kernels = version ? *fast : scalar_kernels();
      ColumnPass down{{c.blocks.data(), c.wb},
                      {0, std::min(2, c.hb), round % 7 == 0, 0},
                      matrices.data(),
                      8,
                      k,
                      {},
                      axis.first_block,
                      axis.end_block,
                      values[version].data(),
                      lengths[version].data()};
      for (int f = 0; f < 64; ++f) down.quant[f] = c.quant[f];
      kernels.resample_columns(down);
      std::vector<Wanted> wanted;
      for (int f = 0; f < 64; ++f) {
        if (f / 8 < k_out && f % 8 < h.k_out)
          wanted.push_back({static_cast<std::uint8_t>(f), out[version].data() + f * axis.spans.size()});
      }
      kernels.resample_blocks({&axis, k, values[version].data(), lengths[version].data(), wanted.data(),
                               static_cast<int>(wanted.size())});
    }
    expect(lengths[0] == lengths[1], "same column lengths", "versions");
    expect(values[0] == values[1], "same columns", "versions");
    expect(out[0] == out[1], "same blocks", "versions");
  }
}

std::vector<float> random_floats(std::size_t n, std::mt19937& rng) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng() % 1000) / 997.0F - 0.5F;
  return values;
}

// The same of the doublings: every number of rows, pairs, columns, every edge.
void doubling_versions_agree() {
  if (avx2_kernels() == nullptr) return;
  std::mt19937 rng(7);
  for (int round = 0; round < 200; ++round) {
    const Component c = random_component(8, 8 + rng() % 200, rng);
    const int k = 2 << (round % 3), whole = (c.wb + 7) / 8 * 8;
    const bool extend = rng() % 2 == 0;
    const auto rows = random_floats(std::size_t{8} * whole * k, rng);
    const auto lines = random_floats(std::size_t{8} * c.wb, rng);
    const float mean = rng() % 2 == 0 ? 0.0F : 0.7F;
    std::vector<float> upper[2], lower[2], pending[2], last_lines[2], out[2];
    std::vector<std::uint8_t> block_lengths[2], lengths[2];
    const bool first = rng() % 4 == 0, last = rng() % 2 == 0;
    const int out_blocks = 2 * c.wb - static_cast<int>(rng() % 2);
    for (int version = 0; version < 2; ++version) {
      const Kernels& kernels = version ? *avx2_kernels() : scalar_kernels();
      upper[version] = lower[version] = pending[version] = rows;
      last_lines[version] = lines;
      block_lengths[version].assign(c.wb, 3);
      lengths[version].assign(c.wb, 9);
      DoubleColumnsPass down{};
      down.table = &doubling();
      down.blocks = c.blocks.data();
      down.end_column = c.wb;
      down.k = k;
      down.is_last = last;
      down.extend = last && extend ? doubling().extend[3] : nullptr;
      for (int f = 0; f < 64; ++f) down.quant[f] = c.quant[f];
      down.upper = upper[version].data();
      down.lower = lower[version].data();
      down.pending = first ? nullptr : pending[version].data();
      down.last_lines = last_lines[version].data();
      down.block_lengths = block_lengths[version].data();
      down.lengths = lengths[version].data();
      kernels.double_columns(down);

      out[version].assign(std::size_t{8} * k * out_blocks, NAN);
      std::vector<Wanted> wanted;
      for (int f = 0; f < 8 * k; ++f) {
        wanted.push_back({static_cast<std::uint8_t>(f), out[version].data() + f * out_blocks, mean, 1.5F});
      }
      std::vector<std::uint8_t> pairs(whole / 8);
      for (std::size_t g = 0; g < pairs.size(); ++g)
        pairs[g] = static_cast<std::uint8_t>(1 + (g + round) % 4);
      std::vector<float> turned(std::size_t{8} * whole), firsts(whole + 8), lasts(whole + 8);
      DoubleBlocksPass across{};
      across.table = &doubling();
      across.n_columns = c.wb;
      across.out_blocks = out_blocks;
      across.k = k;
      across.extend = extend ? doubling().extend[5] : nullptr;
      across.values = upper[version].data();
      across.pairs = pairs.data();
      across.turned = turned.data();
      across.firsts = firsts.data();
      across.lasts = lasts.data() + 1;
      across.wanted = wanted.data();
      across.n_wanted = static_cast<int>(wanted.size());
      kernels.double_blocks(across);
    }
    expect(upper[0] == upper[1] && lower[0] == lower[1] && pending[0] == pending[1], "same rows", "doubling");
    expect(last_lines[0] == last_lines[1], "same last lines", "doubling");
    expect(block_lengths[0] == block_lengths[1] && lengths[0] == lengths[1], "same lengths", "doubling");
    expect(out[0] == out[1], "same blocks", "doubling");
  }
}

}  // namespace

int main() {
  worked_axis();
  native_grids();
  doublings();
  doubled_axes();
  normalised();
  windows();
  identity();
  flat_edge();
  versions_agree();
  doubling_versions_agree();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
