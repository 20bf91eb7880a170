// libFuzzer target: tensors by several plans (channels, filters, element types, strict and lenient).
#include "exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::Decoder decoder;
  exercise::all_plans(decoder, {data, size}, exercise::small_limits());
  return 0;
}
