// The one EXIF tag that this project needs.
#pragma once

#include "dctdecode/bytes.h"

namespace dctdecode::markers {

// Orientation (TIFF tag 0x0112) out of an APP1 payload that begins with "Exif\0\0"; 0 where it has none.
int exif_orientation(Bytes payload) noexcept;

// Makes it 1 in such a payload; where it has none, nothing changes.
void set_upright(std::uint8_t* payload, std::size_t size) noexcept;

}  // namespace dctdecode::markers
