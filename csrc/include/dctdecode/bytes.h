// A view of the source's bytes. The memory belongs to the caller and outlives every call that takes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dctdecode {

struct Bytes {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

}  // namespace dctdecode
