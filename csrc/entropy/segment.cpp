#include "entropy/segment.h"

#include <bit>
#include <cstring>

#include "entropy/dispatch.h"
#if DCTDECODE_X86_VECTORS
#include <immintrin.h>
#endif

namespace dctdecode::entropy {
namespace {

// `at` is an FF. True: a stuffed FF, `at` now behind its zero. False: a marker, or the end.
bool stuffed(Bytes source, std::size_t& at, Segment& segment) {
  std::size_t i = at + 1;
  if (i < source.size && source.data[i] == 0) {
    at = i + 1;
    return true;
  }
  segment.marker_offset = at;
  while (i < source.size && source.data[i] == 0xFF) ++i;
  if (i < source.size) segment.marker = source.data[i];  // 0: FF FF 00, which T.81 does not allow
  segment.next_offset = i + 1;
  return false;
}

}  // namespace

Segment unstuff_plain(Bytes source, std::size_t offset, std::uint8_t* out) noexcept {
  Segment segment;
  while (offset < source.size) {
    const void* found = std::memchr(source.data + offset, 0xFF, source.size - offset);
    if (found == nullptr) break;
    std::size_t at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - source.data);
    const std::size_t count = at - offset;
    std::memcpy(out + segment.size, source.data + offset, count);
    segment.size += count;
    if (!stuffed(source, at, segment)) break;
    out[segment.size++] = 0xFF;
    offset = at;
  }
  return segment;
}

#if DCTDECODE_X86_VECTORS
// Copies 32 bytes at a time; at an FF, goes on behind it.
DCTDECODE_TARGET_VECTORS Segment unstuff_vector(Bytes source, std::size_t offset,
                                                std::uint8_t* out) noexcept {
  constexpr std::size_t kStep = 32;
  const __m256i all_ones = _mm256_set1_epi8(-1);
  Segment segment;
  std::uint8_t* to = out;
  while (source.size - offset >= kStep) {
    const __m256i chunk = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source.data + offset));
    const auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(chunk, all_ones)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), chunk);
    if (mask == 0) {
      to += kStep;
      offset += kStep;
      continue;
    }
    const auto before = static_cast<std::size_t>(std::countr_zero(mask));
    to += before;
    offset += before;
    if (!stuffed(source, offset, segment)) {
      segment.size = static_cast<std::size_t>(to - out);
      return segment;
    }
    ++to;  // the FF itself is copied already
  }
  segment = unstuff_plain(source, offset, to);
  segment.size += static_cast<std::size_t>(to - out);
  return segment;
}
#else
Segment unstuff_vector(Bytes source, std::size_t offset, std::uint8_t* out) noexcept {
  return unstuff_plain(source, offset, out);
}
#endif

}  // namespace dctdecode::entropy
