// From blocks to channels: the selected frequencies of a row of blocks, dequantised, normalised, as planar
// rows.
#pragma once

#include <cstdint>

#include "dctdecode/dtype.h"

namespace dctdecode::dct {

// One output row: frequency `index` = 8 * v + u of every block of the row, in the order of the blocks.
struct Pick {
  std::uint8_t index = 0;
  void* dst = nullptr;  // n_blocks contiguous elements
  float mean = 0.0F;
  float inv_std = 1.0F;
};

// For every pick and block i: dst[i] = (float(blocks[64 * i + index]) * float(quant[index]) - mean) *
// inv_std, each operation rounded to float32, then rounded once to `dtype` (overflow becomes infinity).
//
// blocks: n_blocks * 64 quantised coefficients, natural order. quant: 64 values, natural order.
// int16: the product coefficient * quant itself; mean and inv_std must be 0 and 1. False where a product
// does not fit int16; the rows then hold unspecified values.
//
// Any order of picks is right, and an index may occur twice; ascending order is the fastest. Plain
// dequantised float rows (for colour conversion) are float32 picks with the default mean and inv_std.
//
// Worked image, 37 x 21 px 4:2:0: a row of luma is n_blocks = 5, blocks = 320 int16; 16 picks of float32
// write 16 rows of 5 floats.
[[nodiscard]] bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant,
                              const Pick* picks, int n_picks, DType dtype) noexcept;

}  // namespace dctdecode::dct
