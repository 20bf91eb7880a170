#include "turn.h"

#include <algorithm>
#include <string>

namespace dctdecode {
namespace {

// dct(mirrored samples): frequencies that are odd along the mirrored side change their sign. As unsigned
// numbers, since -32768 has no counterpart.
void mirror_block(std::int16_t* block, bool vertically, bool horizontally) {
  for (int k = 0; k < kBlockSize; ++k) {
    const bool odd = (vertically && (k / 8 & 1) != 0) != (horizontally && (k % 8 & 1) != 0);
    if (odd) block[k] = static_cast<std::int16_t>(0U - static_cast<std::uint16_t>(block[k]));
  }
}

Frame frame_of(const Header& stored, int orientation) {
  Geometry geometry = native_geometry(stored);
  geometry.orientation = orientation;
  Frame frame;
  orient(stored, geometry, frame);
  return frame;
}

bool is_whole(int size_px, int factor, int factor_max) {
  return static_cast<long long>(size_px) * factor % (8LL * factor_max) == 0;
}

Outcome not_whole(const char* side, int size_px, int orientation) {
  return {Status::unsupported,
          "orientation " + std::to_string(orientation) + " mirrors the " + side + " of " +
              std::to_string(size_px) +
              " px, which is no multiple of the MCU, so that it cannot be applied without loss",
          0, 0};
}

}  // namespace

Outcome check_turn(const Header& stored, int orientation) {
  const Frame frame = frame_of(stored, orientation);
  const Header& header = frame.header;
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = header.components[c];
    if (frame.geometry.vertical.flip && !is_whole(header.height_px, component.v, header.v_max)) {
      return not_whole(frame.transposed ? "width" : "height", header.height_px, orientation);
    }
    if (frame.geometry.horizontal.flip && !is_whole(header.width_px, component.h, header.h_max)) {
      return not_whole(frame.transposed ? "height" : "width", header.width_px, orientation);
    }
  }
  return {};
}

void turn(int orientation, Header& header, Blocks& blocks, std::vector<std::int16_t>& memory) {
  const Frame frame = frame_of(header, orientation);
  const bool vertically = frame.geometry.vertical.flip, horizontally = frame.geometry.horizontal.flip;
  std::size_t size = 0;
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = header.components[c];
    size += static_cast<std::size_t>(component.height_blocks) * component.width_blocks * kBlockSize;
  }
  if (memory.size() < size) memory.resize(size);
  std::int16_t* to = memory.data();
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = frame.header.components[c];
    const jpeg::Blocks from = blocks[c];
    blocks[c] = {to, static_cast<std::size_t>(component.width_blocks)};
    for (int i = 0; i < component.height_blocks; ++i) {
      const int row = vertically ? component.height_blocks - 1 - i : i;
      for (int j = 0; j < component.width_blocks; ++j, to += kBlockSize) {
        const int column = horizontally ? component.width_blocks - 1 - j : j;
        if (frame.transposed) {
          transpose_block(from.data + (column * from.stride_blocks + row) * kBlockSize, to);
        } else {
          std::copy_n(from.data + (row * from.stride_blocks + column) * kBlockSize, kBlockSize, to);
        }
        mirror_block(to, vertically, horizontally);
      }
    }
  }
  header = frame.header;
}

}  // namespace dctdecode
