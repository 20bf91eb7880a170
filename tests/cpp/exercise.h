// Drives the public interface over any bytes as the binding does, and checks what must hold for all of them.
// What fails here ends the program (abort), so that fuzzers, sanitizers and plain tests all notice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dctdecode/decode.h"

namespace exercise {

using namespace dctdecode;

#define EXERCISE_REQUIRE(condition)                                                       \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

// Small enough that no input takes long: what the limits are for is tested elsewhere.
inline Limits small_limits() {
  Limits limits;
  limits.max_pixels = 1U << 18;
  limits.max_memory_bytes = 48U << 20;
  limits.max_block_visits = 1U << 20;
  return limits;
}

// Every refusal has a closed status and a sentence.
inline bool check(const Outcome& outcome) {
  if (!outcome) {
    EXERCISE_REQUIRE(*name(outcome.status) != '\0');
    EXERCISE_REQUIRE(outcome.message.size() > 3);
    EXERCISE_REQUIRE(outcome.status != Status::out_of_memory && outcome.status != Status::cancelled &&
                     outcome.status != Status::io);
  }
  return static_cast<bool>(outcome);
}

struct PlanesResult {
  Outcome outcome;
  Header header;
  std::vector<std::vector<std::int16_t>> planes;
  Report report;
};

inline PlanesResult read_planes(Decoder& decoder, Bytes source, const Limits& limits, bool strict,
                                std::int16_t poison) {
  PlanesResult result;
  result.outcome = read_header(source, limits, result.header);
  if (!check(result.outcome)) return result;
  std::uint64_t bytes = 0;
  std::vector<PlaneView> views;
  for (int c = 0; c < result.header.num_components; ++c) {
    const Component& component = result.header.components[c];
    bytes += std::uint64_t{128} * component.height_blocks * component.width_blocks;
  }
  result.outcome = check_memory(result.header, limits, bytes);
  if (!check(result.outcome)) return result;
  for (int c = 0; c < result.header.num_components; ++c) {
    const Component& component = result.header.components[c];
    result.planes.emplace_back(std::size_t{64} * component.height_blocks * component.width_blocks, poison);
    views.push_back({result.planes.back().data()});
  }
  result.outcome = decoder.read_planes(source, limits, strict, {}, result.header, views, result.report);
  check(result.outcome);
  return result;
}

// A geometry that meets its preconditions, often at odds with the image: windows beyond the edges, extreme
// scales. `draw(n)` gives a number below n.
template <class Draw>
AxisGeometry some_axis(int size_px, Draw& draw) {
  AxisGeometry axis;
  const auto between = [&draw](double low, double high) { return low + (high - low) * draw(4097) / 4096.0; };
  const int size_blocks = ceil_div(size_px, 8);
  switch (draw(6)) {
    case 0:  // the native grid, or a slice of it
      axis.start = 8.0 * draw(static_cast<unsigned>(size_blocks));
      axis.out_blocks = 1 + static_cast<int>(draw(static_cast<unsigned>(size_blocks - axis.start / 8)));
      axis.stop = axis.start + 8.0 * axis.out_blocks;
      break;
    case 1:  // at the pixel's scale
      axis.start = static_cast<int>(draw(static_cast<unsigned>(size_px) + 40)) - 20;
      axis.out_blocks = 1 + static_cast<int>(draw(6));
      axis.stop = axis.start + 8.0 * axis.out_blocks;
      break;
    case 2:  // anywhere
      axis.start = between(-3.0 * size_px, 3.0 * size_px);
      axis.stop = axis.start + between(0.01, 4.0 * size_px);
      axis.out_blocks = 1 + static_cast<int>(draw(6));
      break;
    default:  // inside
      axis.start = between(0, 0.9 * size_px);
      axis.stop = between(axis.start + 0.05 * size_px, size_px);
      axis.out_blocks = 1 + static_cast<int>(draw(9));
  }
  axis.hi = size_px;
  if (draw(2) != 0) {
    axis.lo = std::clamp(axis.start, 0.0, size_px - 0.5);
    axis.hi = std::clamp(axis.stop, axis.lo + 0.25, static_cast<double>(size_px));
  }
  axis.flip = draw(4) == 0;
  if (draw(5) == 0) {
    axis.blur_taps = 1 + 2 * static_cast<int>(draw(12));
    axis.blur_sigma = between(0.1, 5);
  }
  return axis;
}

template <class Draw>
Geometry some_geometry(const Header& header, Draw& draw) {
  Geometry geometry;
  geometry.orientation = draw(2) == 0 ? 1 : 1 + static_cast<int>(draw(8));
  const bool turned = geometry.orientation >= 5;
  geometry.vertical = some_axis(turned ? header.width_px : header.height_px, draw);
  geometry.horizontal = some_axis(turned ? header.height_px : header.width_px, draw);
  const auto is_native = [](const AxisGeometry& axis) {
    return axis.stop - axis.start == 8.0 * axis.out_blocks && axis.start == static_cast<int>(axis.start);
  };
  geometry.native = is_native(geometry.vertical) && is_native(geometry.horizontal) && draw(2) == 0;
  return geometry;
}

struct ReadResult {
  Outcome outcome;
  std::vector<unsigned char> tensor;
  Report report;
};

// With `geometry`, or on the native grid.
inline ReadResult read(Decoder& decoder, Bytes source, const Limits& limits, const Plan& plan,
                       unsigned char poison, const Geometry* geometry = nullptr) {
  ReadResult result;
  Header header;
  result.outcome = read_header(source, limits, header);
  if (!check(result.outcome)) return result;
  const Geometry used = geometry != nullptr ? *geometry : native_geometry(header);
  const std::uint64_t bytes = static_cast<std::uint64_t>(used.vertical.out_blocks) *
                              static_cast<std::uint64_t>(used.horizontal.out_blocks) * plan.channels.size() *
                              size_bytes(plan.dtype);
  result.outcome = check_memory(header, limits, bytes);
  if (!check(result.outcome)) return result;
  result.tensor.assign(bytes, poison);
  result.outcome =
      decoder.read(source, limits, plan, used, {}, header, {result.tensor.data()}, result.report);
  check(result.outcome);
  return result;
}

// Plans that take different ways through the pipeline.
inline std::vector<Plan> plans() {
  const auto channels = [](std::initializer_list<int> components, int step, float mean, float inv_std) {
    std::vector<Channel> list;
    for (const int c : components) {
      for (int k = 0; k < 64; k += step) {
        list.push_back({static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(k), mean, inv_std});
      }
    }
    return list;
  };
  return {
      {channels({0, 1, 2}, 1, 0, 1), DType::float32, Filter::lanczos, true, false, true},
      {channels({2, 0, 1}, 9, 3, 0.125F), DType::float16, Filter::bilinear, true, false, false},
      {channels({0}, 5, 0, 1), DType::int16, Filter::box, true, false, false},
      {channels({1}, 3, -1, 2), DType::bfloat16, Filter::bicubic, false, false, true},
      {{{0, 0, 0, 1}}, DType::float32, Filter::bilinear, true, false, true},
  };
}

// Strict and lenient, each on a decoder that saw other images before; strict success implies the lenient
// one, value for value, and every coefficient is written.
inline void all_planes(Decoder& decoder, Bytes source, const Limits& limits) {
  const PlanesResult strict = read_planes(decoder, source, limits, true, 0x5A5A);
  const PlanesResult lenient = read_planes(decoder, source, limits, false, 0x2525);
  if (strict.outcome) {
    EXERCISE_REQUIRE(lenient.outcome);
    EXERCISE_REQUIRE(strict.report.warnings.empty() && lenient.report.warnings.empty());
    EXERCISE_REQUIRE(strict.planes == lenient.planes);
  } else if (lenient.outcome) {
    EXERCISE_REQUIRE(!lenient.report.warnings.empty());
    Decoder fresh;
    EXERCISE_REQUIRE(lenient.planes == read_planes(fresh, source, limits, false, 0x5A5A).planes);
  }
}

// Twice, into differently poisoned memory: equal bytes mean that all were written, and that nothing of an
// earlier image shows.
inline void one_plan(Decoder& decoder, Bytes source, const Limits& limits, const Plan& plan,
                     const Geometry* geometry = nullptr) {
  const ReadResult first = read(decoder, source, limits, plan, 0xA5, geometry);
  if (!first.outcome) return;
  const ReadResult second = read(decoder, source, limits, plan, 0x3C, geometry);
  EXERCISE_REQUIRE(second.outcome);
  EXERCISE_REQUIRE(first.tensor == second.tensor);
  EXERCISE_REQUIRE(!plan.strict || first.report.warnings.empty());
}

inline void all_plans(Decoder& decoder, Bytes source, const Limits& limits) {
  for (const Plan& plan : plans()) one_plan(decoder, source, limits, plan);
}

// A plan and a geometry that `draw` chooses.
template <class Draw>
void some_plan(Decoder& decoder, Bytes source, const Limits& limits, Draw& draw) {
  Header header;
  if (!read_header(source, limits, header)) return;
  const Geometry geometry = some_geometry(header, draw);
  Plan plan = plans()[draw(static_cast<unsigned>(plans().size()))];
  plan.filter = static_cast<Filter>(draw(4));
  plan.fast = draw(4) == 0;
  plan.strict = draw(2) == 0;
  one_plan(decoder, source, limits, plan, &geometry);
}

}  // namespace exercise
