// libFuzzer target: any bytes pruned, by what the input's last bytes choose (they lie behind the image, or in
// it); what was written reads again, as it should.
#include <algorithm>

#include "../cpp/exercise_prune.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::Decoder decoder;
  std::size_t left = std::min<std::size_t>(size, 64);
  const auto draw = [&](unsigned below) {
    unsigned value = 0;
    for (int i = 0; i < 2 && left > 0; ++i) value = value << 8 | data[size - left--];
    return value % below;
  };
  exercise::some_pruning(decoder, {data, size}, exercise::small_limits(), draw);
  return 0;
}
