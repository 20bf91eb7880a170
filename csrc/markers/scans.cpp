#include "markers/scans.h"

#include <cstring>

#include "markers/parse.h"

namespace dctdecode::markers {
namespace {

struct Place {  // of a scan: its SOS segment and its data
  Scan scan;
  std::size_t begin = 0, end = 0;
};

constexpr std::size_t kMaxScans = 1000;  // libjpeg-turbo gets longer files whole, and its limit decides

// First marker behind entropy-coded data that is neither stuffing nor a restart (T.81 B.1.1.5).
std::size_t end_of_data(Bytes source, std::size_t offset) {
  while (offset + 1 < source.size) {
    const void* found = std::memchr(source.data + offset, 0xFF, source.size - 1 - offset);
    if (found == nullptr) return source.size;
    offset = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - source.data);
    const std::uint8_t next = source.data[offset + 1];
    if (next != 0 && next != 0xFF && !(next >= RST0 && next <= RST7)) return offset;
    offset += next == 0xFF ? 1 : 2;
  }
  return source.size;
}

bool list_scans(Bytes source, std::vector<Place>& places) {
  Stream stream;
  std::size_t offset = 2;
  for (;;) {
    Place place;
    switch (next_scan(source, offset, stream, place.scan)) {
      case Found::irregular:
        return false;
      case Found::end:
        return true;
      case Found::scan:
        break;
    }
    const Scan& scan = place.scan;
    if (scan.ss > scan.se || scan.se > 63 || places.size() == kMaxScans) return false;
    place.begin = scan.data_offset - (8U + 2U * scan.num_components);
    place.end = offset = end_of_data(source, scan.data_offset);
    places.push_back(place);
  }
}

Band band_of(const Scan& scan) { return (kAllFrequencies >> (63 - scan.se)) & (kAllFrequencies << scan.ss); }

bool is_needed(const Scan& scan, const Bands& wanted) {
  for (int i = 0; i < scan.num_components; ++i) {
    if (wanted[scan.components[i].component] & band_of(scan)) return true;
  }
  return false;
}

// Adds what a needed scan carries along; true if that was new.
bool widen(const Scan& scan, Bands& wanted) {
  if (!is_needed(scan, wanted)) return false;
  bool wider = false;
  for (int i = 0; i < scan.num_components; ++i) {
    Band& band = wanted[scan.components[i].component];
    wider |= (band_of(scan) & ~band) != 0;
    band |= band_of(scan);
  }
  return wider;
}

}  // namespace

std::size_t KeptScans::offset_in_file(std::size_t offset) const noexcept {
  std::size_t result = offset;
  for (const Cut& cut : cuts) {
    if (cut.at <= offset) result += cut.size_bytes;
  }
  return result;
}

bool drop_unwanted_scans(Bytes source, Bands wanted, KeptScans& kept) {
  std::vector<Place> places;
  if (!list_scans(source, places)) return false;
  for (Band& band : wanted) {
    if (band != 0) band |= 1;  // libjpeg-turbo wants a component's DC before its AC
  }
  for (bool again = true; again;) {
    again = false;
    for (const Place& place : places) again |= widen(place.scan, wanted);
  }
  std::size_t num_kept = 0, copied = 0;
  kept.bytes.clear();
  kept.cuts.clear();
  for (const Place& place : places) {
    if (is_needed(place.scan, wanted)) {
      ++num_kept;
      continue;
    }
    kept.bytes.insert(kept.bytes.end(), source.data + copied, source.data + place.begin);
    kept.cuts.push_back({kept.bytes.size(), place.end - place.begin});
    copied = place.end;
  }
  if (num_kept == 0 || num_kept == places.size()) return false;
  kept.bytes.insert(kept.bytes.end(), source.data + copied, source.data + source.size);
  return true;
}

}  // namespace dctdecode::markers
