// Bytes and a plan in, tensor memory filled.
#include <algorithm>
#include <new>

#include "dctdecode/decode.h"
#include "decoder_memory.h"
#include "geometry.h"

namespace dctdecode {

Decoder::Decoder() : memory_(std::make_unique<Memory>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

namespace {

void copy_planes(const Header& header, const Blocks& blocks, const std::vector<PlaneView>& planes) {
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = header.components[c];
    const std::size_t row = static_cast<std::size_t>(component.width_blocks) * kBlockSize;
    for (int i = 0; i < component.height_blocks; ++i) {
      const std::int16_t* from = blocks[c].data + i * blocks[c].stride_blocks * kBlockSize;
      std::copy_n(from, row, planes[c].data + i * row);
    }
  }
}

}  // namespace

Outcome check_unchanged(const Header& before, const Header& after) {
  if (same_sizes(before, after)) return {};
  return {Status::corrupt, "the header changed while the image was read", 0, 0};
}

FilePlanes as_planes(const Blocks& blocks) {
  FilePlanes planes;
  for (int c = 0; c < kMaxComponents; ++c) planes[c] = {blocks[c].data, blocks[c].stride_blocks};
  return planes;
}

void note_oddities(const Header& header, Report& report) {
  for (int c = 0; c < header.num_components; ++c) {
    const auto& quant = header.components[c].quant;
    if (header.components[c].has_quant && std::count(quant.begin(), quant.end(), 0) > 0) {
      report.notes.push_back("the quantisation table of component " + std::to_string(c) + " holds zeros");
    }
  }
}

Outcome out_of_memory() { return {Status::out_of_memory, "no memory left for working space", 0, 0}; }

Outcome Decoder::read_planes(Bytes source, const Limits& limits, bool strict, Poll poll, Header& header,
                             const std::vector<PlaneView>& planes, Report& report) try {
  Outcome outcome;
  Header latched = header;
  report.decoder = kOurDecoder;
  if (!is_for_fast_path(header, limits) ||
      !memory_->fast.read_planes(source, limits, poll, latched, planes, outcome)) {
    memory_->fast.trim(kKeepBesideLibjpeg);
    Blocks blocks;
    latched = header;
    outcome = memory_->libjpeg.read_coefficients(source, limits, kEverything, strict, poll, latched, blocks,
                                                 report);
    if (outcome) outcome = check_unchanged(header, latched);
    if (outcome) copy_planes(latched, blocks, planes);
  }
  if (outcome) header = latched;
  if (outcome) note_oddities(header, report);
  memory_->trim();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Outcome Decoder::read(Bytes source, const Limits& limits, const Plan& plan, const Geometry& geometry,
                      Poll poll, const Header& header, OutputView output, Report& report) try {
  if (Outcome known = check_color_space(header); !known) return known;
  Outcome outcome;
  Header latched = header;
  TensorWriter& writer = memory_->writer;
  if (Outcome prepared = writer.prepare(latched, plan, geometry, poll, output); !prepared) return prepared;
  report.decoder = kOurDecoder;
  if (!is_for_fast_path(header, limits) ||
      !memory_->fast.read(source, limits, plan.strict, poll, latched, writer, outcome)) {
    memory_->fast.trim(kKeepBesideLibjpeg);
    Blocks blocks;
    markers::Bands wanted;
    for (int c = 0; c < kMaxComponents; ++c) wanted[c] = writer.needs(c).band;
    latched = header;
    outcome = memory_->libjpeg.read_coefficients(source, limits, wanted, plan.strict, poll, latched, blocks,
                                                 report);
    if (outcome) outcome = check_unchanged(header, latched);
    if (outcome) outcome = writer.write(latched, as_planes(blocks));
  }
  if (outcome) note_oddities(latched, report);
  memory_->trim();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Outcome check_color_space(const Header& header) {
  switch (header.color_space) {
    case ColorSpace::gray:
    case ColorSpace::ycbcr:
    case ColorSpace::rgb:
      return {};
    case ColorSpace::cmyk:
    case ColorSpace::ycck:
      return {Status::unsupported, "a CMYK image has no luma and chroma; read_planes gives its four planes",
              0, 0};
    case ColorSpace::unknown:
      break;
  }
  return {Status::unsupported,
          std::to_string(header.num_components) +
              " components of unknown meaning are no luma and chroma; read_planes gives the planes",
          0, 0};
}

const char* decoder_for(const Header& header) {
  return is_for_fast_path(header, Limits{}) ? kOurDecoder : kLibjpegTurbo;
}

}  // namespace dctdecode
