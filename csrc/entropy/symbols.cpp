#include "entropy/symbols.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dct/zigzag.h"

namespace dctdecode::entropy {
namespace {

constexpr unsigned kZeros16 = 0xF0, kEndOfBlock = 0x00;

// For each row v of a block and each set of its frequencies u, their bits in zigzag order.
using ZigzagBits = std::array<std::array<std::uint64_t, 256>, 8>;
constexpr ZigzagBits kZigzagBits = [] {
  ZigzagBits bits{};
  for (int v = 0; v < 8; ++v) {
    for (unsigned set = 0; set < 256; ++set) {
      for (int u = 0; u < 8; ++u) {
        if ((set >> u & 1) != 0) bits[v][set] |= std::uint64_t{1} << dct::kNaturalToZigzag[8 * v + u];
      }
    }
  }
  return bits;
}();

std::uint64_t to_zigzag(std::uint64_t natural) {
  std::uint64_t bits = 0;
  for (int v = 0; v < 8; ++v) bits |= kZigzagBits[v][natural >> 8 * v & 255];
  return bits;
}

unsigned size_of(int value) {
  return static_cast<unsigned>(std::bit_width(static_cast<unsigned>(std::abs(value))));
}

// `zigzag`: bit k for a coefficient at position k that is not zero. Sizes beyond 10 bits, which no baseline
// file holds, are counted anywhere: who writes refuses them.
void count_block(const std::int16_t* block, std::uint64_t zigzag, SymbolCounts& counts) {
  unsigned last = 0;
  for (std::uint64_t left = zigzag & ~std::uint64_t{1}; left != 0; left &= left - 1) {
    const auto k = static_cast<unsigned>(std::countr_zero(left));
    const unsigned zeros = k - last - 1;
    counts.ac[kZeros16] += zeros >> 4;
    ++counts.ac[(zeros & 15) << 4 | (size_of(block[dct::kZigzagToNatural[k]]) & 15)];
    last = k;
  }
  if (last != 63) ++counts.ac[kEndOfBlock];
}

#ifdef __SSE2__
// Keeps and returns which are not zero, in natural order.
std::uint64_t keep(std::int16_t* block, const __m128i* masks) {
  std::uint64_t zero = 0;
  for (int pair = 0; pair < 4; ++pair) {
    auto* at = reinterpret_cast<__m128i*>(block + 16 * pair);
    const __m128i first = _mm_and_si128(_mm_loadu_si128(at), masks[2 * pair]);
    const __m128i second = _mm_and_si128(_mm_loadu_si128(at + 1), masks[2 * pair + 1]);
    _mm_storeu_si128(at, first);
    _mm_storeu_si128(at + 1, second);
    const __m128i none = _mm_setzero_si128();
    const __m128i is_zero = _mm_packs_epi16(_mm_cmpeq_epi16(first, none), _mm_cmpeq_epi16(second, none));
    zero |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(is_zero))) << 16 * pair;
  }
  return ~zero;
}
#endif

}  // namespace

void keep_and_count_plain(std::int16_t* blocks, std::size_t count, std::uint64_t kept,
                          SymbolCounts& counts) noexcept {
  for (std::size_t i = 0; i < count; ++i, blocks += kBlockSize) {
    std::uint64_t natural = 0;
    for (int k = 0; k < kBlockSize; ++k) {
      if ((kept >> k & 1) == 0) blocks[k] = 0;
      if (blocks[k] != 0) natural |= std::uint64_t{1} << k;
    }
    count_block(blocks, to_zigzag(natural), counts);
  }
}

void keep_and_count(std::int16_t* blocks, std::size_t count, std::uint64_t kept,
                    SymbolCounts& counts) noexcept {
#ifdef __SSE2__
  alignas(16) std::int16_t mask[kBlockSize];
  for (int k = 0; k < kBlockSize; ++k) mask[k] = static_cast<std::int16_t>((kept >> k & 1) != 0 ? -1 : 0);
  __m128i masks[8];
  for (int v = 0; v < 8; ++v) masks[v] = _mm_load_si128(reinterpret_cast<const __m128i*>(mask + 8 * v));
  for (std::size_t i = 0; i < count; ++i, blocks += kBlockSize) {
    count_block(blocks, to_zigzag(keep(blocks, masks)), counts);
  }
#else
  keep_and_count_plain(blocks, count, kept, counts);
#endif
}

