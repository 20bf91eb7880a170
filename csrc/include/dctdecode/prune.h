// What to keep of a JPEG that becomes a smaller JPEG.
#pragma once

#include <array>
#include <cstdint>

namespace dctdecode {

enum class Metadata {
  orientation,  // an Exif segment with the orientation alone, where it is not 1
  all,          // all APPn and COM segments
};

struct Pruning {
  std::array<std::uint64_t, 3> kept{};  // bit 8 * v + u of Y, Cb, Cr
  Metadata metadata = Metadata::orientation;
  bool progressive = false;
  bool strict = true;
};

}  // namespace dctdecode
