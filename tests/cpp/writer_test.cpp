// The JPEG writer: what baseline holds is written and reads back, what it does not hold is refused by name,
// and nothing that stops it halfway does it harm.
#include <cmath>
#include <cstdio>

#include "exercise_writer.h"
#include "mutants.h"

namespace {

using namespace dctdecode;
using exercise::Drawn;

// 37 x 21 px, 4:2:0, all zero, quantised by 1.
Drawn worked_image() {
  Drawn drawn;
  drawn.header.height_px = 21;
  drawn.header.width_px = 37;
  drawn.header.num_components = 3;
  drawn.header.color_space = ColorSpace::ycbcr;
  drawn.header.h_max = drawn.header.v_max = 2;
  drawn.header.components[0].h = drawn.header.components[0].v = 2;
  for (int c = 0; c < 3; ++c) {
    drawn.header.components[c].has_quant = true;
    drawn.header.components[c].quant.fill(1);
  }
  drawn.allocate(0);
  return drawn;
}

Outcome written(const Drawn& drawn, const Limits& limits = {}, Poll poll = {}) {
  static jpeg::Writer writer;
  Bytes jpeg;
  return writer.write(drawn.header, drawn.blocks, {}, limits, poll, jpeg);
}

void refused(const Drawn& drawn, const char* word) {
  const Outcome outcome = written(drawn);
  EXERCISE_REQUIRE(outcome.status == Status::unsupported);
  EXERCISE_REQUIRE(outcome.message.find(word) != std::string::npos);
  EXERCISE_REQUIRE(written(worked_image()));  // the writer is none the worse for it
}

void test_ends_of_the_ranges() {
  // The last block of chroma, the first of luma.
  const auto with = [](int c, std::size_t place, int value) {
    Drawn drawn = worked_image();
    drawn.values[c][place] = static_cast<std::int16_t>(value);
    return drawn;
  };
  const std::size_t last_ac = 2 * 3 * 64 - 1, last_dc = last_ac - 63;
  for (const int value : {1023, -1023}) EXERCISE_REQUIRE(written(with(2, last_ac, value)));
  for (const int value : {1024, -1024, 32767, -32768}) refused(with(2, last_ac, value), "AC");
  for (const int value : {2047, -2047, 1023, -1024}) EXERCISE_REQUIRE(written(with(1, last_dc, value)));
  for (const int value : {2048, -2048, 32767, -32768}) refused(with(1, last_dc, value), "DC");
  Drawn wide = with(0, 0, -1024);
  wide.values[0][64 * 14] = 1023;
  EXERCISE_REQUIRE(written(wide));
  wide.values[0][64 * 14] = 1024;
  refused(wide, "DC");
}

void test_tables() {
  for (const int divisor : {0, 256, 65535}) {
    Drawn drawn = worked_image();
    drawn.header.components[2].quant[63] = static_cast<std::uint16_t>(divisor);
    refused(drawn, "quantisation tables");
  }
  Drawn drawn = worked_image();
  drawn.header.components[0].quant[0] = 255;
  EXERCISE_REQUIRE(written(drawn));
  drawn.header.components[1].has_quant = false;
  refused(drawn, "no quantisation table");
}

void test_headers_that_do_not_fit() {
  Drawn drawn = worked_image();
  drawn.header.components[1].width_blocks = 4;
  refused(drawn, "another grid");
  drawn = worked_image();
  drawn.header.height_px = 0;
  refused(drawn, "without pixels");
  drawn = worked_image();
  drawn.header.color_space = ColorSpace::gray;
  refused(drawn, "components");
  drawn = worked_image();
  drawn.header.color_space = ColorSpace::unknown;
  refused(drawn, "unknown meaning");
}

// Asked for the nth time, it says stop.
struct Countdown {
  int left;
  static bool ask(void* context) { return --static_cast<Countdown*>(context)->left < 0; }
};

void test_stopping_anywhere() {
  const Drawn drawn = worked_image();
  int asked = 0;
  for (;; ++asked) {
    Countdown countdown{asked};
    const Outcome outcome = written(drawn, {}, {Countdown::ask, &countdown});
    if (outcome) break;
    EXERCISE_REQUIRE(outcome.status == Status::cancelled);
  }
  EXERCISE_REQUIRE(asked == 4);  // 2 rows of MCUs, in two passes
}

void test_output_limit() {
  Drawn drawn = worked_image();
  mutants::SplitMix random(7);
  for (int c = 0; c < 3; ++c) {
    for (std::int16_t& value : drawn.values[c]) value = static_cast<std::int16_t>(random.below(1023));
  }
  jpeg::Writer writer;
  Bytes jpeg;
  EXERCISE_REQUIRE(writer.write(drawn.header, drawn.blocks, {}, {}, {}, jpeg));
  const std::size_t size = jpeg.size;
  for (std::size_t limit = 1; limit < size + 600; limit += 97) {
    Limits limits;
    limits.max_memory_bytes = limit;
    const Outcome outcome = writer.write(drawn.header, drawn.blocks, {}, limits, {}, jpeg);
    EXERCISE_REQUIRE(outcome ? jpeg.size == size : outcome.status == Status::limit);
    EXERCISE_REQUIRE(static_cast<bool>(outcome) == (limit > size) || limit == size);
  }
}

void test_draws() {
  jpeg::Writer writer;
  Decoder decoder;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    mutants::SplitMix random(n);
    const auto draw = [&random](unsigned below) { return static_cast<unsigned>(random.below(below)); };
    const unsigned density = draw(101), bits = 1 + draw(n % 5 == 0 ? 12 : 10);
    const auto value = [&]() -> std::int16_t {
      if (draw(100) >= density) return 0;
      const int magnitude = static_cast<int>(draw(1U << bits));
      return static_cast<std::int16_t>(draw(2) == 0 ? magnitude : -magnitude);
    };
    exercise::some_writing(writer, decoder, draw, value);
  }
}

