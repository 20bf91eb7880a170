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

// What many images share.
struct Plan {
  std::vector<Channel> channels;  // in output order
  DType dtype = DType::float32;
  Filter filter = Filter::bilinear;  // wherever the resampling operator works: see dct/axis.h
  bool antialias = true;
  bool fast = false;  // the operator may leave out input frequencies that hardly matter when it shrinks
  bool strict = true;
};

// One axis of a Geometry, in px of the upright image, fractions allowed. Output sample i has its centre at
// start + (i + 0.5) * (stop - start) / (8 * out_blocks); beyond the edges the nearest sample repeats.
struct AxisGeometry {
  double start = 0.0, stop = 0.0;  // window
  double lo = 0.0, hi = 0.0;       // filter taps stay inside: per component samples floor(lo) to ceil(hi)
  int out_blocks = 0;
  bool flip = false;        // reverses the output samples
  int blur_taps = 0;        // Gaussian blur of the output samples, reflected at the ends of the window: odd
  double blur_sigma = 0.0;  // number of taps (0 = none) and standard deviation, both in output samples
};

// What part of one image, and how it lies on the output's grid: drawn per image.
//
// Worked image, 37 x 21 px: crop (top 2, left 8, height 16, width 24) to 16 x 16 px, mirrored, is
//   vertical   {.start = 2, .stop = 18, .lo = 2, .hi = 18, .out_blocks = 2}
//   horizontal {.start = 8, .stop = 32, .lo = 8, .hi = 32, .out_blocks = 2, .flip = true}
// and its native grid of 3 x 5 blocks, which goes beyond the last samples, is
//   vertical   {.start = 0, .stop = 24, .lo = 0, .hi = 21, .out_blocks = 3}
//   horizontal {.start = 0, .stop = 40, .lo = 0, .hi = 37, .out_blocks = 5}
struct Geometry {
  int orientation = 1;  // EXIF, 1..8: applied first, so that all else speaks of the upright image
  bool native = true;   // scale exactly 1 on the file's own grid: stored blocks are taken over as they are,
                        // with their padding
  AxisGeometry vertical, horizontal;
};

}  // namespace dctdecode
