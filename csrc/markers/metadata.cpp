#include "markers/metadata.h"

#include <cstddef>
#include <cstring>
#include <string_view>

#include "markers/parse.h"
#include "markers/segments.h"

namespace dctdecode::markers {
namespace {

using namespace std::string_view_literals;

bool begins_with(Bytes payload, std::string_view text) {
  return payload.size >= text.size() && std::memcmp(payload.data, text.data(), text.size()) == 0;
}

bool is_jfif(const Segment& s) {
  return s.marker == APP0 && s.payload.size >= 14 && begins_with(s.payload, "JFIF\0"sv);
}

bool is_rewritten(const Segment& s) {
  constexpr std::uint8_t APP2 = APP0 + 2;
  return is_jfif(s) || (s.marker == APP14 && begins_with(s.payload, "Adobe"sv)) ||
         (s.marker == APP2 && begins_with(s.payload, "MPF\0"sv));
}

Density density_of(Bytes jfif) {  // T.871 10.1
  const int unit = jfif.data[7];
  const Density density{unit, static_cast<int>(u16(jfif.data + 8)), static_cast<int>(u16(jfif.data + 10))};
  return unit > 2 || density.x == 0 || density.y == 0 ? Density{} : density;
}

}  // namespace

void list_attachments(Bytes source, Density& density, std::vector<Attachment>& attachments) {
  density = {};
  attachments.clear();
  Segment segment;
  for (std::size_t offset = 2;; offset = segment.next) {
    const Step step = next_segment(source, offset, segment);
    if (step != Step::ok && step != Step::junk) return;
    if (segment.marker == SOS || segment.marker == EOI) return;
    if (is_jfif(segment)) density = density_of(segment.payload);
    if (is_metadata(segment.marker) && !is_rewritten(segment)) {
      attachments.push_back({segment.marker, segment.payload});
    }
  }
}

// TIFF 6.0 section 2, big-endian: header, one directory of one entry, SHORT.
std::vector<std::uint8_t> exif_with_orientation(int orientation) {
  return {'E', 'x', 'i', 'f',  0, 0, 'M', 'M', 0, 42, 0, 0,
          0,   8,  // first directory at 8
          0,   1,   1,   0x12, 0, 3, 0,   0,   0, 1,  0, static_cast<std::uint8_t>(orientation),  // one entry
          0,   0,   0,   0,    0, 0};  // no further directory
}

}  // namespace dctdecode::markers
