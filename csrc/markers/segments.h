// From one marker segment to the next, T.81 B.1.1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dctdecode/bytes.h"

namespace dctdecode::markers {

struct Segment {
  std::uint8_t marker = 0;
  Bytes payload;         // behind the length field; empty for markers without one
  std::size_t next = 0;  // offset of the byte behind it
};

enum class Step { ok, junk, end_of_data, bad_length };

// As libjpeg's next_marker: skips what is no marker (and says so: junk), then the fill bytes FF (T.81
// B.1.1.2). `segment` is filled where the answer is ok or junk.
Step next_segment(Bytes source, std::size_t offset, Segment& segment) noexcept;

// APPn and COM: segments that no decoder needs.
bool is_metadata(std::uint8_t marker) noexcept;

inline unsigned u16(const std::uint8_t* p) { return static_cast<unsigned>(p[0]) << 8 | p[1]; }

}  // namespace dctdecode::markers
