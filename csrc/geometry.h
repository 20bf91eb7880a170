// A Geometry's axes in the terms of one component's own samples.
#pragma once

#include "dct/axis.h"
#include "dctdecode/header.h"
#include "dctdecode/plan.h"

namespace dctdecode {

// One axis of a component: the image's size, the component's true samples, its sampling factor and the
// largest.
struct ComponentAxis {
  int size_px = 0;
  int samples = 0;
  int factor = 1, factor_max = 1;
};
ComponentAxis vertical_axis(const Header& header, const Component& component);
ComponentAxis horizontal_axis(const Header& header, const Component& component);

// Whether the output's blocks along the axis are stored blocks, from block start / 8 on.
bool is_stored(const AxisGeometry& geometry, bool native, const ComponentAxis& axis);

// The operator's axis for output frequencies below k_out.
//
// Worked image, 37 x 21 px 4:2:0, chroma of crop (2, 8, 16, 24) to 16 x 16 px: vertically 11 samples, window
// [1, 9), taps in [1, 9); horizontally 19 samples, window [4, 16), taps in [4, 16).
dct::AxisSpec resampling_axis(const AxisGeometry& geometry, bool native, const ComponentAxis& axis,
                              const Plan& plan, int k_out);

// Two looks at the same bytes gave the same sizes. The caller's memory was measured by the first look; bytes
// that another thread changes meanwhile may yield other values, never other sizes.
bool same_sizes(const Header& a, const Header& b);

}  // namespace dctdecode