constexpr double kSixteenth = 3.14159265358979323846 / 16;

void test_encoding() {
  Encoder encoder;
  Decoder decoder;
  for (std::uint64_t n = 0; n < 300; ++n) {
    mutants::SplitMix random(n);
    const auto draw = [&random](unsigned below) { return static_cast<unsigned>(random.below(below)); };
    Encoding encoding;
    for (std::uint64_t& kept : encoding.kept) kept = random.below(~std::uint64_t{0});
    if (draw(2) == 0) encoding.kept[2] = encoding.kept[1];
    encoding.quality = 1 + static_cast<int>(draw(100));
    encoding.luma_height_factor = 1 + static_cast<int>(draw(2));
    encoding.luma_width_factor = 1 + static_cast<int>(draw(2));
    Pixels pixels;
    pixels.channels = draw(3) == 0 ? 1 : 3;
    pixels.height_px = 1 + static_cast<int>(draw(70));
    pixels.width_px = 1 + static_cast<int>(draw(70));
    pixels.stride_bytes = static_cast<std::size_t>(pixels.width_px) * pixels.channels + draw(4);
    std::vector<std::uint8_t> memory(pixels.stride_bytes * pixels.height_px);
    // Noise, slopes, or one frequency in black and white: no picture of 8 bits has a larger coefficient.
    const unsigned kind = draw(3), slope = 1 + draw(64);
    const double u = draw(8), v = draw(8);
    for (std::size_t i = 0; i < memory.size(); ++i) {
      const auto x = static_cast<double>(i % pixels.stride_bytes / pixels.channels);
      const auto y = static_cast<double>(i / pixels.stride_bytes);
      const double wave = std::cos((2 * x + 1) * u * kSixteenth) * std::cos((2 * y + 1) * v * kSixteenth);
      memory[i] = static_cast<std::uint8_t>(kind == 0   ? draw(256)
                                            : kind == 1 ? i / slope
                                            : wave > 0  ? 255
                                                        : 0);
    }
    pixels.data = memory.data();
    exercise::one_encoding(encoder, decoder, pixels, encoding);
  }
}

}  // namespace

int main() {
  test_ends_of_the_ranges();
  test_tables();
  test_headers_that_do_not_fit();
  test_stopping_anywhere();
  test_output_limit();
  test_draws();
  test_encoding();
  std::puts("writer: all hold");
  return 0;
}
