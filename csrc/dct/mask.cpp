#include "dct/mask.h"

namespace dctdecode::dct {

void keep_frequencies(std::int16_t* blocks, std::size_t count, std::uint64_t kept) noexcept {
  std::int16_t mask[64];
  for (int k = 0; k < 64; ++k) mask[k] = static_cast<std::int16_t>((kept >> k & 1) != 0 ? -1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (int k = 0; k < 64; ++k) blocks[64 * i + k] &= mask[k];
  }
}

}  // namespace dctdecode::dct