void count_dc(const Header& header, int c, const std::int16_t* blocks, std::size_t stride_blocks,
              SymbolCounts& counts) noexcept {
  const Component& component = header.components[c];
  const bool lone = header.num_components == 1;  // not interleaved: its MCU is a block (T.81 A.2.2)
  const int v = lone ? 1 : component.v, h = lone ? 1 : component.h;
  const int mcu_rows = ceil_div(component.height_blocks, v),
            mcu_columns = ceil_div(component.width_blocks, h);
  int last = 0;
  for (int row = 0; row < mcu_rows * v; row += v) {
    const int end_row = std::min(row + v, component.height_blocks);
    for (int column = 0; column < mcu_columns * h; column += h) {
      const int end_column = std::min(column + h, component.width_blocks);
      for (int i = row; i < end_row; ++i) {
        for (int j = column; j < end_column; ++j) {
          const int value = blocks[(i * stride_blocks + j) * kBlockSize];
          ++counts.dc[size_of(value - last)];
          last = value;
        }
      }
    }
  }
  const auto padded = static_cast<std::uint32_t>(mcu_rows) * v * mcu_columns * h;
  const auto dummies = padded - static_cast<std::uint32_t>(component.height_blocks) * component.width_blocks;
  counts.dc[0] += dummies;  // they repeat the DC before them
  counts.ac[kEndOfBlock] += dummies;
}

namespace {

// T.81 figure K.1: of the two rarest trees one is made, until one is left. Symbol `num_symbols` is a reserved
// one, so that no code is all ones. Of equally rare ones the higher symbol comes first.
void find_sizes(const std::uint32_t* counts, int num_symbols, std::array<int, 257>& sizes) {
  std::array<std::uint64_t, 257> weight{};
  std::array<int, 257> next{};
  for (int i = 0; i < num_symbols; ++i) weight[i] = counts[i];
  weight[num_symbols] = 1;
  next.fill(-1);
  sizes.fill(0);
  const auto rarest = [&](int except) {
    int found = -1;
    for (int i = 0; i <= num_symbols; ++i) {
      if (weight[i] != 0 && i != except && (found < 0 || weight[i] <= weight[found])) found = i;
    }
    return found;
  };
  for (;;) {
    const int a = rarest(-1), b = rarest(a);
    if (b < 0) return;
    weight[a] += weight[b];
    weight[b] = 0;
    int tail = a;
    for (++sizes[tail]; next[tail] >= 0; ++sizes[tail]) tail = next[tail];
    next[tail] = b;
    for (int i = b; i >= 0; i = next[i]) ++sizes[i];
  }
}

// T.81 figure K.3: pairs of codes that are too long move up, beside a shorter one that grows by a bit.
void limit_to_16(std::array<int, 258>& codes_of_size) {
  for (int size = 257; size > 16; --size) {
    while (codes_of_size[size] > 0) {
      int shorter = size - 2;
      while (codes_of_size[shorter] == 0) --shorter;
      codes_of_size[size] -= 2;
      ++codes_of_size[size - 1];
      codes_of_size[shorter + 1] += 2;
      --codes_of_size[shorter];
    }
  }
}

}  // namespace

markers::HuffmanSpec best_codes(const std::uint32_t* counts, int num_symbols) noexcept {
  std::array<int, 257> sizes;
  find_sizes(counts, num_symbols, sizes);
  std::array<int, 258> codes_of_size{};
  for (int i = 0; i <= num_symbols; ++i) {
    if (sizes[i] > 0) ++codes_of_size[sizes[i]];
  }
  limit_to_16(codes_of_size);
  int longest = 16;
  while (longest > 0 && codes_of_size[longest] == 0) --longest;
  if (longest > 0) --codes_of_size[longest];  // the reserved symbol's
  markers::HuffmanSpec spec;
  spec.defined = true;
  for (int size = 1; size <= 16; ++size) spec.bits[size] = static_cast<std::uint8_t>(codes_of_size[size]);
  int place = 0;
  for (int size = 1; size <= 256; ++size) {  // T.81 figure K.4
    for (int i = 0; i < num_symbols; ++i) {
      if (sizes[i] == size) spec.values[place++] = static_cast<std::uint8_t>(i);
    }
  }
  return spec;
}

}  // namespace dctdecode::entropy
