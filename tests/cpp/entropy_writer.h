// Writes sequential JPEGs of random coefficients, with what encoders seldom use: any sampling factors, random
// Huffman codes up to 16 bits, magnitudes up to 15 bits, blocks that end at position 63, fill bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace entropy_test {

struct Shape {
  int width_px = 37, height_px = 21;
  std::vector<std::array<int, 2>> sampling = {{2, 2}, {1, 1}, {1, 1}};  // (h, v) per component
  std::vector<std::vector<int>> scans = {{0, 1, 2}};
  int restart_interval = 0;
  double density = 0.3;     // share of nonzero AC coefficients
  int max_size = 10;        // magnitude bits of AC coefficients
  bool fill_bytes = false;  // FF before markers
};

class Writer {
 public:
  Writer(const Shape& shape, std::uint32_t seed) : shape_(shape), random_(seed) {}

  std::vector<std::uint8_t> write() {
    put({0xFF, 0xD8});
    put({0xFF, 0xDB, 0, 67, 0});
    for (int k = 0; k < 64; ++k) bytes_.push_back(static_cast<std::uint8_t>(1 + random_() % 99));
    const auto n = static_cast<std::uint8_t>(shape_.sampling.size());
    put({0xFF, 0xC1, 0, static_cast<std::uint8_t>(8 + 3 * n), 8});
    put16(shape_.height_px);
    put16(shape_.width_px);
    bytes_.push_back(n);
    for (std::uint8_t c = 0; c < n; ++c) {
      put({static_cast<std::uint8_t>(c + 1),
           static_cast<std::uint8_t>(shape_.sampling[c][0] << 4 | shape_.sampling[c][1]), 0});
    }
    if (shape_.restart_interval != 0) {
      put({0xFF, 0xDD, 0, 4});
      put16(shape_.restart_interval);
    }
    for (const std::vector<int>& scan : shape_.scans) write_scan(scan);
    put({0xFF, 0xD9});
    return bytes_;
  }

 private:
  struct Code {
    int length = 0;
    unsigned bits = 0;
  };
  struct Table {
    std::array<Code, 256> codes{};
    std::vector<std::uint8_t> symbols;
  };

  unsigned below(unsigned n) { return random_() % n; }
  bool chance(double p) { return random_() < p * 4294967295.0; }
  void put(std::initializer_list<std::uint8_t> list) { bytes_.insert(bytes_.end(), list); }
  void put16(int value) { put({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}); }

  // A random full code over `symbols`; the first ones get short codes. The all-ones code stays unused.
  Table write_table(unsigned table_class, unsigned id, std::vector<std::uint8_t> symbols) {
    std::vector<int> leaves{0};
    while (leaves.size() < symbols.size() + 1) {
      // Splitting a leaf near the front gives skewed codes, near the back flat ones.
      std::size_t at = chance(0.6) ? 0 : below(static_cast<unsigned>(leaves.size()));
      while (leaves[at] >= 16) at = (at + 1) % leaves.size();
      const int length = leaves[at] + 1;
      leaves[at] = length;
      leaves.push_back(length);
      if (chance(0.5)) std::swap(leaves[at], leaves.back());
    }
    std::sort(leaves.begin(), leaves.end());
    leaves.pop_back();
    Table table;
    table.symbols = symbols;
    std::array<std::uint8_t, 17> bits{};
    unsigned code = 0;
    int length = 0;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (length != 0) ++code;
      code <<= leaves[i] - length;
      length = leaves[i];
      table.codes[symbols[i]] = {length, code};
      ++bits[length];
    }
    put({0xFF, 0xC4});
    put16(static_cast<int>(19 + symbols.size()));
    bytes_.push_back(static_cast<std::uint8_t>(table_class << 4 | id));
    bytes_.insert(bytes_.end(), bits.begin() + 1, bits.end());
    bytes_.insert(bytes_.end(), symbols.begin(), symbols.end());
    return table;
  }

  void put_bits(unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      held_ = held_ << 1 | (value >> i & 1U);
      if (++num_held_ < 8) continue;
      bytes_.push_back(static_cast<std::uint8_t>(held_));
      if ((held_ & 255U) == 255U) bytes_.push_back(0);
      num_held_ = 0;
      held_ = 0;
    }
  }
  void flush() {
    const bool ones = chance(0.5);
    while (num_held_ != 0) put_bits(ones ? 1 : below(2), 1);
    if (shape_.fill_bytes) bytes_.insert(bytes_.end(), below(4), 0xFF);
  }
  void put_symbol(const Table& table, std::uint8_t symbol) {
    put_bits(table.codes[symbol].bits, table.codes[symbol].length);
    const int size = symbol & 15;
    put_bits(random_() & ((1U << size) - 1), size);
  }

  void write_block(const Table& dc, const Table& ac) {
    put_symbol(dc, dc.symbols[below(static_cast<unsigned>(dc.symbols.size()))]);
    const bool full = chance(0.2);  // no end of block: position 63 is coded
    const auto end = full ? 64U : 1 + below(64);
    for (unsigned k = 1; k < end;) {
      unsigned run = 0;
      while (k + run < end && !chance(shape_.density)) ++run;
      if (k + run >= 64) {
        if (!full) break;
        run = 63 - k;
      }
      for (; run >= 16; run -= 16, k += 16) put_symbol(ac, 0xF0);
      const unsigned size = 1 + std::min(below(static_cast<unsigned>(shape_.max_size)), below(16));
      put_symbol(ac, static_cast<std::uint8_t>(run << 4 | size));
      k += run + 1;
      if (k == 64) return;
    }
    // libjpeg-turbo takes every symbol of size 0 but ZRL for the end of the block.
    put_symbol(ac, static_cast<std::uint8_t>(chance(0.1) ? below(15) << 4 : 0));
  }

  void write_scan(const std::vector<int>& components) {
    std::vector<Table> dc, ac;
    for (unsigned t = 0; t < 2; ++t) {
      std::vector<std::uint8_t> sizes, symbols;
      for (unsigned s = 0; s < 16; ++s) sizes.push_back(static_cast<std::uint8_t>(s));
      for (unsigned s = 0; s < 256; ++s) {
        if ((s & 15U) <= static_cast<unsigned>(shape_.max_size))
          symbols.push_back(static_cast<std::uint8_t>(s));
      }
      std::shuffle(sizes.begin(), sizes.end(), random_);
      std::shuffle(symbols.begin() + 1, symbols.end(), random_);
      // Small symbols first, as in real files, so that several of them fit one lookup.
      if (chance(0.7))
        std::sort(symbols.begin(), symbols.end(),
                  [](auto a, auto b) { return (a & 15) * 4 + (a >> 4) * 3 < (b & 15) * 4 + (b >> 4) * 3; });
      dc.push_back(write_table(0, t, sizes));
      ac.push_back(write_table(1, t, symbols));
    }
    put({0xFF, 0xDA});
    put16(static_cast<int>(6 + 2 * components.size()));
    bytes_.push_back(static_cast<std::uint8_t>(components.size()));
    for (const int c : components) {
      put({static_cast<std::uint8_t>(c + 1), static_cast<std::uint8_t>(c == 0 ? 0x00 : 0x11)});
    }
    put({0, 63, 0});
    write_mcus(components, dc, ac);
  }

  void write_mcus(const std::vector<int>& components, const std::vector<Table>& dc,
                  const std::vector<Table>& ac) {
    int h_max = 1, v_max = 1;
    for (const auto& s : shape_.sampling) h_max = std::max(h_max, s[0]), v_max = std::max(v_max, s[1]);
    const auto ceil = [](int a, int b) { return (a + b - 1) / b; };
    int mcus = ceil(shape_.width_px, 8 * h_max) * ceil(shape_.height_px, 8 * v_max);
    if (components.size() == 1) {
      const auto& s = shape_.sampling[components[0]];
      mcus = ceil(shape_.width_px * s[0], 8 * h_max) * ceil(shape_.height_px * s[1], 8 * v_max);
    }
    for (int mcu = 0; mcu < mcus; ++mcu) {
      if (shape_.restart_interval != 0 && mcu != 0 && mcu % shape_.restart_interval == 0) {
        flush();
        put({0xFF, static_cast<std::uint8_t>(0xD0 + (mcu / shape_.restart_interval - 1) % 8)});
      }
      for (const int c : components) {
        const auto& s = shape_.sampling[c];
        const int blocks = components.size() == 1 ? 1 : s[0] * s[1];
        for (int b = 0; b < blocks; ++b) write_block(dc[c != 0], ac[c != 0]);
      }
    }
    flush();
  }

  Shape shape_;
  std::mt19937 random_;
  std::vector<std::uint8_t> bytes_;
  unsigned held_ = 0;
  int num_held_ = 0;
};

