// Bytes and a choice of frequencies in, a smaller JPEG out.
#include "dctdecode/prune.h"

#include <algorithm>
#include <new>

#include "codes.h"
#include "dct/zigzag.h"
#include "decoder_memory.h"
#include "markers/exif.h"
#include "turn.h"

namespace dctdecode {
namespace {

constexpr Kept kEveryFrequency = {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};

// An RGB file's channels are combinations of the same frequency of all three components, so each component
// keeps what any channel needs.
Kept kept_of_components(const Header& header, const Pruning& pruning) {
  const auto& [y, cb, cr] = pruning.kept;
  if (header.color_space == ColorSpace::rgb) return {y | cb | cr, y | cb | cr, y | cb | cr, 0};
  return {y, cb, cr, 0};
}

// In the file's own rows and columns: `transposed` where `kept` is of an image whose sides change places. DC
// is always among them: a component of which nothing is read has no quantisation table.
markers::Bands bands_of(const Kept& kept, bool transposed) {
  markers::Bands bands{1, 1, 1, 1};
  for (int c = 0; c < kMaxComponents; ++c) {
    for (int k = 0; k < kBlockSize; ++k) {
      const int stored = transposed ? k % 8 * 8 + k / 8 : k;
      if ((kept[c] >> k & 1) != 0) bands[c] |= markers::Band{1} << dct::kNaturalToZigzag[stored];
    }
  }
  return bands;
}

std::uint64_t blocks_bytes(const Header& header) {
  std::uint64_t bytes = 0;
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = header.components[c];
    bytes += static_cast<std::uint64_t>(component.height_blocks) * component.width_blocks * kBlockSize *
             sizeof(std::int16_t);
  }
  return bytes;
}

// Metadata for the new file. `patched` holds the segments that are not the file's own bytes.
void take_metadata(Bytes source, const Header& header, const Pruning& pruning, jpeg::Finish& finish,
                   std::vector<std::vector<std::uint8_t>>& patched) {
  const auto replace = [&patched](markers::Attachment& attachment, std::vector<std::uint8_t> bytes) {
    patched.push_back(std::move(bytes));
    attachment.payload = {patched.back().data(), patched.back().size()};
  };
  if (pruning.metadata == Metadata::all) {
    markers::list_attachments(source, finish.density, finish.attachments);
    for (markers::Attachment& attachment : finish.attachments) {
      const Bytes& payload = attachment.payload;
      if (!pruning.upright || attachment.marker != markers::APP1 || markers::exif_orientation(payload) <= 1) {
        continue;
      }
      replace(attachment, {payload.data, payload.data + payload.size});
      markers::set_upright(patched.back().data(), patched.back().size());
    }
  } else if (!pruning.upright && header.orientation != 1) {
    finish.attachments.push_back({markers::APP1, {}});
    replace(finish.attachments.back(), markers::exif_with_orientation(header.orientation));
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

// On the file's own grids: what is kept stays as it is.
Outcome Decoder::Memory::keep(Bytes source, const Limits& limits, const Pruning& pruning, Poll poll,
                              Header& header, Blocks& blocks, Report& report) {
  const int orientation = pruning.upright ? header.orientation : 1;
  if (Outcome possible = check_turn(header, orientation); !possible) return possible;
  const std::uint64_t copy_bytes = orientation == 1 ? 0 : blocks_bytes(header);
  if (Outcome small = check_memory(header, limits, copy_bytes); !small) return small;
  const Kept kept = kept_of_components(header, pruning);
  const markers::Bands wanted = bands_of(kept, orientation >= 5);
  if (Outcome read = read_blocks(source, limits, wanted, pruning.strict, poll, header, blocks, report);
      !read) {
    return read;
  }
  if (orientation != 1) turn(orientation, header, blocks, turned);
  keep_and_find_codes(header, kept, blocks, huffman);
  return {};
}

// On another grid.
Outcome Decoder::Memory::resample(Bytes source, const Limits& limits, const Pruning& pruning,
                                  const Geometry& geometry, Poll poll, Header& header, Blocks& blocks,
                                  Report& report) {
  jpeg::StandardTables tables;
  if (Outcome known = jpeg.standard_tables(pruning.quality, tables); !known) return known;
  const Header result = Requantiser::header_of(header, pruning, geometry, tables);
  if (Outcome small = check_memory(header, limits, Requantiser::memory_bytes(result)); !small) return small;
  Blocks stored;
  if (Outcome read = read_blocks(source, limits, kEverything, pruning.strict, poll, header, stored, report);
      !read) {
    return read;
  }
  Outcome outcome =
      requantiser.run(header, as_planes(stored), pruning, geometry, poll, writer, result, blocks);
  header = result;
  if (outcome) keep_and_find_codes(header, kEveryFrequency, blocks, huffman);
  return outcome;
}

Outcome Decoder::prune(Bytes source, const Limits& limits, const Pruning& pruning, const Geometry* geometry,
                       Poll poll, const Header& header, Bytes& jpeg, Report& report) try {
  if (Outcome known = check_color_space(header); !known) return known;
  Header result = header;
  Blocks blocks;
  Outcome outcome = geometry == nullptr
                        ? memory_->keep(source, limits, pruning, poll, result, blocks, report)
                        : memory_->resample(source, limits, pruning, *geometry, poll, result, blocks, report);
  if (outcome) {
    jpeg::Finish finish;
    std::vector<std::vector<std::uint8_t>> patched;
    take_metadata(source, header, pruning, finish, patched);
    finish.progressive = pruning.progressive;
    finish.huffman = &memory_->huffman;
    memory_->jpeg.trim();  // of the last image's JPEG
    outcome = memory_->jpeg.write(result, blocks, finish, limits, poll, jpeg);
  }
  memory_->trim_all_but_jpeg();
  return outcome;
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace dctdecode
