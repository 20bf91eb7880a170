// gather_row and store_row: the scalar kernels against double and integer arithmetic written out here, the
// vector kernels against the scalar ones, bit for bit; nothing is written outside the rows.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "dct/color.h"
#include "dct/dispatch.h"
#include "dct/half.h"
#include "dct/store.h"

namespace {

using namespace dctdecode;
using namespace dctdecode::dct;

int failures = 0;

void expect(bool ok, const char* what, int value = 0) {
  if (ok) return;
  std::fprintf(stderr, "FAILED: %s (%d)\n", what, value);
  ++failures;
}

constexpr DType kDTypes[] = {DType::float32, DType::float16, DType::bfloat16, DType::int16};

// Round to nearest even onto the grid of a format with `bits` significant bits and exponents min..max, by
// definition.
double rounded(double value, int bits, int min_exponent, int max_exponent) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), min_exponent);
  const double step = std::ldexp(1.0, exponent - bits + 1);
  const double result = std::nearbyint(value / step) * step;
  return std::abs(result) >= std::ldexp(1.0, max_exponent + 1) ? std::copysign(INFINITY, value) : result;
}

double float16_value(std::uint16_t half) {
  const int exponent = (half >> 10) & 31, mantissa = half & 1023;
  const double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}

double bfloat16_value(std::uint16_t half) { return std::bit_cast<float>(std::uint32_t{half} << 16); }

void conversions() {
  std::mt19937 rng(5);
  std::vector<float> values{0.0F,
                            -0.0F,
                            1.0F,
                            65504.0F,
                            65519.99F,
                            65520.0F,
                            -65520.0F,
                            65536.0F,
                            0x1p-14F,
                            0x1.ffcp-15F,
                            0x1p-24F,
                            0x1p-25F,
                            0x1.000002p-25F,
                            0x1p-26F,
                            0x1.8p-24F,
                            2049.0F,
                            2051.0F,
                            257.0F,
                            259.0F,
                            3.3895314e38F,
                            std::numeric_limits<float>::max(),
                            INFINITY,
                            -INFINITY,
                            1e-40F};
  for (int i = 0; i < 200000; ++i) values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(rng())));
  for (int half = 0; half < 0x7C00; ++half) {  // every boundary between two float16 values
    values.push_back(static_cast<float>((float16_value(half) + float16_value(half + 1)) / 2));
  }
  for (const float value : values) {
    const std::uint16_t half = to_float16(value), brain = to_bfloat16(value);
    if (std::isnan(value)) {
      expect(std::isnan(float16_value(half)) && std::isnan(bfloat16_value(brain)), "NaN stays NaN");
      continue;
    }
    expect(float16_value(half) == rounded(value, 11, -14, 15), "float16 rounding", half);
    expect(bfloat16_value(brain) == rounded(value, 8, -126, 127), "bfloat16 rounding", brain);
    expect(std::signbit(value) == (half >> 15) && std::signbit(value) == (brain >> 15), "sign kept", half);
  }
}

constexpr int kGuard = 8;  // elements behind each row that must stay untouched
constexpr unsigned char kMark = 0xA5;

// Output rows with guards; Pick::dst points into `memory`.
struct Rows {
  std::vector<std::vector<unsigned char>> memory;
  std::vector<Pick> picks;
  Rows(const std::vector<Pick>& selection, int n, DType dtype) : picks(selection) {
    for (Pick& pick : picks) {
      memory.emplace_back((n + kGuard) * size_bytes(dtype), kMark);
      pick.dst = memory.back().data();
    }
  }
  bool guards_intact(int n, DType dtype) const {
    for (const auto& row : memory) {
      for (std::size_t i = n * size_bytes(dtype); i < row.size(); ++i) {
        if (row[i] != kMark) return false;
      }
    }
    return true;
  }
};

struct Case {
  std::vector<std::int16_t> blocks;
  std::uint16_t quant[64];
  std::vector<Pick> picks;
};

enum class Kind { small, extreme };

