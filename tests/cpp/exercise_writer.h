// Drives the JPEG writer with arbitrary coefficients and tables, and the encoder with arbitrary pixels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codes.h"
#include "dctdecode/encode.h"
#include "exercise.h"
#include "jpeg/writing.h"

namespace exercise {

// A header and coefficients that nobody has looked at.
struct Drawn {
  Header header;
  std::array<std::vector<std::int16_t>, kMaxComponents> values;
  std::array<jpeg::Blocks, kMaxComponents> blocks{};

  void allocate(std::size_t more_columns) {
    fill_grids(header);
    for (int c = 0; c < header.num_components; ++c) {
      const Component& component = header.components[c];
      const std::size_t stride = component.width_blocks + more_columns;
      values[c].assign(stride * component.height_blocks * kBlockSize, 0);
      blocks[c] = {values[c].data(), stride};
    }
  }
  std::int16_t at(int c, int row, int column, int k) const {
    return blocks[c].data[(row * blocks[c].stride_blocks + column) * kBlockSize + k];
  }
};

// What baseline holds, in other words than the writer's: true if all of it can be written.
inline bool is_writable(const Drawn& drawn) {
  for (int c = 0; c < drawn.header.num_components; ++c) {
    const Component& component = drawn.header.components[c];
    for (const std::uint16_t q : component.quant) {
      if (q == 0 || q > 255) return false;
    }
    int low = 0, high = 0;
    for (int i = 0; i < component.height_blocks; ++i) {
      for (int j = 0; j < component.width_blocks; ++j) {
        low = std::min<int>(low, drawn.at(c, i, j, 0));
        high = std::max<int>(high, drawn.at(c, i, j, 0));
        for (int k = 1; k < kBlockSize; ++k) {
          if (std::abs(drawn.at(c, i, j, k)) >= 1 << 10) return false;  // more than 10 bits
        }
      }
    }
    if (high - low >= 1 << 11) return false;
  }
  return drawn.header.color_space != ColorSpace::unknown;
}

// Written if and only if it can be; and then it reads back, value for value.
inline void one_writing(jpeg::Writer& writer, Decoder& decoder, const Drawn& drawn,
                        const jpeg::Finish& finish) {
  Bytes jpeg;
  const Outcome outcome = writer.write(drawn.header, drawn.blocks, finish, Limits{}, {}, jpeg);
  EXERCISE_REQUIRE(static_cast<bool>(outcome) == is_writable(drawn));
  if (!outcome) {
    EXERCISE_REQUIRE(outcome.status == Status::unsupported && outcome.message.size() > 3);
    return;
  }
  // libjpeg looked at the coefficients twice; with codes of ours, found in one look, the bytes are the same.
  const std::vector<std::uint8_t> bytes(jpeg.data, jpeg.data + jpeg.size);
  jpeg::Huffman huffman;
  const Kept everything = {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};
  keep_and_find_codes(drawn.header, everything, drawn.blocks, huffman);
  jpeg::Finish with_codes = finish;
  with_codes.huffman = &huffman;
  EXERCISE_REQUIRE(writer.write(drawn.header, drawn.blocks, with_codes, Limits{}, {}, jpeg));
  EXERCISE_REQUIRE(bytes == std::vector<std::uint8_t>(jpeg.data, jpeg.data + jpeg.size));
  const PlanesResult read = read_planes(decoder, jpeg, Limits{}, true, 0x5A5A);
  EXERCISE_REQUIRE(read.outcome && read.report.warnings.empty());
  EXERCISE_REQUIRE(read.header.num_components == drawn.header.num_components);
  for (int c = 0; c < drawn.header.num_components; ++c) {
    const Component& component = drawn.header.components[c];
    EXERCISE_REQUIRE(read.header.components[c].quant == component.quant);
    EXERCISE_REQUIRE(read.header.components[c].height_blocks == component.height_blocks &&
                     read.header.components[c].width_blocks == component.width_blocks);
    std::size_t place = 0;
    for (int i = 0; i < component.height_blocks; ++i) {
      for (int j = 0; j < component.width_blocks; ++j) {
        for (int k = 0; k < kBlockSize; ++k) {
          EXERCISE_REQUIRE(read.planes[c][place++] == drawn.at(c, i, j, k));
        }
      }
    }
  }
}

// What `draw` chooses; `value()` gives coefficients.
template <class Draw, class Value>
void some_writing(jpeg::Writer& writer, Decoder& decoder, Draw& draw, Value& value) {
  const ColorSpace spaces[] = {ColorSpace::gray, ColorSpace::ycbcr, ColorSpace::rgb,
                               ColorSpace::cmyk, ColorSpace::ycck,  ColorSpace::unknown};
  const int components[] = {1, 3, 3, 4, 4, 2};
  Drawn drawn;
  Header& header = drawn.header;
  const unsigned kind = draw(6);
  header.color_space = spaces[kind];
  header.num_components = components[kind];
  header.height_px = 1 + static_cast<int>(draw(70));
  header.width_px = 1 + static_cast<int>(draw(70));
  const bool subsampled = draw(2) == 0;
  for (int c = 0; c < header.num_components; ++c) {
    Component& component = header.components[c];
    component.h = subsampled ? 1 + static_cast<int>(draw(4)) : 1;
    component.v = subsampled ? 1 + static_cast<int>(draw(4)) : 1;
    header.h_max = std::max(header.h_max, component.h);
    header.v_max = std::max(header.v_max, component.v);
    component.has_quant = true;
    const unsigned base = 1 + draw(200);
    for (int k = 0; k < kBlockSize; ++k) component.quant[k] = static_cast<std::uint16_t>(base + k % 32);
    if (draw(16) == 0) component.quant[draw(64)] = static_cast<std::uint16_t>(draw(65536));
  }
  drawn.allocate(draw(3));
  for (int c = 0; c < header.num_components; ++c) {
    for (std::int16_t& v : drawn.values[c]) v = value();
  }
  jpeg::Finish finish;
  finish.progressive = draw(3) == 0;
  finish.density = {static_cast<int>(draw(3)), 1 + static_cast<int>(draw(65535)), 1};
  const std::vector<std::uint8_t> payload(draw(8) == 0 ? 65533 : draw(64), 0xFF);
  if (draw(2) == 0) finish.attachments.push_back({0xE2, {payload.data(), payload.size()}});
  one_writing(writer, decoder, drawn, finish);
}

// The kept coefficients of `pixels` are those of all of them.
inline void one_encoding(Encoder& encoder, Decoder& decoder, const Pixels& pixels, const Encoding& encoding) {
  Bytes jpeg;
  EXERCISE_REQUIRE(encoder.encode(pixels, encoding, {}, jpeg));
  const PlanesResult some = read_planes(decoder, jpeg, Limits{}, true, 0x5A5A);
  Encoding all = encoding;
  all.kept = {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};
  EXERCISE_REQUIRE(encoder.encode(pixels, all, {}, jpeg));
  const PlanesResult whole = read_planes(decoder, jpeg, Limits{}, true, 0x2525);
  EXERCISE_REQUIRE(some.outcome && whole.outcome && some.report.warnings.empty());
  EXERCISE_REQUIRE(some.header.height_px == pixels.height_px && some.header.width_px == pixels.width_px);
  EXERCISE_REQUIRE(some.header.num_components == pixels.channels);
  for (int c = 0; c < some.header.num_components; ++c) {
    EXERCISE_REQUIRE(some.header.components[c].quant == whole.header.components[c].quant);
    for (std::size_t i = 0; i < whole.planes[c].size(); ++i) {
      const bool kept = (encoding.kept[c] >> (i % 64) & 1) != 0;
      EXERCISE_REQUIRE(some.planes[c][i] == (kept ? whole.planes[c][i] : 0));
    }
  }
}

}  // namespace exercise
