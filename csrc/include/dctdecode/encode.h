// Pixels in, a JPEG of only some frequencies out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dctdecode/bytes.h"
#include "dctdecode/limits.h"
#include "dctdecode/status.h"

namespace dctdecode {

// Rows of bytes: gray, or R, G, B after one another.
struct Pixels {
  const std::uint8_t* data = nullptr;
  std::size_t stride_bytes = 0;
  int height_px = 0, width_px = 0;
  int channels = 3;  // 1 or 3
};

struct Encoding {
  std::array<std::uint64_t, 3> kept{};                // bit 8 * v + u of Y, Cb, Cr
  int quality = 90;                                   // libjpeg's, 1 to 100
  int luma_height_factor = 2, luma_width_factor = 2;  // sampling factors of luma, chroma's being 1
};

// Encodes images one after another. Not for two threads at once.
class Encoder {
 public:
  Encoder();
  ~Encoder();
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;

  // A baseline JPEG that lies in memory of this object until the next call. Its other coefficients are zero.
  Outcome encode(const Pixels& pixels, const Encoding& encoding, Poll poll, Bytes& jpeg);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace dctdecode
