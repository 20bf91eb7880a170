// What Python needs of a header to lay an image out: its stored size, how it is to be turned, its MCU.
#pragma once

#include <pybind11/pybind11.h>

#include <tuple>

#include "dctdecode/header.h"
#include "dctdecode/plan.h"

namespace dctdecode::binding {

// (height_px, width_px, EXIF orientation, MCU's height_px, MCU's width_px), as stored. A lone component is
// not interleaved: its MCU is one block, whatever its factors (T.81 A.2.2).
using Extent = std::tuple<int, int, int, int, int>;

inline Extent extent_of(const Header& header) {
  const bool lone = header.num_components == 1;
  return {header.height_px, header.width_px, header.orientation, lone ? 8 : 8 * header.v_max,
          lone ? 8 : 8 * header.h_max};
}

// Filter taps beyond the image would read what is not there.
inline void require_inside(const Header& header, const Geometry& geometry) {
  const bool turned = geometry.orientation >= 5;
  const int height_px = turned ? header.width_px : header.height_px;
  const int width_px = turned ? header.height_px : header.width_px;
  if (geometry.vertical.hi > height_px || geometry.horizontal.hi > width_px) {
    throw pybind11::value_error("hi lies beyond the image");
  }
}

}  // namespace dctdecode::binding
