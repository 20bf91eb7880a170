// Frequencies of a block set to zero.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dctdecode::dct {

// Of `count` blocks after one another, natural order, keeps the frequencies whose bit 8 * v + u is set.
void keep_frequencies(std::int16_t* blocks, std::size_t count, std::uint64_t kept) noexcept;

}  // namespace dctdecode::dct
