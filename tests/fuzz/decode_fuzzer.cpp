// libFuzzer target: the header, and all coefficients, strict and lenient.
#include "exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::Decoder decoder;  // one for all inputs: what an image leaves behind is under test too
  exercise::all_planes(decoder, {data, size}, exercise::small_limits());
  return 0;
}
