// From quantised blocks to the rows of the output tensor: the last step of `read`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dct/axis_cache.h"
#include "dct/gather.h"
#include "dct/resample.h"
#include "dctdecode/decode.h"
#include "dctdecode/header.h"
#include "dctdecode/plan.h"
#include "orient.h"

namespace dctdecode {

// How one image becomes one tensor. Worked image, 37 x 21 px 4:2:0, 24 channels on the native grid: 16 luma
// channels are gathered from rows of 5 blocks; the 8 chroma ones are resampled from 2 x 3 blocks to 3 rows of
// 5. With another size, luma is resampled too.
//
// prepare() once per image, then every row of blocks of each direct component through direct_row(), and
// mixed_row() for every output row if there is anything mixed. All memory is kept from image to image.
class Emitter {
 public:
  // not_exact where int16 was asked for and some channel cannot be exact. `header`, whose quantisation tables
  // may still change, `plan` and the output's memory have to stay until the last row.
  Outcome prepare(const Header& header, const Plan& plan, const Geometry& geometry, OutputView output);

  // Before the first row, and where a decoder starts over.
  void restart();

  // The blocks and frequencies of a component that the output depends on. Resampling and colour conversion
  // draw on more than the channels themselves.
  Needs needs(int component) const;

  // Components whose stored blocks are the output's, and that need no colour conversion.
  bool is_direct(int component) const { return !parts_[component].picks.empty(); }
  // One row of blocks of a direct component, one of those that are needed, from its first needed column on.
  // False: a value does not fit int16.
  bool direct_row(int component, int block_row, const std::int16_t* blocks);

  // The others go through float rows: resampling, colour conversion, or the zeros of a gray file.
  bool is_mixed() const { return mixed_; }
  // Their output rows come in this order, 0 <= step < height_blocks(): a mirrored image's from the bottom.
  int row_at(int step) const { return upwards_ ? height_blocks_ - 1 - step : step; }
  // Block rows of a needed, not direct component that an output row draws on.
  dct::InputRows input_rows(int component, int row) const;
  bool mixed_row(int row, const std::array<dct::Plane, kMaxComponents>& planes);

  int height_blocks() const { return height_blocks_; }
  void trim(std::size_t keep_bytes) { axes_.trim(keep_bytes); }

 private:
  struct Part {                             // one component of the file
    std::vector<const Channel*> channels;   // of the plan, in output order
    std::vector<std::size_t> outputs;       // their places in the output
    std::vector<dct::Pick> picks;           // direct components only
    std::vector<std::uint8_t> frequencies;  // mixed components only: what is computed, ascending
    std::vector<float> rows;                // (frequencies, width_blocks_); unused where `straight`
    int first_row = 0, first_column = 0;    // stored block of output block (0, 0), unless resampled
    bool straight = false;                  // resampled rows are the output's: float32, no colour conversion
    const dct::Axis* vertical = nullptr;    // null: not resampled
    const dct::Axis* horizontal = nullptr;
    dct::Columns columns;
  };

  void take_channels();
  Outcome prepare_part(int component, const Geometry& geometry);
  void resampled_row(Part& part, int row, const dct::Plane& plane, const std::uint16_t* quant);
  bool float_rows(int component, int row, const dct::Plane& plane);
  bool store(const Part& part, int row);
  bool store_zeros(int row);
  void* at(std::size_t output, int row) const;

  const Header* header_ = nullptr;
  const Plan* plan_ = nullptr;
  char* out_ = nullptr;
  int height_blocks_ = 0, width_blocks_ = 0;
  bool rgb_ = false;
  bool mixed_ = false;
  bool upwards_ = false;
  std::array<Part, 3> parts_;
  dct::AxisCache axes_;
  std::vector<dct::Wanted> wanted_;
  std::vector<dct::Pick> float_picks_;
  std::vector<float> zeros_;
};

}  // namespace dctdecode
