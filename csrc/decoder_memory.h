// What a Decoder keeps between images, and what its calls share.
#pragma once

#include "dctdecode/decode.h"
#include "fast_path.h"
#include "jpeg/libjpeg.h"
#include "jpeg/writing.h"
#include "requantise.h"
#include "tensor_writer.h"

namespace dctdecode {

inline constexpr std::size_t kKeepBytes = std::size_t{64} << 20;  // between images
// While libjpeg-turbo reads a file again that our decoder gave up: more would pass the memory limit.
inline constexpr std::size_t kKeepBesideLibjpeg = std::size_t{8} << 20;

inline constexpr markers::Bands kEverything = {markers::kAllFrequencies, markers::kAllFrequencies,
                                               markers::kAllFrequencies, markers::kAllFrequencies};

using Blocks = std::array<jpeg::Blocks, kMaxComponents>;

struct Decoder::Memory {
  FastPath fast;
  jpeg::Reader libjpeg;
  TensorWriter writer;
  jpeg::Writer jpeg;
  Requantiser requantiser;
  std::vector<std::int16_t> turned;  // blocks of a turned image
  jpeg::Huffman huffman;             // of the image that is written

  // The coefficients of the file, those of `wanted` at least, in memory that lasts until the next image and
  // may be changed. `header` gets the latched quantisation tables.
  Outcome read_blocks(Bytes source, const Limits& limits, const markers::Bands& wanted, bool strict,
                      Poll poll, Header& header, Blocks& blocks, Report& report);
  // What the two kinds of pruning make of a file: a header, and blocks in memory of this object.
  Outcome keep(Bytes source, const Limits& limits, const Pruning& pruning, Poll poll, Header& header,
               Blocks& blocks, Report& report);
  Outcome resample(Bytes source, const Limits& limits, const Pruning& pruning, const Geometry& geometry,
                   Poll poll, Header& header, Blocks& blocks, Report& report);
  void trim() {
    trim_all_but_jpeg();
    jpeg.trim();
  }
  void trim_all_but_jpeg() {
    fast.trim(kKeepBytes);
    libjpeg.trim();
    writer.trim(kKeepBytes);
    requantiser.trim(kKeepBytes);
    if (turned.size() * sizeof(turned[0]) > kKeepBytes) std::vector<std::int16_t>().swap(turned);
  }
};

Outcome check_unchanged(const Header& before, const Header& after);
FilePlanes as_planes(const Blocks& blocks);
void note_oddities(const Header& header, Report& report);
Outcome out_of_memory();

}  // namespace dctdecode
