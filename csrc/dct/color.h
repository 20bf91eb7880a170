// Colour conversion on coefficients. It is linear, so it holds frequency by frequency, and the level
// shifts cancel: Y's weights sum to 1, those of Cb and Cr to 0.
#pragma once

namespace dctdecode::dct {

// Rows of one frequency of R, G and B become those of Y, Cb and Cr, in place (JFIF 1.02, full-range BT.601):
// Y = 0.299 R + 0.587 G + 0.114 B, Cb = (B - Y) / 1.772, Cr = (R - Y) / 1.402.
void rgb_to_ycbcr(float* r_to_y, float* g_to_cb, float* b_to_cr, int n) noexcept;

}  // namespace dctdecode::dct
