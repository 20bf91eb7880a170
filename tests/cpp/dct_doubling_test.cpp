// Doubling, the resampling operator at scale 1/2, against the operator's definition in double precision.
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

// The few lowest frequencies, which have loops of their own, are the same alone and among all 64.
void few_among_all() {
  std::mt19937 rng(8);
  for (int round = 0; round < 60; ++round) {
    const int height = 1 + static_cast<int>(rng() % 90), width = 1 + static_cast<int>(rng() % 300);
    const Component c = random_component(ceil_div(height, 2), ceil_div(width, 2), rng);
    Axis v, h;
    build_axis(native_axis(height, c.height, 1, 2, Filter::bilinear, true, false), v);
    build_axis(native_axis(width, c.width, 1, 2, Filter::bilinear, true, false), h);
    const auto n = static_cast<std::size_t>(h.spec.num_out());
    Columns few_columns, all_columns;
    for (int i = 0; i < v.spec.num_out(); ++i) {
      std::vector<float> few(4 * n), all(64 * n);
      std::vector<Wanted> four, every;
      for (std::size_t f = 0; f < 64; ++f)
        every.push_back({static_cast<std::uint8_t>(f), all.data() + f * n});
      for (const std::size_t f : {0, 1, 8, 9}) {
        four.push_back({static_cast<std::uint8_t>(f), few.data() + four.size() * n});
      }
      const Plane plane{c.blocks.data(), c.wb};
      resample_row(i, v, h, plane, c.quant, four.data(), 4, few_columns);
      resample_row(i, v, h, plane, c.quant, every.data(), 64, all_columns);
      bool equal = true;
      for (const Wanted& w : four) equal &= std::equal(w.dst, w.dst + n, all.data() + w.index * n);
      expect(equal, "the same alone and among all", "few frequencies");
    }
  }
}

std::vector<float> random_floats(std::size_t n, std::mt19937& rng) {
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng() % 1000) / 997.0F - 0.5F;
  return values;
}

// All versions of the kernels must give the same bits: every number of rows, pairs, columns, every edge.
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
    const int k_across = k == 2 && rng() % 2 == 0 ? 2 : 8;
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

      out[version].assign(std::size_t{1} * k * k_across * out_blocks, NAN);
      std::vector<Wanted> wanted;
      float* row = out[version].data();
      for (int f = 0; f < 8 * k; ++f) {
        if (f % 8 >= k_across) continue;
        wanted.push_back({static_cast<std::uint8_t>(f), row, mean, 1.5F});
        row += out_blocks;
      }
      std::vector<std::uint8_t> pairs;
      for (int g = 0; g < whole / 8; ++g) pairs.push_back(static_cast<std::uint8_t>(1 + (g + round) % 4));
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
  doublings();
  doubled_axes();
  normalised();
  few_among_all();
  doubling_versions_agree();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
