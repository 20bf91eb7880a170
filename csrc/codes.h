// The last look at coefficients before they are written: what is not kept goes, and the Huffman codes that
// suit the rest are found.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/writing.h"

namespace dctdecode {

using Kept = std::array<std::uint64_t, kMaxComponents>;  // bit 8 * v + u of each component

// For one scan of all components. The codes are the very ones that libjpeg's encoder would find.
void keep_and_find_codes(const Header& header, const Kept& kept,
                         const std::array<jpeg::Blocks, kMaxComponents>& blocks, jpeg::Huffman& huffman);

}  // namespace dctdecode
