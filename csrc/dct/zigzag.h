// The two orders of the 64 frequencies of a block. Ours is the natural one, k = 8 * v + u (v vertical,
// u horizontal); files hold coefficients and quantisation tables in zigzag order (T.81 figure A.6):
//
//        u 0  1  2  3  4  5  6  7
//   v 0    0  1  5  6 14 15 27 28        zigzag position at each natural place
//   v 1    2  4  7 13 16 26 29 42
//   v 2    3  8 12 17 25 30 41 43
//   v 3    9 11 18 24 31 40 44 53
//   v 4   10 19 23 32 39 45 52 54
//   v 5   20 22 33 38 46 51 55 60
//   v 6   21 34 37 47 50 56 59 61
//   v 7   35 36 48 49 57 58 62 63
#pragma once

#include <array>
#include <cstdint>

namespace dctdecode::dct {

inline constexpr std::array<std::uint8_t, 64> kNaturalToZigzag = {
    0,  1,  5,  6,  14, 15, 27, 28, 2,  4,  7,  13, 16, 26, 29, 42, 3,  8,  12, 17, 25, 30,
    41, 43, 9,  11, 18, 24, 31, 40, 44, 53, 10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38,
    46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63};

inline constexpr std::array<std::uint8_t, 64> kZigzagToNatural = [] {
  std::array<std::uint8_t, 64> inverse{};
  for (int k = 0; k < 64; ++k) inverse[kNaturalToZigzag[k]] = static_cast<std::uint8_t>(k);
  return inverse;
}();

static_assert(kZigzagToNatural[2] == 8 && kZigzagToNatural[63] == 63);

}  // namespace dctdecode::dct
