// The axes of the last images: validation sets repeat few sizes, and components share theirs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dct/axis.h"

namespace dctdecode::dct {

class AxisCache {
 public:
  // An axis built for `spec`, or for the same with more output frequencies. Valid until kSize others were
  // asked for: longer than one image.
  const Axis& find(const AxisSpec& spec);
  // Forgets axes that together take more.
  void trim(std::size_t keep_bytes);

 private:
  static constexpr int kSize = 16;
  struct Entry {
    Axis axis;
    std::uint64_t used = 0;  // when, by clock_
  };
  std::array<Entry, kSize> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace dctdecode::dct
