// What to keep of a JPEG that becomes a smaller JPEG.
#pragma once

#include <array>
#include <cstdint>

#include "dctdecode/plan.h"

namespace dctdecode {

enum class Metadata {
  orientation,  // an Exif segment with the orientation alone, where it is not 1
  all,          // all APPn and COM segments
};

struct Pruning {
  std::array<std::uint64_t, 3> kept{};  // bit 8 * v + u of Y, Cb, Cr
  Metadata metadata = Metadata::orientation;
  bool upright = false;  // the EXIF orientation is applied; the frequencies are those of the upright image
  bool progressive = false;
  bool strict = true;

  // Of an image that is resampled, and so quantised anew:
  int quality = 90;                                   // libjpeg's
  int luma_height_factor = 1, luma_width_factor = 1;  // 1 or 2: sampling factors of luma, chroma's being 1
  Filter filter = Filter::bilinear;
  bool antialias = true;
};

}  // namespace dctdecode
