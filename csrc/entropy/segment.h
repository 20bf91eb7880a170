// Entropy-coded segments, T.81 B.1.1.5: the bytes between SOS or RSTm and the next marker.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dctdecode/bytes.h"

namespace dctdecode::entropy {

struct Segment {
  std::size_t size = 0;           // bytes written, stuffed zeros removed
  std::size_t marker_offset = 0;  // the FF of the marker behind, or of the first fill byte before it
  std::size_t next_offset = 0;    // first byte behind that marker
  std::uint8_t marker = 0;  // its code; 0: the bytes end first, or hold what only libjpeg-turbo can judge
};

// Copies the segment that starts at `offset` to `out`, which has room for source.size - offset + 64 bytes.
// The vector version is equal, and chosen at run time.
Segment unstuff_plain(Bytes source, std::size_t offset, std::uint8_t* out) noexcept;
Segment unstuff_vector(Bytes source, std::size_t offset, std::uint8_t* out) noexcept;

}  // namespace dctdecode::entropy
