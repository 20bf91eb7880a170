#include "markers/parse.h"

#include <algorithm>
#include <cstring>

#include "dct/zigzag.h"
#include "markers/exif.h"
#include "markers/segments.h"

namespace dctdecode::markers {
namespace {

bool is_frame_header(std::uint8_t m) {
  return (m >= SOF0 && m <= SOF15 && m != DHT && m != JPG && m != DAC) || m == SOF55;
}

// Each parse_* returns false where libjpeg-turbo would complain, or might.

bool parse_dqt(Bytes p, Stream& stream) {  // T.81 B.2.4.1
  std::size_t i = 0;
  while (i < p.size) {
    const unsigned selector = p.data[i] & 15U, wide = p.data[i] >> 4;
    ++i;
    const std::size_t bytes = wide ? 128 : 64;
    if (selector >= kNumTables || wide > 1 || p.size - i < bytes) return false;
    QuantSpec& table = stream.quant[selector];
    for (int k = 0; k < kBlockSize; ++k) {
      const std::size_t at = i + static_cast<std::size_t>(k) * (wide ? 2 : 1);
      table.values[dct::kZigzagToNatural[k]] =
          static_cast<std::uint16_t>(wide ? u16(p.data + at) : p.data[at]);
    }
    table.defined = true;
    i += bytes;
  }
  return true;
}

bool parse_dht(Bytes p, Stream& stream) {  // T.81 B.2.4.2
  std::size_t i = 0;
  while (i < p.size) {
    if (p.size - i < 17) return false;
    const unsigned selector = p.data[i] & 15U, table_class = p.data[i] >> 4;
    if (selector >= kNumTables || table_class > 1) return false;
    HuffmanSpec& spec = table_class ? stream.ac[selector] : stream.dc[selector];
    std::size_t count = 0;
    for (int k = 1; k <= 16; ++k) count += spec.bits[k] = p.data[i + k];
    i += 17;
    if (count > 256 || count > p.size - i) return false;
    spec.values.fill(0);
    std::copy_n(p.data + i, count, spec.values.begin());
    spec.defined = true;
    i += count;
  }
  return true;
}

bool parse_sof(Bytes p, std::uint8_t marker, Stream& stream) {  // T.81 B.2.2
  Header& header = stream.header;
  if (stream.sof != 0 || p.size < 6) return false;
  stream.sof = marker;
  header.precision_bits = p.data[0];
  header.height_px = static_cast<int>(u16(p.data + 1));
  header.width_px = static_cast<int>(u16(p.data + 3));
  header.num_components = p.data[5];
  header.progressive = marker == SOF2 || marker == SOF10;
  header.arithmetic = marker == SOF9 || marker == SOF10;
  if (header.height_px == 0 || header.width_px == 0 || header.num_components < 1 ||
      header.num_components > kMaxComponents || p.size != 6U + 3U * header.num_components) {
    return false;
  }
  header.h_max = header.v_max = 1;
  for (int c = 0; c < header.num_components; ++c) {
    const std::uint8_t* q = p.data + 6 + 3 * c;
    Component& component = header.components[c];
    component = {};
    component.id = q[0];
    component.h = q[1] >> 4;
    component.v = q[1] & 15;
    component.quant_selector = q[2];
    if (component.h < 1 || component.h > 4 || component.v < 1 || component.v > 4) return false;
    header.h_max = std::max(header.h_max, component.h);
    header.v_max = std::max(header.v_max, component.v);
  }
  fill_grids(header);
  return true;
}

bool parse_sos(Bytes p, const Stream& stream, Scan& scan) {  // T.81 B.2.3
  if (stream.sof == 0 || p.size < 4) return false;
  scan = {};
  scan.num_components = p.data[0];
  if (scan.num_components < 1 || scan.num_components > kMaxComponents ||
      p.size != 4U + 2U * scan.num_components) {
    return false;
  }
  for (int i = 0; i < scan.num_components; ++i) {
    const std::uint8_t* q = p.data + 1 + 2 * i;
    // As libjpeg-turbo's get_sos looks for it: the i-th component of a scan is the frame's i-th or a later
    // one, which also tells components apart that share an id.
    int c = i;
    while (c < stream.header.num_components && stream.header.components[c].id != q[0]) ++c;
    if (c >= stream.header.num_components) return false;
    for (int other = 0; other < i; ++other) {
      if (scan.components[other].component == c) return false;
    }
    scan.components[i] = {c, q[1] >> 4, q[1] & 15};
  }
  const std::uint8_t* q = p.data + 1 + 2 * scan.num_components;
  scan.ss = q[0];
  scan.se = q[1];
  scan.ah = q[2] >> 4;
  scan.al = q[2] & 15;
  return true;
}

// libjpeg's default_decompress_parms, jdapimin.c: JFIF first, then Adobe, then the component ids.
ColorSpace guess_color_space(const Stream& s) {
  const auto& c = s.header.components;
  switch (s.header.num_components) {
    case 1:
      return ColorSpace::gray;
    case 3:
      if (s.saw_jfif) return ColorSpace::ycbcr;
      if (s.saw_adobe) return s.adobe_transform == 0 ? ColorSpace::rgb : ColorSpace::ycbcr;
      return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' ? ColorSpace::rgb : ColorSpace::ycbcr;
    case 4:
      return s.saw_adobe && s.adobe_transform != 0 ? ColorSpace::ycck : ColorSpace::cmyk;
    default:
      return ColorSpace::unknown;
  }
}

bool parse_app(const Segment& segment, Stream& stream) {
  const Bytes& p = segment.payload;
  if (segment.marker == APP0 && p.size >= 14 && std::memcmp(p.data, "JFIF\0", 5) == 0) {
    stream.saw_jfif = true;
    return p.data[5] == 1;  // libjpeg-turbo warns of an unknown major version
  } else if (segment.marker == APP14 && p.size >= 12 && std::memcmp(p.data, "Adobe", 5) == 0) {
    stream.saw_adobe = true;
    stream.adobe_transform = p.data[11];
  } else if (segment.marker == APP1 && stream.header.orientation == 1) {
    const int orientation = exif_orientation(p);
    if (orientation != 0) stream.header.orientation = orientation;
  }
  return true;
}

// Adobe transforms that libjpeg-turbo warns of before it guesses (default_decompress_parms).
bool unknown_adobe_transform(const Stream& s) {
  if (!s.saw_adobe) return false;
  if (s.header.num_components == 3) return !s.saw_jfif && s.adobe_transform > 1;
  return s.header.num_components == 4 && s.adobe_transform != 0 && s.adobe_transform != 2;
}

void finish_header(Stream& stream) {
  Header& header = stream.header;
  header.color_space = guess_color_space(stream);
  for (int c = 0; c < header.num_components; ++c) {
    Component& component = header.components[c];
    if (component.quant_selector >= kNumTables) continue;
    const QuantSpec& table = stream.quant[component.quant_selector];
    component.has_quant = table.defined;
    component.quant = table.values;
  }
}

}  // namespace

Found next_scan(Bytes source, std::size_t offset, Stream& stream, Scan& scan) noexcept {
  Segment segment;
  for (;; offset = segment.next) {
    if (next_segment(source, offset, segment) != Step::ok) return Found::irregular;
    const std::uint8_t m = segment.marker;
    const Bytes& p = segment.payload;
    bool regular = true;
    if (m == SOS) {
      if (!parse_sos(p, stream, scan) || unknown_adobe_transform(stream)) return Found::irregular;
      scan.data_offset = segment.next;
      finish_header(stream);
      return Found::scan;
    }
    if (m == EOI) return Found::end;
    if (m == DAC)
      return Found::irregular;  // arithmetic coding is libjpeg-turbo's affair, and so is its table
    if (is_frame_header(m)) {
      regular = parse_sof(p, m, stream);
    } else if (m == DQT) {
      regular = parse_dqt(p, stream);
    } else if (m == DHT) {
      regular = parse_dht(p, stream);
    } else if (m == DRI) {
      regular = p.size == 2;
      if (regular) stream.header.restart_interval = static_cast<int>(u16(p.data));
    } else if (is_metadata(m)) {
      regular = parse_app(segment, stream);
    } else if (m != DNL && m != TEM && !(m >= RST0 && m <= RST7)) {
      regular = false;
    }
    if (!regular) return Found::irregular;
  }
}

FrameKind frame_kind(Bytes source) noexcept {
  FrameKind kind;
  Segment segment;
  for (std::size_t offset = 2;; offset = segment.next) {
    const Step step = next_segment(source, offset, segment);
    if (step != Step::ok && step != Step::junk) return kind;
    if (segment.marker == SOS || segment.marker == EOI) return kind;
    if (segment.marker == APP1 && kind.orientation == 1) {
      const int orientation = exif_orientation(segment.payload);
      if (orientation != 0) kind.orientation = orientation;
    }
    if (kind.sof == 0 && segment.marker == DHP) kind.sof = DHP;
    if (kind.sof == 0 && is_frame_header(segment.marker) && segment.payload.size >= 6) {
      kind.sof = segment.marker;
      kind.precision_bits = segment.payload.data[0];
      kind.height_px = static_cast<int>(u16(segment.payload.data + 1));
    }
  }
}

}  // namespace dctdecode::markers
