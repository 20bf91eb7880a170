// Bytes and a plan in, tensor memory filled.
#include <algorithm>
#include <new>

#include "dctdecode/decode.h"
#include "emit.h"
#include "jpeg/libjpeg.h"

namespace dctdecode {

struct Decoder::Memory {
  jpeg::Reader libjpeg;
  Emitter emitter;
};

Decoder::Decoder() : memory_(std::make_unique<Memory>()) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

namespace {

using Blocks = std::array<jpeg::Blocks, kMaxComponents>;

Outcome cancelled() { return {Status::cancelled, "stopped", 0, 0}; }

bool asks_to_stop(Poll poll) { return poll.should_stop != nullptr && poll.should_stop(poll.context); }

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

// The caller sized its memory by the first look at the header. Bytes that another thread changes meanwhile
// may yield other values, never other sizes.
Outcome check_unchanged(const Header& before, const Header& after) {
  bool same = before.num_components == after.num_components && before.height_px == after.height_px &&
              before.width_px == after.width_px && before.color_space == after.color_space &&
              before.h_max == after.h_max && before.v_max == after.v_max;
  for (int c = 0; same && c < before.num_components; ++c) {
    same = before.components[c].h == after.components[c].h && before.components[c].v == after.components[c].v;
  }
  if (same) return {};
  return {Status::corrupt, "the header changed while the image was read", 0, 0};
}

Outcome emit(const Header& header, const Blocks& blocks, Poll poll, Emitter& emitter) {
  std::array<dct::Plane, kMaxComponents> planes;
  for (int c = 0; c < header.num_components; ++c) {
    planes[c] = {blocks[c].data, static_cast<int>(blocks[c].stride_blocks)};
  }
  for (int row = 0; row < emitter.height_blocks(); ++row) {
    bool exact = true;
    for (int c = 0; c < std::min(header.num_components, 3); ++c) {
      if (emitter.is_direct(c)) exact = exact && emitter.direct_row(c, row, planes[c].row(row));
    }
    if (emitter.is_mixed()) exact = exact && emitter.mixed_row(row, planes);
    if (!exact) {
      return {Status::not_exact, "dtype=int16 cannot hold a coefficient of this file; use float32", 0, 0};
    }
    if (asks_to_stop(poll)) return cancelled();
  }
  return {};
}

Outcome out_of_memory() { return {Status::out_of_memory, "no memory left for working space", 0, 0}; }

}  // namespace

Outcome Decoder::read_planes(Bytes source, const Limits& limits, bool strict, Poll poll, Header& header,
                             const std::vector<PlaneView>& planes, Report& report) try {
  Blocks blocks;
  Header latched = header;
  Outcome outcome = memory_->libjpeg.read_coefficients(source, limits, limits.max_memory_bytes, strict, poll,
                                                       latched, blocks, report);
  if (outcome) outcome = check_unchanged(header, latched);
  if (outcome) header = latched;
  for (int c = 0; outcome && c < header.num_components; ++c) {
    const Component& component = header.components[c];
    const std::size_t row = static_cast<std::size_t>(component.width_blocks) * kBlockSize;
    for (int i = 0; i < component.height_blocks; ++i) {
      const std::int16_t* from = blocks[c].data + i * blocks[c].stride_blocks * kBlockSize;
      std::copy_n(from, row, planes[c].data + i * row);
    }
  }
  memory_->libjpeg.trim();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Outcome Decoder::read(Bytes source, const Limits& limits, const Plan& plan, Poll poll, const Header& header,
                      OutputView output, Report& report) try {
  if (Outcome known = check_color_space(header); !known) return known;
  Header latched = header;
  if (Outcome prepared = memory_->emitter.prepare(latched, plan, output); !prepared) return prepared;
  Blocks blocks;
  Outcome outcome = memory_->libjpeg.read_coefficients(source, limits, limits.max_memory_bytes, plan.strict,
                                                       poll, latched, blocks, report);
  if (outcome) outcome = check_unchanged(header, latched);
  if (outcome) outcome = emit(latched, blocks, poll, memory_->emitter);
  memory_->libjpeg.trim();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace dctdecode
