#include "dctdecode/header.h"

namespace dctdecode {

void fill_grids(Header& header) noexcept {
  for (int c = 0; c < header.num_components; ++c) {
    Component& component = header.components[c];
    const long long height = static_cast<long long>(header.height_px) * component.v;
    const long long width = static_cast<long long>(header.width_px) * component.h;
    component.height_blocks = ceil_div(height, 8LL * header.v_max);
    component.width_blocks = ceil_div(width, 8LL * header.h_max);
    component.height_samples = ceil_div(height, header.v_max);
    component.width_samples = ceil_div(width, header.h_max);
  }
}

}  // namespace dctdecode
