// What a JPEG says of itself before its first scan.
//
// The worked image of this project is 37 x 21 px (width x height), 4:2:0:
//   MCU 16 x 16 px, 3 x 2 of them      luma:   h = v = 2, grid_blocks 3 x 5 (Hb x Wb), samples 21 x 37
//                                      chroma: h = v = 1, grid_blocks 2 x 3,           samples 11 x 19
// libjpeg's arrays are padded to whole MCUs (luma 4 x 6); those dummy blocks are never handed out.
#pragma once

#include <array>
#include <cstdint>

namespace dctdecode {

inline constexpr int kMaxComponents = 4;
inline constexpr int kBlockSize = 64;  // coefficients in a block, natural order 8 * v + u

enum class ColorSpace { gray, ycbcr, rgb, cmyk, ycck, unknown };

struct Component {
  int id = 0;                                     // as written in the frame header
  int h = 1, v = 1;                               // sampling factors
  int quant_selector = 0;                         // Tq
  int height_blocks = 0, width_blocks = 0;        // T.81 A.1.1; libjpeg's height_in_blocks, width_in_blocks
  int height_samples = 0, width_samples = 0;      // true samples; those beyond are the encoder's padding
  bool has_quant = false;                         // false: its table comes later in the file, or never
  std::array<std::uint16_t, kBlockSize> quant{};  // natural order
};

struct Header {
  int height_px = 0, width_px = 0;
  int precision_bits = 8;
  int num_components = 0;
  int h_max = 1, v_max = 1;
  std::array<Component, kMaxComponents> components{};
  ColorSpace color_space = ColorSpace::unknown;
  bool progressive = false;
  bool arithmetic = false;
  int restart_interval = 0;  // MCUs; 0 = none
  int orientation = 1;       // EXIF, 1..8
};

constexpr int ceil_div(long long a, long long b) { return static_cast<int>((a + b - 1) / b); }

// Fills the grid of every component from height_px, width_px and the sampling factors.
void fill_grids(Header& header) noexcept;

}  // namespace dctdecode
