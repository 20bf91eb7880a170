#include "dct/color.h"

namespace dctdecode::dct {

void rgb_to_ycbcr(float* r_to_y, float* g_to_cb, float* b_to_cr, int n) noexcept {
  for (int i = 0; i < n; ++i) {
    const float r = r_to_y[i], g = g_to_cb[i], b = b_to_cr[i];
    const float y = 0.299F * r + 0.587F * g + 0.114F * b;
    r_to_y[i] = y;
    g_to_cb[i] = (b - y) * (1.0F / 1.772F);
    b_to_cr[i] = (r - y) * (1.0F / 1.402F);
  }
}

}  // namespace dctdecode::dct