// Every sampling and scan structure in turn, at odd sizes.
inline std::vector<Shape> many_shapes(std::uint32_t seed, int count) {
  using Scans = std::vector<std::vector<int>>;
  const std::vector<std::vector<std::array<int, 2>>> samplings = {
      {{1, 1}},
      {{2, 2}},
      {{3, 1}},
      {{1, 1}, {1, 1}},
      {{1, 1}, {1, 1}, {1, 1}},
      {{2, 1}, {1, 1}, {1, 1}},
      {{1, 2}, {1, 1}, {1, 1}},
      {{2, 2}, {1, 1}, {1, 1}},
      {{4, 1}, {1, 1}, {1, 1}},
      {{1, 4}, {1, 1}, {1, 1}},
      {{4, 2}, {1, 1}, {1, 1}},
      {{2, 2}, {2, 1}, {1, 2}},
      {{1, 1}, {2, 2}, {1, 1}},
      {{3, 1}, {2, 1}, {1, 1}},
      {{1, 3}, {1, 2}, {1, 1}},
      {{3, 2}, {1, 2}, {2, 1}},
      {{1, 1}, {1, 1}, {1, 1}, {1, 1}},
      {{2, 2}, {1, 1}, {1, 1}, {2, 2}},
      {{4, 4}, {1, 1}, {2, 4}},
  };
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::vector<Shape> shapes;
  for (int i = 0; i < count; ++i) {
    Shape shape;
    shape.sampling = samplings[i % samplings.size()];
    if (i >= static_cast<int>(samplings.size())) {
      shape.width_px = 1 + below(150);
      shape.height_px = 1 + below(120);
    }
    const int n = static_cast<int>(shape.sampling.size());
    std::vector<int> all;
    int blocks = 0;
    Scans single;
    for (int c = 0; c < n; ++c) {
      all.push_back(c);
      single.push_back({c});
      blocks += shape.sampling[c][0] * shape.sampling[c][1];
    }
    shape.scans = {all};
    if (blocks > 10 || below(4) == 0) {
      shape.scans = single;
    } else if (n == 3 && below(4) == 0) {
      shape.scans = below(2) ? Scans{{0}, {1, 2}} : Scans{{2}, {0, 1}};
    }
    if (below(2) == 0) shape.restart_interval = 1 + below(20);
    shape.density = 0.02 + 0.01 * below(90);
    shape.max_size = below(3) == 0 ? 15 : 1 + below(11);
    shape.fill_bytes = below(4) == 0;
    shapes.push_back(shape);
  }
  return shapes;
}

}  // namespace entropy_test
