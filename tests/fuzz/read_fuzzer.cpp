// libFuzzer target: tensors by several plans (channels, filters, element types, strict and lenient) on the
// native grid, and one by a geometry that the input's last bytes choose: they lie behind the image, or in it.
#include <algorithm>

#include "exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::Decoder decoder;
  exercise::all_plans(decoder, {data, size}, exercise::small_limits());
  std::size_t left = std::min<std::size_t>(size, 64);
  const auto draw = [&](unsigned below) {
    unsigned value = 0;
    for (int i = 0; i < 2 && left > 0; ++i) value = value << 8 | data[size - left--];
    return value % below;
  };
  exercise::some_plan(decoder, {data, size}, exercise::small_limits(), draw);
  return 0;
}
