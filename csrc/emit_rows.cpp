#include "emit_rows.h"

#include <algorithm>

namespace dctdecode {

Outcome not_exact() {
  return {Status::not_exact, "dtype=int16 cannot hold a coefficient of this file; use float32", 0, 0};
}

bool same_geometry(const Header& a, const Header& b) {
  bool same = a.num_components == b.num_components && a.height_px == b.height_px &&
              a.width_px == b.width_px && a.color_space == b.color_space && a.h_max == b.h_max &&
              a.v_max == b.v_max;
  for (int c = 0; same && c < a.num_components; ++c) {
    same = a.components[c].h == b.components[c].h && a.components[c].v == b.components[c].v;
  }
  return same;
}

Outcome emit_rows(const Header& header, const std::array<dct::Plane, kMaxComponents>& planes, Rows which,
                  Poll poll, Emitter& emitter) {
  if (which == Rows::mixed && !emitter.is_mixed()) return {};
  const int components = std::min(header.num_components, 3);
  for (int row = 0; row < emitter.height_blocks(); ++row) {
    bool exact = true;
    for (int c = 0; which == Rows::all && c < components; ++c) {
      if (emitter.is_direct(c)) exact = exact && emitter.direct_row(c, row, planes[c].row(row));
    }
    if (emitter.is_mixed()) exact = exact && emitter.mixed_row(row, planes);
    if (!exact) return not_exact();
    if (poll.should_stop != nullptr && poll.should_stop(poll.context)) {
      return {Status::cancelled, "stopped", 0, 0};
    }
  }
  return {};
}

}  // namespace dctdecode
