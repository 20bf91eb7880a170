// What to make of an image. Data only: whoever draws random numbers writes them here, the core draws none.
#pragma once

#include <cstdint>
#include <vector>

#include "dctdecode/dtype.h"

namespace dctdecode {

enum class Filter { box, bilinear, bicubic, lanczos };

// One output channel: frequency `index` = 8 * v + u of component 0 (Y), 1 (Cb) or 2 (Cr),
// written as (coefficient - mean) * inv_std.
struct Channel {
  std::uint8_t component = 0;
  std::uint8_t index = 0;
  float mean = 0.0F;
  float inv_std = 1.0F;
};

struct Plan {
  std::vector<Channel> channels;  // in output order
  DType dtype = DType::float32;
  Filter filter = Filter::bilinear;  // for components that are not on luma's grid
  bool antialias = true;
  bool strict = true;
};

}  // namespace dctdecode