Case random_case(int n, DType dtype, Kind kind, std::mt19937& rng) {
  Case c;
  const std::int16_t edges[] = {INT16_MIN, INT16_MIN + 1, -1, 0, 1, INT16_MAX - 1, INT16_MAX};
  const std::uint16_t quants[] = {0, 1, 2, 255, 32768, 65535};
  for (int i = 0; i < 64 * n; ++i) {
    const bool edge = kind == Kind::extreme && rng() % 2;
    c.blocks.push_back(edge ? edges[rng() % 7]
                            : static_cast<std::int16_t>(static_cast<int>(rng() % 401) - 200));
  }
  for (std::uint16_t& q : c.quant)
    q = kind == Kind::extreme ? quants[rng() % 6] : static_cast<std::uint16_t>(1 + rng() % 80);
  const int n_picks = 1 + static_cast<int>(rng() % 70);  // more than 64: some index occurs twice
  for (int p = 0; p < n_picks; ++p) {
    Pick pick{static_cast<std::uint8_t>(rng() % 64), nullptr};
    if (dtype != DType::int16 && rng() % 4) {
      pick.mean = static_cast<float>(static_cast<int>(rng() % 2001) - 1000) / 7.0F;
      pick.inv_std = static_cast<float>(rng() % 1000) / 997.0F;
    }
    c.picks.push_back(pick);
  }
  if (rng() % 2)
    std::sort(c.picks.begin(), c.picks.end(), [](const Pick& a, const Pick& b) { return a.index < b.index; });
  return c;
}

// What gather_row promises, computed without its code. False where int16 does not fit.
bool check_values(const Case& c, const Rows& rows, int n, DType dtype) {
  for (const Pick& pick : rows.picks) {
    for (int i = 0; i < n; ++i) {
      const long long product = static_cast<long long>(c.blocks[64 * i + pick.index]) * c.quant[pick.index];
      const float value = (static_cast<float>(product) - pick.mean) * pick.inv_std;
      bool equal = false;
      if (dtype == DType::float32) equal = static_cast<const float*>(pick.dst)[i] == value;
      if (dtype == DType::int16) equal = static_cast<const std::int16_t*>(pick.dst)[i] == product;
      // As values, since -0 and 0 are equal here.
      const auto bits = [&] { return static_cast<const std::uint16_t*>(pick.dst)[i]; };
      if (dtype == DType::float16) equal = float16_value(bits()) == float16_value(to_float16(value));
      if (dtype == DType::bfloat16) equal = bfloat16_value(bits()) == bfloat16_value(to_bfloat16(value));
      if (!equal) return false;
    }
  }
  return true;
}

bool fits_int16(const Case& c, int n) {
  for (const Pick& pick : c.picks) {
    for (int i = 0; i < n; ++i) {
      const long long product = static_cast<long long>(c.blocks[64 * i + pick.index]) * c.quant[pick.index];
      if (product < INT16_MIN || product > INT16_MAX) return false;
    }
  }
  return true;
}

void gather_case(int n, DType dtype, Kind kind, std::mt19937& rng) {
  const Case c = random_case(n, dtype, kind, rng);
  const int n_picks = static_cast<int>(c.picks.size());
  const bool fits = dtype != DType::int16 || fits_int16(c, n);
  const Kernels* versions[] = {&scalar_kernels(), avx2_kernels()};
  std::vector<Rows> results;
  for (const Kernels* version : versions) {
    if (version == nullptr) continue;
    Rows rows(c.picks, n, dtype);
    const bool ok = version->gather_row(c.blocks.data(), n, c.quant, rows.picks.data(), n_picks, dtype);
    expect(ok == fits, "int16 fits or not", n);
    expect(rows.guards_intact(n, dtype), "gather stays inside its rows", n);
    if (ok) expect(check_values(c, rows, n, dtype), "gather's values", n);
    if (ok && !results.empty()) expect(rows.memory == results[0].memory, "vector gather equals scalar", n);
    results.push_back(rows);
  }
}

void gathers() {
  std::mt19937 rng(6);
  for (const DType dtype : kDTypes) {
    for (const Kind kind : {Kind::small, Kind::extreme}) {
      for (int n = 0; n <= 40; ++n) {
        for (int round = 0; round < 4; ++round) gather_case(n, dtype, kind, rng);
      }
      for (const int n : {63, 64, 65, 71, 72, 128, 131}) gather_case(n, dtype, kind, rng);
    }
  }
}

