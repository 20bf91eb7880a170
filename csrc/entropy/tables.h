// Lookup tables of one Huffman specification, T.81 annex C and F.2.2.
//
// A lookup by the next kAcBits bits delivers up to two AC coefficients and the end of the block. The last
// coefficient's magnitude bits may lie behind the index: they are cut out of the bit buffer, not looked up.
// What no entry can express (a longer code, a code that does not exist) is an escape: decode one symbol by
// comparing, see find_symbol.
#pragma once

#include <array>
#include <cstdint>

#include "markers/parse.h"

namespace dctdecode::entropy {

inline constexpr int kDcBits = 9;
inline constexpr int kAcBits = 10;
inline constexpr int kSkipBits = 12;
inline constexpr int kMaxEntryBits = 22;  // consumed by one entry: two entries fit between two refills

// What is added to k, the zigzag position of the next coefficient, apart from real progress. A block ends
// well with k = 64 (its last coefficient was coded) or k - kEndOfBlock < 64.
inline constexpr unsigned kEndOfBlock = 128;
inline constexpr unsigned kEscape = 255;

// Canonical codes, to be compared with the next 16 bits.
struct Codes {
  std::array<std::uint32_t, 17> limit{};  // limit[n]: 16-bit windows below it hold a code of at most n bits
  std::array<std::int32_t, 17> offset{};  // place in `values` minus code, for codes of n bits
  std::array<std::uint8_t, 256> values{};
};

struct Symbol {
  std::uint32_t length = 0;  // bits of the code; 0: no such code
  std::uint32_t value = 0;   // 16 * run + size (AC), size (DC)
};

// The symbol at the start of `bits` (leftmost bit first). Needs 16 valid bits.
Symbol find_symbol(const Codes& codes, std::uint64_t bits) noexcept;

struct DcEntry {
  std::uint8_t length = 0;  // code and magnitude; 0: escape
  std::uint8_t shift = 0;   // bits behind the magnitude in a 64-bit buffer
  std::uint8_t size = 0;    // magnitude bits
};

constexpr DcEntry make_dc_entry(Symbol symbol) {
  const unsigned length = symbol.length + symbol.value;
  return {static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(64 - length),
          static_cast<std::uint8_t>(symbol.value)};
}

struct AcEntry {                   // no padding: entries are built by adding them up as integers
  std::uint8_t advance = kEscape;  // added to k
  std::uint8_t first = 0;          // position of the first coefficient, relative to k
  std::uint16_t last = 0;          // of the second, or of the only one again
  std::int16_t value = 0;          // of the first; where there is one only, it is `last` and this is 0
  std::uint8_t shift = 0;          // bits behind the last one's magnitude in a 64-bit buffer
  std::uint8_t size = 0;           // its magnitude bits
};
static_assert(sizeof(AcEntry) == 8);  // an index that is scaled by the address itself

struct SkipEntry {  // as many symbols as the index holds
  std::uint8_t length = 0;
  std::uint8_t advance = kEscape;
};

struct DcTable {
  std::array<DcEntry, 1 << kDcBits> entries;
  Codes codes;
};

struct AcTable {
  std::array<std::uint8_t, 1 << kAcBits> lengths;  // bits that an entry consumes
  std::array<AcEntry, 1 << kAcBits> entries;
  std::array<SkipEntry, 1 << kSkipBits> skip;  // once add_skip was called
  bool can_skip = false;
  Codes codes;
};

// False where libjpeg-turbo refuses the specification.
bool build(const markers::HuffmanSpec& spec, DcTable& table) noexcept;
bool build(const markers::HuffmanSpec& spec, AcTable& table) noexcept;
// Apart, since it takes longer than all the rest, and most images need none.
void add_skip(const markers::HuffmanSpec& spec, AcTable& table) noexcept;

// The tables built last, by specification: most files share the standard ones.
template <class Table>
class TableCache {
 public:
  // Null where the specification is invalid. Valid until kSize - 1 other tables have been asked for.
  Table* find(const markers::HuffmanSpec& spec) noexcept {
    Slot* oldest = &slots_[0];
    for (Slot& slot : slots_) {
      if (slot.used != 0 && slot.bits == spec.bits && slot.values == spec.values) {
        slot.used = ++clock_;
        return &slot.table;
      }
      if (slot.used < oldest->used) oldest = &slot;
    }
    oldest->used = 0;
    if (!build(spec, oldest->table)) return nullptr;
    oldest->bits = spec.bits;
    oldest->values = spec.values;
    oldest->used = ++clock_;
    return &oldest->table;
  }

 private:
  static constexpr int kSize = 8;  // more than the four that one scan can use
  struct Slot {
    std::uint64_t used = 0;
    std::array<std::uint8_t, 17> bits;
    std::array<std::uint8_t, 256> values;
    Table table;
  };
  std::array<Slot, kSize> slots_;
  std::uint64_t clock_ = 0;
};

}  // namespace dctdecode::entropy
