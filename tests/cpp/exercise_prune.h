// Drives Decoder::prune over any bytes, as exercise.h drives reading, and checks what must hold for all.
#pragma once

#include <cstdint>
#include <vector>

#include "exercise.h"

namespace exercise {

struct PruneResult {
  Outcome outcome;
  Header header;  // of the source
  std::vector<std::uint8_t> jpeg;
  Report report;
};

inline PruneResult prune(Decoder& decoder, Bytes source, const Limits& limits, const Pruning& pruning,
                         const Geometry* geometry = nullptr) {
  PruneResult result;
  result.outcome = read_header(source, limits, result.header);
  if (!check(result.outcome)) return result;
  Bytes jpeg;
  result.outcome = decoder.prune(source, limits, pruning, geometry, {}, result.header, jpeg, result.report);
  if (check(result.outcome)) result.jpeg.assign(jpeg.data, jpeg.data + jpeg.size);
  return result;
}

inline Bytes view(const std::vector<std::uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

// The frequencies that a component of an image of this header keeps.
inline std::uint64_t kept_of(const Header& header, const Pruning& pruning, int component) {
  const auto& kept = pruning.kept;
  return header.color_space == ColorSpace::rgb ? kept[0] | kept[1] | kept[2] : kept[component];
}

// What was written is a whole file of its own: it reads strictly, without a word, on both decoders' terms.
inline PlanesResult reread(Decoder& decoder, const std::vector<std::uint8_t>& jpeg, bool progressive) {
  PlanesResult again = read_planes(decoder, view(jpeg), Limits{}, true, 0x5A5A);
  EXERCISE_REQUIRE(again.outcome);
  EXERCISE_REQUIRE(again.report.warnings.empty() && again.report.notes.empty());
  EXERCISE_REQUIRE(again.header.progressive == progressive && !again.header.arithmetic);
  EXERCISE_REQUIRE(again.header.restart_interval == 0);
  if (!progressive) EXERCISE_REQUIRE(std::strcmp(again.report.decoder, kOurDecoder) == 0);
  return again;
}

inline void require_kept(const PlanesResult& stored, const PlanesResult& written, const Pruning& pruning) {
  const Header& header = stored.header;
  EXERCISE_REQUIRE(written.header.height_px == header.height_px &&
                   written.header.width_px == header.width_px &&
                   written.header.num_components == header.num_components &&
                   written.header.color_space == header.color_space);
  for (int c = 0; c < header.num_components; ++c) {
    const std::uint64_t kept = kept_of(header, pruning, c);
    EXERCISE_REQUIRE(written.header.components[c].h == header.components[c].h &&
                     written.header.components[c].v == header.components[c].v);
    EXERCISE_REQUIRE(written.header.components[c].quant == header.components[c].quant);
    EXERCISE_REQUIRE(written.planes[c].size() == stored.planes[c].size());
    for (std::size_t i = 0; i < stored.planes[c].size(); ++i) {
      EXERCISE_REQUIRE(written.planes[c][i] == ((kept >> (i % 64) & 1) != 0 ? stored.planes[c][i] : 0));
    }
  }
}

// On the file's own grid: what is kept is the file's, and pruning again changes nothing.
inline void one_pruning(Decoder& decoder, Bytes source, const Limits& limits, const Pruning& pruning) {
  const PruneResult pruned = prune(decoder, source, limits, pruning);
  if (!pruned.outcome) return;
  const PlanesResult written = reread(decoder, pruned.jpeg, pruning.progressive);
  EXERCISE_REQUIRE(written.header.orientation == (pruning.upright ? 1 : pruned.header.orientation));
  EXERCISE_REQUIRE(!pruning.strict || pruned.report.warnings.empty());
  // Strict reading of what is kept may leave out damage elsewhere, which lenient reading gets over.
  const PlanesResult stored = read_planes(decoder, source, limits, false, 0x2525);
  const bool turned = pruning.upright && pruned.header.orientation != 1;
  if (stored.outcome && pruning.strict && !turned) require_kept(stored, written, pruning);
  Pruning next = pruning;
  next.strict = true;
  const PruneResult again = prune(decoder, view(pruned.jpeg), Limits{}, next);
  EXERCISE_REQUIRE(again.outcome && again.jpeg == pruned.jpeg);
}

// Through the operator: a whole file of the geometry's size that holds nothing but what is kept.
inline void one_resized(Decoder& decoder, Bytes source, const Limits& limits, const Pruning& pruning,
                        const Geometry& geometry) {
  const PruneResult pruned = prune(decoder, source, limits, pruning, &geometry);
  if (!pruned.outcome) return;
  const PlanesResult written = reread(decoder, pruned.jpeg, pruning.progressive);
  EXERCISE_REQUIRE(ceil_div(written.header.height_px, 8) == geometry.vertical.out_blocks);
  EXERCISE_REQUIRE(ceil_div(written.header.width_px, 8) == geometry.horizontal.out_blocks);
  for (std::size_t c = 0; c < written.planes.size(); ++c) {
    for (std::size_t i = 0; i < written.planes[c].size(); ++i) {
      EXERCISE_REQUIRE((pruning.kept[c] >> (i % 64) & 1) != 0 || written.planes[c][i] == 0);
    }
  }
}

// What `draw` chooses.
template <class Draw>
void some_pruning(Decoder& decoder, Bytes source, const Limits& limits, Draw& draw) {
  Header header;
  if (!read_header(source, limits, header)) return;
  Pruning pruning;
  for (std::uint64_t& kept : pruning.kept) {
    const std::uint64_t sets[] = {~std::uint64_t{0}, 0, 0x0F0F0F0F, 1, std::uint64_t{1} << 63, 0x0303};
    kept = sets[draw(6)] ^ (draw(3) == 0 ? std::uint64_t{1} << draw(64) : 0);
  }
  pruning.metadata = draw(2) == 0 ? Metadata::orientation : Metadata::all;
  pruning.upright = draw(2) == 0;
  pruning.progressive = draw(4) == 0;
  pruning.strict = draw(2) == 0;
  one_pruning(decoder, source, limits, pruning);
  pruning.quality = 1 + static_cast<int>(draw(100));
  pruning.luma_height_factor = 1 + static_cast<int>(draw(2));
  pruning.luma_width_factor = pruning.luma_height_factor == 2 ? 2 : 1 + static_cast<int>(draw(2));
  pruning.filter = static_cast<Filter>(draw(4));
  Geometry geometry = some_geometry(header, draw);
  pruning.upright = geometry.orientation != 1;
  one_resized(decoder, source, limits, pruning, geometry);
}

}  // namespace exercise
