#include "markers/segments.h"

#include <algorithm>

#include "markers/parse.h"

namespace dctdecode::markers {
namespace {

bool has_no_length(std::uint8_t m) { return m == TEM || (m >= RST0 && m <= EOI); }

}  // namespace

bool is_metadata(std::uint8_t m) noexcept { return (m >= APP0 && m <= APP15) || m == COM; }

Step next_segment(Bytes source, std::size_t offset, Segment& segment) noexcept {
  Step step = Step::ok;
  std::size_t i = offset;
  for (;;) {
    const std::size_t start = i;
    while (i < source.size && source.data[i] != 0xFF) ++i;
    if (i != start) step = Step::junk;
    while (i < source.size && source.data[i] == 0xFF) ++i;
    if (i >= source.size) return Step::end_of_data;
    if (source.data[i] != 0) break;
    step = Step::junk;
    ++i;
  }
  segment.marker = source.data[i++];
  segment.payload = {};
  segment.next = i;
  if (has_no_length(segment.marker)) return step;
  if (source.size - i < 2) return Step::end_of_data;
  unsigned length = u16(source.data + i);
  if (length < 2 && !is_metadata(segment.marker)) return Step::bad_length;
  length = std::max(length, 2U);  // as libjpeg's skip_variable: the field itself is always read
  if (length > source.size - i) return Step::end_of_data;
  segment.payload = {source.data + i + 2, length - 2U};
  segment.next = i + length;
  return step;
}

}  // namespace dctdecode::markers
