// libFuzzer target: the JPEG writer with arbitrary sizes, tables and coefficients. What baseline holds is
// written and reads back equal, everything else is refused.
#include "../cpp/exercise_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::jpeg::Writer writer;
  static dctdecode::Decoder decoder;
  std::size_t next = 0;
  const auto byte = [&] { return next < size ? data[next++] : std::uint8_t{0}; };
  const auto draw = [&](unsigned below) {
    const unsigned high = byte();
    return (high << 8 | byte()) % below;
  };
  // Mostly small values, with long runs of zeros, now and then any 16 bits.
  unsigned zeros = 0;
  const auto value = [&]() -> std::int16_t {
    if (zeros > 0) return --zeros, 0;
    const unsigned first = byte();
    if (first < 96) return static_cast<std::int16_t>(zeros = first, 0);
    if (first < 200) return static_cast<std::int16_t>(static_cast<int>(first) - 148);
    const unsigned bits = first < 250 ? 10 : first < 254 ? 11 : 16;
    const unsigned wide = draw(1U << bits);
    return static_cast<std::int16_t>(first % 2 == 0 || bits == 16 ? wide : 0U - wide);
  };
  exercise::some_writing(writer, decoder, draw, value);
  return 0;
}
