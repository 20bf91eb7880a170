// Takes the blocks of an image from top to bottom and writes the tensor as soon as it can.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dct/resample.h"
#include "dctdecode/decode.h"
#include "dctdecode/limits.h"
#include "emit.h"
#include "entropy/decode.h"
#include "orient.h"

namespace dctdecode {

// All blocks of the file's components; null where nothing of a component is needed.
struct FilePlane {
  const std::int16_t* blocks = nullptr;
  std::size_t stride_blocks = 0;
};
using FilePlanes = std::array<FilePlane, kMaxComponents>;

// prepare() once per image, then rows from the entropy decoder between begin() and finish(), or write() for
// planes in memory. After a decoder gave up halfway, begin() starts over.
//
// Of a resampled component only those block rows are kept that rows of the output still need: rings. Worked
// image, 37 x 21 px 4:2:0 to 56 x 56 blocks: each chroma row of blocks is a ring of 2 block rows.
class TensorWriter final : public entropy::RowSink {
 public:
  // As Emitter::prepare. `stored` is the file's header.
  Outcome prepare(const Header& stored, const Plan& plan, const Geometry& upright, Poll poll,
                  OutputView output);

  // What is needed of a component, in the file's own rows and columns.
  Needs needs(int component) const;
  // Rows of the file are not rows of the tensor: it takes whole planes.
  bool needs_planes() const { return frame_.transposed; }

  // `stored` now has the quantisation tables that count.
  void begin(const Header& stored);
  void take(const std::array<entropy::BlockRows, kMaxComponents>& rows) override;
  Outcome finish();

  // All three in one.
  Outcome write(const Header& stored, const FilePlanes& planes);

  void trim(std::size_t keep_bytes);

 private:
  struct Ring {
    std::vector<std::int16_t> blocks;
    bool used = false;
    int end_row = 0;  // rows below have been taken
  };
  void size_rings();
  void keep(int component, int row, const std::int16_t* blocks);
  void emit_ready(bool all);
  bool is_ready(int row) const;
  entropy::BlockRows rows_of(int component, int mcu_row, const FilePlane& plane);

  Frame frame_;
  Emitter emitter_;
  Poll poll_;
  std::array<Needs, kMaxComponents> needs_{};  // in the frame's rows and columns
  std::array<Ring, kMaxComponents> rings_;
  std::array<dct::Plane, kMaxComponents> planes_{};               // the rings, for the emitter
  std::array<std::vector<std::int16_t>, kMaxComponents> turned_;  // rows of a transposed frame
  std::vector<int> mcu_rows_;                                     // scratch
  int steps_ = 0;                                                 // mixed rows that are done
  Outcome outcome_;
};

}  // namespace dctdecode
