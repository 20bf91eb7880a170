#include "markers/exif.h"

#include <cstring>

namespace dctdecode::markers {
namespace {

// TIFF 6.0 section 2: integers in the byte order that the first two bytes name.
struct Tiff {
  Bytes bytes;
  bool big_endian;

  bool has(std::size_t offset, std::size_t count) const {
    return offset <= bytes.size && count <= bytes.size - offset;
  }
  unsigned u16(std::size_t at) const {
    const unsigned a = bytes.data[at], b = bytes.data[at + 1];
    return big_endian ? (a << 8 | b) : (b << 8 | a);
  }
  std::size_t u32(std::size_t at) const {
    const std::size_t a = u16(at), b = u16(at + 2);
    return big_endian ? (a << 16 | b) : (b << 16 | a);
  }
};

// Where an orientation of 1 to 8 stands, and in which byte order.
struct Place {
  std::size_t offset = 0;  // in the payload; 0: nowhere
  bool big_endian = false;
  int value = 0;
};

Place find_orientation(Bytes payload) {
  constexpr std::size_t kPrefix = 6, kEntry = 12;
  constexpr unsigned kOrientationTag = 0x0112, kShort = 3;
  if (payload.size < kPrefix + 8 || std::memcmp(payload.data, "Exif\0\0", kPrefix) != 0) return {};
  const Bytes body{payload.data + kPrefix, payload.size - kPrefix};
  const bool big_endian = body.data[0] == 'M' && body.data[1] == 'M';
  if (!big_endian && !(body.data[0] == 'I' && body.data[1] == 'I')) return {};
  const Tiff tiff{body, big_endian};
  const std::size_t ifd = tiff.u32(4);
  if (tiff.u16(2) != 42 || !tiff.has(ifd, 2)) return {};
  const unsigned count = tiff.u16(ifd);
  for (unsigned i = 0; i < count; ++i) {
    const std::size_t entry = ifd + 2 + i * kEntry;
    if (!tiff.has(entry, kEntry)) return {};
    if (tiff.u16(entry) != kOrientationTag || tiff.u16(entry + 2) != kShort) continue;
    const int value = static_cast<int>(tiff.u16(entry + 8));
    if (value < 1 || value > 8) return {};
    return {kPrefix + entry + 8, big_endian, value};
  }
  return {};
}

}  // namespace

int exif_orientation(Bytes payload) noexcept { return find_orientation(payload).value; }

void set_upright(std::uint8_t* payload, std::size_t size) noexcept {
  const Place place = find_orientation({payload, size});
  if (place.offset == 0) return;
  payload[place.offset] = place.big_endian ? 0 : 1;
  payload[place.offset + 1] = place.big_endian ? 1 : 0;
}

}  // namespace dctdecode::markers
