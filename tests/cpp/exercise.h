// Drives the public interface over any bytes as the binding does, and checks what must hold for all of them.
// What fails here ends the program (abort), so that fuzzers, sanitizers and plain tests all notice.
#pragma once

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

struct ReadResult {
  Outcome outcome;
  std::vector<unsigned char> tensor;
  Report report;
};

inline ReadResult read(Decoder& decoder, Bytes source, const Limits& limits, const Plan& plan,
                       unsigned char poison) {
  ReadResult result;
  Header header;
  result.outcome = read_header(source, limits, header);
  if (!check(result.outcome)) return result;
  const std::uint64_t bytes = static_cast<std::uint64_t>(ceil_div(header.height_px, 8)) *
                              ceil_div(header.width_px, 8) * plan.channels.size() * size_bytes(plan.dtype);
  result.outcome = check_memory(header, limits, bytes);
  if (!check(result.outcome)) return result;
  result.tensor.assign(bytes, poison);
  result.outcome = decoder.read(source, limits, plan, native_geometry(header), {}, header,
                                {result.tensor.data()}, result.report);
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
      {channels({0, 1, 2}, 1, 0, 1), DType::float32, Filter::lanczos, true, true},
      {channels({2, 0, 1}, 9, 3, 0.125F), DType::float16, Filter::bilinear, true, false},
      {channels({0}, 5, 0, 1), DType::int16, Filter::box, true, false},
      {channels({1}, 3, -1, 2), DType::bfloat16, Filter::bicubic, false, true},
      {{{0, 0, 0, 1}}, DType::float32, Filter::bilinear, true, true},
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

// Each plan twice, into differently poisoned memory: equal bytes mean that all were written, and that
// nothing of an earlier image shows.
inline void all_plans(Decoder& decoder, Bytes source, const Limits& limits) {
  for (const Plan& plan : plans()) {
    const ReadResult first = read(decoder, source, limits, plan, 0xA5);
    if (!first.outcome) continue;
    const ReadResult second = read(decoder, source, limits, plan, 0x3C);
    EXERCISE_REQUIRE(second.outcome);
    EXERCISE_REQUIRE(first.tensor == second.tensor);
    EXERCISE_REQUIRE(!plan.strict || first.report.warnings.empty());
  }
}

}  // namespace exercise
