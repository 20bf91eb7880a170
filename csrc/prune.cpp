// Bytes and a choice of frequencies in, a smaller JPEG out.
#include "dctdecode/prune.h"

#include <algorithm>
#include <new>

#include "dct/mask.h"
#include "dct/zigzag.h"
#include "decoder_memory.h"

namespace dctdecode {
namespace {

// An RGB file's channels are combinations of the same frequency of all three components, so each component
// keeps what any channel needs.
std::array<std::uint64_t, kMaxComponents> kept_of_components(const Header& header, const Pruning& pruning) {
  const auto& [y, cb, cr] = pruning.kept;
  if (header.color_space == ColorSpace::rgb) return {y | cb | cr, y | cb | cr, y | cb | cr, 0};
  return {y, cb, cr, 0};
}

markers::Bands bands_of(const std::array<std::uint64_t, kMaxComponents>& kept) {
  markers::Bands bands{};
  for (int c = 0; c < kMaxComponents; ++c) {
    for (int k = 0; k < kBlockSize; ++k) {
      if ((kept[c] >> k & 1) != 0) bands[c] |= markers::Band{1} << dct::kNaturalToZigzag[k];
    }
  }
  return bands;
}

void drop(const Header& header, const std::array<std::uint64_t, kMaxComponents>& kept, const Blocks& blocks) {
  for (int c = 0; c < header.num_components; ++c) {
    if (kept[c] == ~std::uint64_t{0}) continue;
    const Component& component = header.components[c];
    for (int i = 0; i < component.height_blocks; ++i) {
      dct::keep_frequencies(blocks[c].data + i * blocks[c].stride_blocks * kBlockSize,
                            static_cast<std::size_t>(component.width_blocks), kept[c]);
    }
  }
}

}  // namespace

Outcome Decoder::Memory::read_blocks(Bytes source, const Limits& limits, const markers::Bands& wanted,
                                     bool strict, Poll poll, Header& header, Blocks& blocks, Report& report) {
  Outcome outcome;
  Header latched = header;
  report.decoder = kOurDecoder;
  std::array<std::int16_t*, kMaxComponents> ours{};
  if (is_for_fast_path(header, limits) &&
      fast.read_blocks(source, limits, wanted, poll, latched, ours, outcome)) {
    for (int c = 0; c < header.num_components; ++c) {
      blocks[c] = {ours[c], static_cast<std::size_t>(header.components[c].width_blocks)};
    }
  } else {
    fast.trim(kKeepBesideLibjpeg);
    latched = header;
    outcome = libjpeg.read_coefficients(source, limits, wanted, strict, poll, latched, blocks, report);
    if (outcome) outcome = check_unchanged(header, latched);
  }
  if (outcome) header = latched;
  if (outcome) note_oddities(header, report);
  return outcome;
}

Outcome Decoder::prune(Bytes source, const Limits& limits, const Pruning& pruning, Poll poll,
                       const Header& header, Bytes& jpeg, Report& report) try {
  if (Outcome known = check_color_space(header); !known) return known;
  Header latched = header;
  Blocks blocks;
  const auto kept = kept_of_components(header, pruning);
  Outcome outcome =
      memory_->read_blocks(source, limits, bands_of(kept), pruning.strict, poll, latched, blocks, report);
  if (!outcome) return outcome;
  drop(latched, kept, blocks);
  jpeg::Finish finish;
  std::vector<std::uint8_t> exif;
  finish.progressive = pruning.progressive;
  if (pruning.metadata == Metadata::all) {
    markers::list_attachments(source, finish.density, finish.attachments);
  } else if (header.orientation != 1) {
    exif = markers::exif_with_orientation(header.orientation);
    finish.attachments.push_back({markers::APP1, {exif.data(), exif.size()}});
  }
  outcome = memory_->jpeg.write(latched, blocks, finish, limits, poll, jpeg);
  memory_->fast.trim(kKeepBytes);
  memory_->libjpeg.trim();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace dctdecode
