// Ceilings that keep hostile files cheap. All are on by default; docs/limits.md gives the reasons.
#pragma once

#include <cstdint>

namespace dctdecode {

struct Limits {
  std::uint64_t max_pixels = std::uint64_t{1} << 26;          // height * width, 67 megapixels
  std::uint64_t max_memory_bytes = std::uint64_t{512} << 20;  // coefficients and output together
  std::uint64_t max_bytes = std::uint64_t{256} << 20;         // size of the source
  std::uint64_t max_block_visits = 30'000'000;                // blocks touched, summed over all scans;
                                                              // arithmetic-coded ones count up to 192
  std::uint32_t max_scans = 100;                              // Chromium's and Skia's number
};

// Asked now and then during long work; returning true stops it with Status::cancelled.
struct Poll {
  bool (*should_stop)(void* context) = nullptr;
  void* context = nullptr;
};

}  // namespace dctdecode
