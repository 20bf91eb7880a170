// From quantised blocks to the rows of the output tensor: the last step of `read`.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dct/axis.h"
#include "dct/gather.h"
#include "dct/resample.h"
#include "dctdecode/decode.h"
#include "dctdecode/header.h"
#include "dctdecode/plan.h"
#include "markers/scans.h"

namespace dctdecode {

// How one image becomes one tensor. Worked image, 37 x 21 px 4:2:0, 24 channels: 16 luma channels are
// gathered from rows of 5 blocks; the 8 chroma ones are resampled from 2 x 3 blocks to 3 rows of 5.
//
// prepare() once per image, then for every output row direct_row() for each direct component and
// mixed_row() if there is anything mixed. All memory is kept from image to image.
class Emitter {
 public:
  // not_exact where int16 was asked for and some channel cannot be exact.
  Outcome prepare(const Header& header, const Plan& plan, const Geometry& geometry, OutputView output);

  // Components whose own grid is the output's, and that need no colour conversion: straight from blocks.
  bool is_direct(int component) const { return !parts_[component].picks.empty(); }
  // Frequencies of a component that the output depends on: bit k for zigzag position k. Resampling and
  // colour conversion draw on more than the channels themselves.
  markers::Band needs(int component) const;
  // One row of blocks of a direct component. False: a value does not fit int16.
  bool direct_row(int component, int row, const std::int16_t* blocks);

  // The others go through float rows: resampling, colour conversion, or the zeros of a gray file.
  bool is_mixed() const { return mixed_; }
  bool mixed_row(int row, const std::array<dct::Plane, kMaxComponents>& planes);

  int height_blocks() const { return height_blocks_; }

 private:
  struct Part {                             // one component of the file
    std::vector<const Channel*> channels;   // of the plan, in output order
    std::vector<std::size_t> outputs;       // their places in the output
    std::vector<dct::Pick> picks;           // direct components only
    std::vector<std::uint8_t> frequencies;  // mixed components only: what is computed, ascending
    std::vector<float> rows;                // (frequencies, width_blocks_); unused where `straight`
    bool resampled = false;
    bool straight = false;          // resampled rows are the output's: float32, no colour conversion
    dct::Axis own_axes[2];          // vertical, horizontal
    const dct::Axis* axes[2] = {};  // the same, or those of Cb where Cr's are equal
    dct::Columns columns;
  };

  void prepare_axes(const Header& header, int component);
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
  std::array<Part, 3> parts_;
  std::vector<dct::Wanted> wanted_;
  std::vector<float> zeros_;
};

}  // namespace dctdecode
