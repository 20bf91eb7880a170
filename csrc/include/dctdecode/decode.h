// Bytes in, coefficients out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "dctdecode/plan.h"
#include "dctdecode/prune.h"
#include "dctdecode/status.h"

namespace dctdecode {

// Reads the header alone. Checks the byte and pixel limits, and refuses by name what no call can decode.
Outcome read_header(Bytes source, const Limits& limits, Header& header);

// Whether the image's coefficients and `output_bytes` beside them stay within limits.max_memory_bytes.
Outcome check_memory(const Header& header, const Limits& limits, std::uint64_t output_bytes);

// The whole image as it is stored on luma's own grid, ceil(H/8) x ceil(W/8): scale 1, no flip.
Geometry native_geometry(const Header& header);

// Whether the image has luma and chroma, which Decoder::read needs: gray, YCbCr or RGB.
Outcome check_color_space(const Header& header);

inline constexpr const char* kOurDecoder = "dctdecode";
inline constexpr const char* kLibjpegTurbo = "libjpeg-turbo";

// Which decoder a file of this header goes to first. Ours may still hand a damaged or odd file on.
const char* decoder_for(const Header& header);

// What a decode had to say beside the coefficients.
struct Report {
  std::vector<std::string> warnings;  // libjpeg-turbo's data warnings and defects that it never reports
  std::vector<std::string> notes;     // oddities that lose nothing: standard Huffman tables assumed, ...
  const char* decoder = "";           // kOurDecoder or kLibjpegTurbo
};

// Memory of one component's quantised coefficients: (height_blocks, width_blocks, 64), natural order.
struct PlaneView {
  std::int16_t* data = nullptr;
};

// Memory of the output tensor: (channels, grid height, grid width), contiguous.
struct OutputView {
  void* data = nullptr;
};

// Decodes images one after another and keeps its working memory between them. Not for two threads at once.
class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  // All quantised coefficients. `header` is the one that read_header gave for the same bytes; its
  // quantisation tables are replaced by those that were latched at each component's first scan.
  Outcome read_planes(Bytes source, const Limits& limits, bool strict, Poll poll, Header& header,
                      const std::vector<PlaneView>& planes, Report& report);

  // The channels of `plan`, as `geometry` lays the image out: (channels, geometry.vertical.out_blocks,
  // geometry.horizontal.out_blocks).
  Outcome read(Bytes source, const Limits& limits, const Plan& plan, const Geometry& geometry, Poll poll,
               const Header& header, OutputView output, Report& report);

  // A JPEG of the kept coefficients, bit for bit, the others zero; or, with a geometry, of the image that
  // this makes, quantised anew. `geometry` speaks of the upright image where pruning.upright, else its
  // orientation is 1. The JPEG lies in memory of this object until the next call.
  Outcome prune(Bytes source, const Limits& limits, const Pruning& pruning, const Geometry* geometry,
                Poll poll, const Header& header, Bytes& jpeg, Report& report);

  struct Memory;  // private to the core

 private:
  std::unique_ptr<Memory> memory_;
};

}  // namespace dctdecode
