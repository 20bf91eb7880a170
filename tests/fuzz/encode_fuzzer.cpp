// libFuzzer target: arbitrary pixels encoded with arbitrary channels. What is kept equals the full encoding.
#include "../cpp/exercise_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::Encoder encoder;
  static dctdecode::Decoder decoder;
  constexpr std::size_t kChoices = 29;
  if (size < kChoices + 1) return 0;
  dctdecode::Encoding encoding;
  for (int c = 0; c < 3; ++c) std::memcpy(&encoding.kept[c], data + 8 * c, 8);
  encoding.quality = 1 + data[24] % 100;
  encoding.luma_height_factor = 1 + data[25] % 2;
  encoding.luma_width_factor = 1 + data[25] / 2 % 2;
  dctdecode::Pixels pixels;
  pixels.channels = data[26] % 2 == 0 ? 1 : 3;
  pixels.height_px = 1 + data[27] % 80;
  pixels.width_px = 1 + data[28] % 80;
  pixels.stride_bytes = static_cast<std::size_t>(pixels.width_px) * pixels.channels;
  std::vector<std::uint8_t> memory(pixels.stride_bytes * pixels.height_px);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = data[kChoices + i % (size - kChoices)];
  pixels.data = memory.data();
  exercise::one_encoding(encoder, decoder, pixels, encoding);
  return 0;
}