// One product beyond int16 anywhere in the row must be noticed, and its neighbour just inside must not.
void int16_limits() {
  for (int n = 1; n <= 20; ++n) {
    for (int at = 0; at < n; ++at) {
      for (const int sign : {-1, 1}) {
        Case c;
        c.blocks.assign(64 * n, 0);
        std::fill(std::begin(c.quant), std::end(c.quant), std::uint16_t{1});
        c.picks = {Pick{9, nullptr}};
        for (const bool over : {false, true}) {
          c.blocks[64 * at + 9] = static_cast<std::int16_t>(sign);
          c.quant[9] = static_cast<std::uint16_t>((sign < 0 ? 32768 : 32767) + over);
          for (const Kernels* version : {&scalar_kernels(), avx2_kernels()}) {
            if (version == nullptr) continue;
            Rows rows(c.picks, n, DType::int16);
            const bool ok =
                version->gather_row(c.blocks.data(), n, c.quant, rows.picks.data(), 1, DType::int16);
            expect(ok == !over, "int16 limit", sign * n);
          }
        }
      }
    }
  }
}

bool exact_int16(float value) {
  return value == std::floor(value) && value >= -32768.0F && value <= 32767.0F;
}

void stores() {
  std::mt19937 rng(7);
  const float specials[] = {32767.0F,
                            -32768.0F,
                            32768.0F,
                            -32769.0F,
                            0.5F,
                            -0.0F,
                            1e9F,
                            -1e30F,
                            INFINITY,
                            -INFINITY,
                            std::bit_cast<float>(0x7FFFFFFFU),
                            1e-40F};
  for (const DType dtype : kDTypes) {
    for (int round = 0; round < 400; ++round) {
      const int n = round % 41;
      std::vector<float> src(n);
      for (float& value : src) value = static_cast<float>(static_cast<int>(rng() % 4001) - 2000);
      if (n > 0 && round % 2) src[rng() % n] = specials[rng() % 12];
      const bool plain = dtype == DType::int16 && round % 3;
      const float mean = plain ? 0.0F : 17.25F, inv_std = plain ? 1.0F : 0.75F;
      bool fits = true;
      for (const float value : src) fits &= dtype != DType::int16 || exact_int16((value - mean) * inv_std);
      std::vector<unsigned char> first;
      for (const Kernels* version : {&scalar_kernels(), avx2_kernels()}) {
        if (version == nullptr) continue;
        Rows rows({Pick{}}, n, dtype);
        const bool ok = version->store_row(src.data(), n, dtype, rows.picks[0].dst, mean, inv_std);
        expect(ok == fits, "int16 exact or not", n);
        expect(rows.guards_intact(n, dtype), "store stays inside its row", n);
        for (int i = 0; ok && i < n; ++i) {
          const float value = (src[i] - mean) * inv_std;
          const void* dst = rows.picks[0].dst;
          if (std::isnan(value)) continue;
          if (dtype == DType::float32)
            expect(static_cast<const float*>(dst)[i] == value, "stored float32", n);
          if (dtype == DType::int16)
            expect(static_cast<const std::int16_t*>(dst)[i] == value, "stored int16", n);
          if (dtype == DType::float16)
            expect(static_cast<const std::uint16_t*>(dst)[i] == to_float16(value), "stored float16", n);
          if (dtype == DType::bfloat16)
            expect(static_cast<const std::uint16_t*>(dst)[i] == to_bfloat16(value), "stored bfloat16", n);
        }
        if (ok && !first.empty()) expect(rows.memory[0] == first, "vector store equals scalar", n);
        first = rows.memory[0];
      }
    }
  }
}

void store_in_place() {
  std::vector<float> values(13);
  for (int i = 0; i < 13; ++i) values[i] = static_cast<float>(i);
  expect(store_row(values.data(), 13, DType::float32, values.data(), 3.0F, 2.0F), "in place");
  for (int i = 0; i < 13; ++i) expect(values[i] == 2.0F * static_cast<float>(i - 3), "in-place value", i);
}

void color() {
  float r[] = {255, 255, 0, 0, -40}, g[] = {255, 0, 255, 0, -40}, b[] = {255, 0, 0, 255, -40};
  const double y[] = {255, 76.245, 149.685, 29.07, -40}, cb[] = {0, -43.0277, -84.4723, 127.5, 0};
  const double cr[] = {0, 127.5, -106.7653, -20.7347, 0};
  rgb_to_ycbcr(r, g, b, 5);
  for (int i = 0; i < 5; ++i) {
    expect(std::abs(r[i] - y[i]) < 1e-3, "Y", i);
    expect(std::abs(g[i] - cb[i]) < 1e-3, "Cb", i);
    expect(std::abs(b[i] - cr[i]) < 1e-3, "Cr", i);
  }
}

}  // namespace

int main() {
  conversions();
  gathers();
  int16_limits();
  stores();
  store_in_place();
  color();
  if (avx2_kernels() == nullptr) std::printf("no vector kernels here: versions not compared\n");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
