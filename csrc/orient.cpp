#include "orient.h"

#include <utility>

namespace dctdecode {
namespace {

void transpose(Component& component) {
  std::swap(component.h, component.v);
  std::swap(component.height_blocks, component.width_blocks);
  std::swap(component.height_samples, component.width_samples);
}

void mirror(AxisGeometry& axis, int size_px) {
  axis.start = size_px - std::exchange(axis.stop, size_px - axis.start);
  axis.lo = size_px - std::exchange(axis.hi, size_px - axis.lo);
  axis.flip = !axis.flip;
}

// By EXIF's number: 2 mirrored left to right, 3 turned by 180 degrees, 4 mirrored top to bottom, 5
// transposed, 6 to be turned by 90 degrees clockwise, 7 transposed along the other diagonal, 8
// counter-clockwise.
constexpr bool is_transposed(int orientation) { return orientation >= 5 && orientation <= 8; }
constexpr bool is_mirrored_sideways(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
}
constexpr bool is_mirrored_upside_down(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
}

}  // namespace

void orient(const Header& stored, const Geometry& upright, Frame& frame) {
  frame.transposed = is_transposed(upright.orientation);
  frame.header = stored;
  frame.geometry = upright;
  frame.geometry.orientation = 1;
  if (frame.transposed) {
    std::swap(frame.header.height_px, frame.header.width_px);
    std::swap(frame.header.h_max, frame.header.v_max);
    for (Component& component : frame.header.components) transpose(component);
    copy_tables(stored, frame);
  }
  if (is_mirrored_sideways(upright.orientation)) mirror(frame.geometry.horizontal, frame.header.width_px);
  if (is_mirrored_upside_down(upright.orientation)) mirror(frame.geometry.vertical, frame.header.height_px);
}

void copy_tables(const Header& stored, Frame& frame) {
  for (int c = 0; c < kMaxComponents; ++c) {
    const auto& from = stored.components[c].quant;
    auto& to = frame.header.components[c].quant;
    for (int k = 0; k < kBlockSize; ++k) to[k] = from[frame.transposed ? k % 8 * 8 + k / 8 : k];
  }
}

Needs transposed(const Needs& needs) {
  Needs result{0, needs.column_begin, needs.column_end, needs.row_begin, needs.row_end};
  for (int k = 0; k < kBlockSize; ++k) {
    if ((needs.band >> dct::kNaturalToZigzag[k] & 1) != 0) result.add(k % 8 * 8 + k / 8);
  }
  return result;
}

void transpose_block(const std::int16_t* from, std::int16_t* to) {
  for (int v = 0; v < 8; ++v) {
    for (int u = 0; u < 8; ++u) to[8 * u + v] = from[8 * v + u];
  }
}

}  // namespace dctdecode
