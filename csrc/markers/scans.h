// Progressive files spread the frequencies over many scans; a scan that no wanted frequency depends on can
// be left out of the stream.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/header.h"

namespace dctdecode::markers {

// Wanted frequencies of one component: bit k for zigzag position k.
using Band = std::uint64_t;
using Bands = std::array<Band, kMaxComponents>;
inline constexpr Band kAllFrequencies = ~Band{0};

// A file without some of its scans.
struct KeptScans {
  struct Cut {
    std::size_t at = 0;  // offset in `bytes`
    std::size_t size_bytes = 0;
  };
  std::vector<std::uint8_t> bytes;
  std::vector<Cut> cuts;  // ascending

  // Where in the whole file the byte at this offset of `bytes` lies.
  std::size_t offset_in_file(std::size_t offset) const noexcept;
};

// The file without the scans that nothing in `wanted` depends on, in `kept`. Returns false, with `kept`
// undefined, where all scans are needed or the file is not regular from SOI to EOI.
//
// A refinement scan (T.81 G.1.2.3) is read differently depending on what earlier scans of its band left, so
// a wanted frequency needs all scans of its component that overlap its band, theirs, and so on.
bool drop_unwanted_scans(Bytes source, Bands wanted, KeptScans& kept);

}  // namespace dctdecode::markers
