// Marker segments, read in plain C++: what a JPEG says of itself between SOI and a scan's entropy-coded data.
//
// libjpeg-turbo stays the authority. Whatever is not plainly regular here (junk between segments, a
// length that does not fit, an unknown marker) is reported as `irregular`, and the caller asks libjpeg-turbo.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dctdecode/bytes.h"
#include "dctdecode/header.h"

namespace dctdecode::markers {

inline constexpr int kNumTables = 4;  // destinations per table class, T.81 B.2.4

enum Marker : std::uint8_t {
  TEM = 0x01,
  SOF0 = 0xC0,
  SOF1 = 0xC1,
  SOF2 = 0xC2,
  SOF3 = 0xC3,
  DHT = 0xC4,
  JPG = 0xC8,
  SOF9 = 0xC9,
  SOF10 = 0xCA,
  DAC = 0xCC,
  SOF15 = 0xCF,
  RST0 = 0xD0,
  RST7 = 0xD7,
  SOI = 0xD8,
  EOI = 0xD9,
  SOS = 0xDA,
  DQT = 0xDB,
  DNL = 0xDC,
  DRI = 0xDD,
  DHP = 0xDE,
  EXP = 0xDF,
  APP0 = 0xE0,
  APP1 = 0xE1,
  APP14 = 0xEE,
  APP15 = 0xEF,
  SOF55 = 0xF7,
  COM = 0xFE,
};

struct HuffmanSpec {  // T.81 B.2.4.2
  bool defined = false;
  std::array<std::uint8_t, 17> bits{};     // bits[k] = number of codes of length k; bits[0] unused
  std::array<std::uint8_t, 256> values{};  // in order of code; zero behind the last one
};

struct QuantSpec {  // T.81 B.2.4.1
  bool defined = false;
  std::array<std::uint16_t, kBlockSize> values{};  // natural order
};

struct ScanComponent {
  int component = 0;  // index into Header::components
  int dc_selector = 0, ac_selector = 0;
};

struct Scan {
  int num_components = 0;
  std::array<ScanComponent, kMaxComponents> components{};
  int ss = 0, se = 0, ah = 0, al = 0;
  std::size_t data_offset = 0;  // first byte of the entropy-coded data
};

// Everything in force at a scan's start.
struct Stream {
  Header header;         // `quant` of each component: what its selector named when last looked at
  std::uint8_t sof = 0;  // SOF0, SOF1, ...; 0 before the frame header
  std::array<QuantSpec, kNumTables> quant{};
  std::array<HuffmanSpec, kNumTables> dc{}, ac{};
  bool saw_jfif = false;
  bool saw_adobe = false;
  int adobe_transform = 0;
};

enum class Found {
  scan,       // `scan` is filled, data_offset points behind its header
  end,        // EOI
  irregular,  // something that libjpeg-turbo has to judge
};

// Reads segments from `offset` (2 = behind SOI, or the marker behind a scan) up to and including the
// next SOS. Never reads outside `source`; takes no memory.
Found next_scan(Bytes source, std::size_t offset, Stream& stream, Scan& scan) noexcept;

// The frame header's marker and precision, found even where the rest is irregular: what a refusal by
// name needs. `sof` is 0 when there is none before the first scan.
struct FrameKind {
  std::uint8_t sof = 0;
  int precision_bits = 0;
  int height_px = 0;
  int orientation = 1;  // EXIF tag 0x0112 of the first Exif APP1, 1 where absent or out of range
};
FrameKind frame_kind(Bytes source) noexcept;

}  // namespace dctdecode::markers
