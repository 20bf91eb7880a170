#include "geometry.h"

#include <algorithm>
#include <cmath>

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

bool is_blurred(const AxisGeometry& geometry) { return geometry.blur_taps > 1 && geometry.blur_sigma > 0.0; }

// A window of the image's own 8 x 8 px blocks, at scale 1.
bool is_slice(const AxisGeometry& geometry, int size_px) {
  return geometry.start >= 0.0 && std::fmod(geometry.start, 8.0) == 0.0 &&
         geometry.stop - geometry.start == 8.0 * geometry.out_blocks &&
         geometry.stop <= 8.0 * ceil_div(size_px, 8) && !geometry.flip && !is_blurred(geometry);
}

// Input frequencies that matter for the lowest k_out of the output when the image shrinks by `scale`: those
// that land there, and three more that leak through the edges of blocks. All where it does not shrink.
int input_frequencies(double scale, int k_out) {
  return scale < 1.0 ? 8 : static_cast<int>(std::min(8.0, std::ceil(k_out / scale) + 3.0));
}

}  // namespace

ComponentAxis vertical_axis(const Header& header, const Component& component) {
  return {header.height_px, component.height_samples, component.v, header.v_max};
}

ComponentAxis horizontal_axis(const Header& header, const Component& component) {
  return {header.width_px, component.width_samples, component.h, header.h_max};
}

bool is_stored(const AxisGeometry& geometry, bool native, const ComponentAxis& axis) {
  return axis.factor == axis.factor_max && is_slice(geometry, axis.size_px) &&
         geometry.lo <= geometry.start && (native || geometry.stop <= geometry.hi);
}

dct::AxisSpec resampling_axis(const AxisGeometry& geometry, bool native, const ComponentAxis& axis,
                              const Plan& plan, int k_out) {
  const auto samples = [&axis](double px) { return px * axis.factor / axis.factor_max; };
  dct::AxisSpec spec;
  if (native && is_slice(geometry, axis.size_px)) {  // of the whole, so that it has the whole's very bits
    spec = dct::native_axis(axis.size_px, axis.samples, axis.factor, axis.factor_max, plan.filter,
                            plan.antialias, false);
    spec.first_out = static_cast<int>(geometry.start / 8.0);
    const int end_out = spec.first_out + geometry.out_blocks;
    spec.end_out = end_out == spec.out_blocks ? 0 : end_out;
  } else {
    spec.start = samples(geometry.start);
    spec.stop = samples(geometry.stop);
    spec.out_blocks = geometry.out_blocks;
    spec.filter = plan.filter;
    spec.antialias = plan.antialias;
    spec.flip = geometry.flip;
  }
  spec.lo = static_cast<int>(std::clamp(std::floor(samples(geometry.lo)), 0.0, axis.samples - 1.0));
  spec.hi = static_cast<int>(std::clamp<double>(std::ceil(samples(geometry.hi)), spec.lo + 1, axis.samples));
  if (is_blurred(geometry)) {
    spec.blur_taps = geometry.blur_taps;
    spec.blur_sigma = geometry.blur_sigma;
  }
  if (is_blurred(geometry) && native) {
    const double n = 8.0 * geometry.out_blocks;
    spec.blur_first = static_cast<int>(std::clamp(std::ceil(-geometry.start), 0.0, n));
    spec.blur_end = static_cast<int>(std::clamp(std::floor(axis.size_px - geometry.start), 0.0, n));
  }
  spec.k_out = k_out;
  if (plan.fast) spec.k_in = input_frequencies((spec.stop - spec.start) / (8.0 * spec.out_blocks), k_out);
  return spec;
}

bool same_sizes(const Header& a, const Header& b) {
  bool same = a.num_components == b.num_components && a.height_px == b.height_px &&
              a.width_px == b.width_px && a.color_space == b.color_space && a.h_max == b.h_max &&
              a.v_max == b.v_max;
  for (int c = 0; same && c < a.num_components; ++c) {
    same = a.components[c].h == b.components[c].h && a.components[c].v == b.components[c].v;
  }
  return same;
}

Geometry native_geometry(const Header& header) {
  Geometry geometry;
  geometry.vertical = native_axis(header.height_px);
  geometry.horizontal = native_axis(header.width_px);
  return geometry;
}

}  // namespace dctdecode
