// One axis of the resampling operator, A = (I (x) D) . R . (I (x) D^T): out = A_v . X . A_h^T is "inverse
// DCT, crop, filter, forward DCT" as one linear map on coefficients. It is block-banded: an output block
// depends on a few neighbouring input blocks, each through one 8 x 8 matrix D . R_pair . D^T.
// R: dct/axis_rows.h. D: dct/basis.h.
#pragma once

#include <cstddef>
#include <vector>

#include "dct/axis_rows.h"
#include "dctdecode/plan.h"

namespace dctdecode::dct {

// Worked image, 37 x 21 px 4:2:0, chroma on luma's grid, horizontally: taps in [0, 19), window [0, 20),
// out_blocks = 5, 0.5 input samples per output sample; output samples 38 and 39 (centres 19.25 and 19.75)
// lie beyond the last sample and repeat it.
struct AxisSpec {
  double start = 0.0, stop = 0.0;  // window in input samples, fractions allowed, may exceed the edges
  int lo = 0, hi = 0;  // filter taps stay in [lo, hi), lo < hi; hi <= the component's true size, so
                       // that the padding behind it is never read
  int out_blocks = 0;  // that the window makes
  int first_out = 0, end_out = 0;  // those of them that are computed; end_out = 0: to the last
  int k_out = 8;                   // output frequencies 0 .. k_out - 1 are computed
  int k_in = 8;                    // input frequencies 0 .. k_in - 1 are used; 8 = exact
  Filter filter = Filter::bilinear;
  bool antialias = true;  // widen the filter when shrinking (as Pillow does)
  bool flip = false;      // reverse the output samples
  int blur_taps = 0;      // odd; 0 = none. Standard deviation in output samples:
  double blur_sigma = 0.0;
  int blur_first = 0, blur_end = 0;  // output samples (before a flip) whose ends reflect; 0, 0: all

  bool operator==(const AxisSpec&) const = default;
  int end_of_range() const { return end_out == 0 ? out_blocks : end_out; }
  int num_out() const { return end_of_range() - first_out; }
  bool is_blurred() const { return blur_taps > 1 && blur_sigma > 0.0; }
};

// Window and bounds that bring a component onto luma's grid at scale exactly factor / factor_max, the whole
// image. size_px: the image's true size along the axis. With flip the true image is mirrored, so that the
// edge that repeats lies behind its last output sample again.
AxisSpec native_axis(int size_px, int in_samples, int factor, int factor_max, Filter filter, bool antialias,
                     bool flip);

struct Span {
  int first = 0, count = 0;  // input blocks
  bool identity = false;     // one input block, taken over unchanged
  std::size_t matrices = 0;  // offset in Axis::matrices: `count` of them, and zeros up to the longest span
};

// Reusable: building again keeps the memory, and building the same again does nothing.
struct Axis {
  AxisSpec spec;         // out_blocks = 0: nothing was built
  bool doubled = false;  // by dct/doubling.h, which needs neither spans nor matrices of an image's own
  bool exact = false;    // every output block is an input block, or one mirrored: integers stay integers
  int longest_span = 0;
  int first_block = 0, end_block = 0;  // input blocks that any output block needs
  std::vector<Span> spans;             // one per output block that is computed
  std::vector<float>
      matrices;   // (longest_span, 8 output frequencies, 8 input frequencies); zero beyond k_out, k_in
  AxisRows rows;  // scratch
  std::vector<float> lines;  // scratch: rows of R . D^T
};

void build_axis(const AxisSpec& spec, Axis& axis);

}  // namespace dctdecode::dct
