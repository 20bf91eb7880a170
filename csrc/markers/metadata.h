// What a JPEG carries beside its image, for a writer that is to keep it.
#pragma once

#include <cstdint>
#include <vector>

#include "dctdecode/bytes.h"

namespace dctdecode::markers {

struct Density {  // as in the JFIF header; unit 0: an aspect ratio
  int unit = 0, x = 1, y = 1;
};

struct Attachment {
  std::uint8_t marker = 0;  // APPn or COM
  Bytes payload;            // without marker and length
};

// The APPn and COM segments before the first scan, in the file's order, `payload` pointing into `source`.
// Left out are those that say how the file itself is made, which its writer says anew: JFIF's header (its
// density is in `density`), Adobe's APP14, and the index of a multi-picture file (APP2 "MPF"), since one
// picture is kept of it.
void list_attachments(Bytes source, Density& density, std::vector<Attachment>& attachments);

// A minimal Exif APP1 payload that holds the orientation alone.
std::vector<std::uint8_t> exif_with_orientation(int orientation);

}  // namespace dctdecode::markers
