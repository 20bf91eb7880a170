#include "dct/resample.h"

#include "dct/dispatch.h"

namespace dctdecode::dct {

void resample_row(int i, const Axis& vertical, const Axis& horizontal, const Plane& plane,
                  const std::uint16_t* quant, const Wanted* wanted, int n_wanted, Columns& columns) {
  const int k = vertical.k_out <= 2 ? 2 : vertical.k_out <= 4 ? 4 : 8;
  const auto n_columns = static_cast<std::size_t>(horizontal.end_block - horizontal.first_block);
  if (columns.lengths.size() < n_columns) columns.lengths.resize(n_columns);
  if (columns.values.size() < n_columns * k * 8) columns.values.resize(n_columns * k * 8);

  ColumnPass down;
  down.plane = plane;
  down.span = vertical.spans[i];
  down.matrices = vertical.matrices.data() + down.span.matrices;
  down.k_in = vertical.k_in;
  down.k = k;
  for (int f = 0; f < 64; ++f) down.quant[f] = static_cast<float>(quant[f]);
  down.first_column = horizontal.first_block;
  down.end_column = horizontal.end_block;
  down.values = columns.values.data();
  down.lengths = columns.lengths.data();
  kernels().resample_columns(down);

  const BlockPass across{&horizontal, k, columns.values.data(), columns.lengths.data(), wanted, n_wanted};
  kernels().resample_blocks(across);
}

}  // namespace dctdecode::dct
