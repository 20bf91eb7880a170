// An image resampled to another grid, and quantised anew.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dctdecode/prune.h"
#include "jpeg/writing.h"
#include "tensor_writer.h"

namespace dctdecode {

// Worked image, 37 x 21 px 4:2:0, to 48 x 32 px (width x height): luma's 3 x 5 blocks become 4 x 6; chroma's
// 2 x 3 become 4 x 6 for a 4:4:4 file, and 2 x 3 for a 4:2:0 one, each in one step from the stored blocks.
class Requantiser {
 public:
  // The header that the result will have: gray or YCbCr, with these tables.
  static Header header_of(const Header& stored, const Pruning& pruning, const Geometry& geometry,
                          const jpeg::StandardTables& tables);
  // Working memory of run(), its result included.
  static std::uint64_t memory_bytes(const Header& result);

  // The kept frequencies of `result`, from all stored blocks; the others are zero. What an encoder cannot
  // hold (a filter's overshoot) is cut to the nearest value that it can.
  Outcome run(const Header& stored, const FilePlanes& planes, const Pruning& pruning,
              const Geometry& geometry, Poll poll, TensorWriter& writer, const Header& result,
              std::array<jpeg::Blocks, kMaxComponents>& blocks);

  void trim(std::size_t keep_bytes);

 private:
  void quantise(const Plan& plan, const Header& result);

  std::vector<float> tensor_;
  std::array<std::vector<std::int16_t>, 3> blocks_;
};

}  // namespace dctdecode
