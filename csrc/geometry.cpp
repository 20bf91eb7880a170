#include "dctdecode/decode.h"

namespace dctdecode {
namespace {

AxisGeometry native_axis(int size_px) {
  AxisGeometry axis;
  axis.out_blocks = ceil_div(size_px, 8);
  axis.stop = 8.0 * axis.out_blocks;
  axis.hi = size_px;
  return axis;
}

}  // namespace

Geometry native_geometry(const Header& header) {
  Geometry geometry;
  geometry.vertical = native_axis(header.height_px);
  geometry.horizontal = native_axis(header.width_px);
  return geometry;
}

}  // namespace dctdecode
