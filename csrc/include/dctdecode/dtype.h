// Element types of an output tensor. A `switch` over DType has no default, so that the compiler lists
// what a new one needs.
#pragma once

#include <cstddef>

namespace dctdecode {

enum class DType { float32, float16, bfloat16, int16 };

constexpr std::size_t size_bytes(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return 4;
    case DType::float16:
    case DType::bfloat16:
    case DType::int16:
      return 2;
  }
  return 0;
}

}  // namespace dctdecode
