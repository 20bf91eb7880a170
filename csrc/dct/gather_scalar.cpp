#include <cstdint>

#include "dct/half.h"
#include "dct/scalar.h"

namespace dctdecode::dct::scalar {
namespace {

float to_float32(float value) noexcept { return value; }

template <class Element, Element (*convert)(float) noexcept>
void gather_channel(const std::int16_t* blocks, int n_blocks, std::uint16_t quant,
                    const Pick& pick) noexcept {
  const auto step = static_cast<float>(quant);
  auto* dst = static_cast<Element*>(pick.dst);
  for (int i = 0; i < n_blocks; ++i) {
    const auto coefficient = static_cast<float>(blocks[64 * i + pick.index]);
    dst[i] = convert((coefficient * step - pick.mean) * pick.inv_std);
  }
}

bool gather_channel_int16(const std::int16_t* blocks, int n_blocks, std::uint16_t quant,
                          const Pick& pick) noexcept {
  auto* dst = static_cast<std::int16_t*>(pick.dst);
  for (int i = 0; i < n_blocks; ++i) {
    const std::int32_t product = std::int32_t{blocks[64 * i + pick.index]} * std::int32_t{quant};
    if (product < INT16_MIN || product > INT16_MAX) return false;
    dst[i] = static_cast<std::int16_t>(product);
  }
  return true;
}

bool gather_pick(const std::int16_t* blocks, int n_blocks, std::uint16_t quant, const Pick& pick,
                 DType dtype) noexcept {
  switch (dtype) {
    case DType::float32:
      gather_channel<float, to_float32>(blocks, n_blocks, quant, pick);
      return true;
    case DType::float16:
      gather_channel<std::uint16_t, to_float16>(blocks, n_blocks, quant, pick);
      return true;
    case DType::bfloat16:
      gather_channel<std::uint16_t, to_bfloat16>(blocks, n_blocks, quant, pick);
      return true;
    case DType::int16:
      return gather_channel_int16(blocks, n_blocks, quant, pick);
  }
  return false;
}

template <class Element, Element (*convert)(float) noexcept>
bool store(const float* src, int n, void* dst, float mean, float inv_std) noexcept {
  for (int i = 0; i < n; ++i) static_cast<Element*>(dst)[i] = convert((src[i] - mean) * inv_std);
  return true;
}

bool store_int16(const float* src, int n, void* dst, float mean, float inv_std) noexcept {
  for (int i = 0; i < n; ++i) {
    const float value = (src[i] - mean) * inv_std;
    if (!(value >= INT16_MIN && value <= INT16_MAX)) return false;  // also when it is a NaN
    const auto integer = static_cast<std::int16_t>(value);
    if (static_cast<float>(integer) != value) return false;
    static_cast<std::int16_t*>(dst)[i] = integer;
  }
  return true;
}

}  // namespace

bool gather_row(const std::int16_t* blocks, int n_blocks, const std::uint16_t* quant, const Pick* picks,
                int n_picks, DType dtype) noexcept {
  for (int p = 0; p < n_picks; ++p) {
    if (!gather_pick(blocks, n_blocks, quant[picks[p].index], picks[p], dtype)) return false;
  }
  return true;
}

bool store_row(const float* src, int n, DType dtype, void* dst, float mean, float inv_std) noexcept {
  switch (dtype) {
    case DType::float32:
      return store<float, to_float32>(src, n, dst, mean, inv_std);
    case DType::float16:
      return store<std::uint16_t, to_float16>(src, n, dst, mean, inv_std);
    case DType::bfloat16:
      return store<std::uint16_t, to_bfloat16>(src, n, dst, mean, inv_std);
    case DType::int16:
      return store_int16(src, n, dst, mean, inv_std);
  }
  return false;
}

}  // namespace dctdecode::dct::scalar
