// read_header: our marker parser for what is regular, libjpeg-turbo for all else, refusals by name first.
#include <cstdio>

#include "dctdecode/decode.h"
#include "jpeg/libjpeg.h"
#include "markers/parse.h"

namespace dctdecode {
namespace {

constexpr int kLibjpegMaxDimension = 65500;  // JPEG_MAX_DIMENSION

Outcome unsupported(std::string message) { return {Status::unsupported, std::move(message), 0, 0}; }

// The processes that T.81 table B.1 and its successors name and this library does not decode.
const char* refused_process(std::uint8_t sof) {
  switch (sof) {
    case markers::SOF3:
      return "lossless JPEG (SOF3)";
    case 0xC5:
    case 0xC6:
    case 0xC7:
    case 0xCD:
    case 0xCE:
    case markers::SOF15:
    case markers::DHP:
      return "hierarchical JPEG";
    case 0xCB:
      return "lossless JPEG with arithmetic coding (SOF11)";
    case markers::SOF55:
      return "JPEG-LS";
    default:
      return nullptr;
  }
}

Outcome check_start(Bytes source) {
  if (source.size >= 2 && source.data[0] == 0xFF && source.data[1] == markers::SOI) return {};
  if (source.size < 2) return {Status::not_jpeg, "not a JPEG: fewer than 2 bytes", 0, 0};
  char text[64];
  std::snprintf(text, sizeof text, "not a JPEG: begins with %02X %02X instead of FF D8", source.data[0],
                source.data[1]);
  return {Status::not_jpeg, text, 0, 0};
}

Outcome check_kind(const markers::FrameKind& kind) {
  if (const char* process = refused_process(kind.sof))
    return unsupported(std::string(process) + " is not read");
  if (kind.sof == 0) return {};
  if (kind.precision_bits != 8) {
    return unsupported(std::to_string(kind.precision_bits) + "-bit samples are not read, only 8-bit ones");
  }
  if (kind.height_px == 0) return unsupported("the height is in a DNL marker, which is not read");
  return {};
}

Outcome check_size(const Header& header, const Limits& limits) {
  const std::uint64_t pixels = static_cast<std::uint64_t>(header.height_px) * header.width_px;
  if (pixels <= limits.max_pixels) return {};
  return {Status::limit,
          std::to_string(header.height_px) + " x " + std::to_string(header.width_px) + " pixels, " +
              std::to_string(limits.max_pixels) + " allowed (limit max_pixels)",
          0, 0};
}

// Whether our parser's reading of the header can stand without libjpeg-turbo's word.
bool plainly_regular(Bytes source, Header& header) {
  markers::Stream stream;
  markers::Scan scan;
  if (markers::next_scan(source, 2, stream, scan) != markers::Found::scan) return false;
  if (stream.header.height_px > kLibjpegMaxDimension || stream.header.width_px > kLibjpegMaxDimension) {
    return false;
  }
  header = stream.header;
  return true;
}

}  // namespace

Outcome read_header(Bytes source, const Limits& limits, Header& header) {
  if (source.size > limits.max_bytes) {
    return {Status::limit,
            std::to_string(source.size) + " bytes, " + std::to_string(limits.max_bytes) +
                " allowed (limit max_bytes)",
            0, 0};
  }
  if (Outcome start = check_start(source); !start) return start;
  const markers::FrameKind kind = markers::frame_kind(source);
  if (Outcome known = check_kind(kind); !known) return known;
  if (!plainly_regular(source, header)) {
    header.orientation = kind.orientation;
    jpeg::Reader reader;
    if (Outcome read = reader.read_header(source, header); !read) return read;
  }
  return check_size(header, limits);
}

Outcome check_memory(const Header& header, const Limits& limits, std::uint64_t output_bytes) {
  std::uint64_t bytes = output_bytes;
  for (int c = 0; c < header.num_components; ++c) {  // libjpeg pads each array to whole MCUs
    const Component& component = header.components[c];
    const std::uint64_t rows =
        static_cast<std::uint64_t>(ceil_div(component.height_blocks, component.v)) * component.v;
    const std::uint64_t columns =
        static_cast<std::uint64_t>(ceil_div(component.width_blocks, component.h)) * component.h;
    bytes += rows * columns * kBlockSize * sizeof(std::int16_t);
  }
  if (bytes <= limits.max_memory_bytes) return {};
  return {Status::limit,
          std::to_string(bytes) + " bytes for coefficients and result, " +
              std::to_string(limits.max_memory_bytes) + " allowed (limit max_memory_bytes)",
          0, 0};
}

}  // namespace dctdecode
