// The orthonormal 8-point DCT-II (T.81 A.3.3): D[k][n] = c_k cos((2n + 1) k pi / 16), c_0 = sqrt(1/8), c_k =
// 1/2.
#pragma once

#include <array>
#include <cmath>
#include <numbers>

namespace dctdecode::dct {

using Basis = std::array<std::array<double, 8>, 8>;  // D[k][n]

inline const Basis& basis() {
  static const Basis d = [] {
    Basis values{};
    for (int k = 0; k < 8; ++k) {
      const double scale = k == 0 ? std::sqrt(0.125) : 0.5;
      for (int n = 0; n < 8; ++n) values[k][n] = scale * std::cos((2 * n + 1) * k * std::numbers::pi / 16);
    }
    return values;
  }();
  return d;
}

}  // namespace dctdecode::dct
