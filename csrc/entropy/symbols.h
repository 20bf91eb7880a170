// Which Huffman symbols a baseline scan of given coefficients has, and the best codes for them: what an
// encoder does in a first pass over an image (libjpeg's optimize_coding), by bits instead of one by one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dctdecode/header.h"
#include "markers/parse.h"

namespace dctdecode::entropy {

// How often each symbol occurs. T.81 F.1.2.1: a DC symbol is the number of bits of a difference; F.1.2.2: an
// AC symbol is 16 * zeros before + bits of the coefficient, 0x00 the end of a block, 0xF0 16 zeros.
struct SymbolCounts {
  std::array<std::uint32_t, 32> dc{};
  std::array<std::uint32_t, 256> ac{};
};

// One row of blocks, natural order: frequencies whose bit 8 * v + u is not in `kept` are set to zero, and the
// AC symbols of what remains are counted.
void keep_and_count(std::int16_t* blocks, std::size_t count, std::uint64_t kept,
                    SymbolCounts& counts) noexcept;
// The same without vectors: the truth.
void keep_and_count_plain(std::int16_t* blocks, std::size_t count, std::uint64_t kept,
                          SymbolCounts& counts) noexcept;

// The DC symbols of component `c` in the order of a scan of all components, and all symbols of the dummy
// blocks that fill its last MCUs. Block (i, j) at blocks + 64 * (i * stride_blocks + j).
void count_dc(const Header& header, int c, const std::int16_t* blocks, std::size_t stride_blocks,
              SymbolCounts& counts) noexcept;

// T.81 K.2: the shortest codes of at most 16 bits, none of them all ones. Codes of equal length are in
// ascending order of their symbols.
markers::HuffmanSpec best_codes(const std::uint32_t* counts, int num_symbols) noexcept;

}  // namespace dctdecode::entropy
