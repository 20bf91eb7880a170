#include "entropy/mcu.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "dct/zigzag.h"
#include "entropy/dispatch.h"

#define DCTDECODE_INLINE inline __attribute__((always_inline))

namespace dctdecode::entropy {
namespace {

// Positions behind 63 come from damaged data only, and go to 63; the block is refused afterwards.
constexpr std::array<std::uint8_t, 128> kNatural = [] {
  std::array<std::uint8_t, 128> table{};
  for (std::size_t k = 0; k < table.size(); ++k) table[k] = k < 64 ? dct::kZigzagToNatural[k] : 63;
  return table;
}();

// Branch-free; the bits below `count` are ORed twice with the same values.
DCTDECODE_INLINE void refill(BitReader& r) {
  std::uint64_t word;
  std::memcpy(&word, r.next, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  r.bits |= word >> r.count;
  r.next += (63 - r.count) >> 3;
  r.count |= 56;
}

DCTDECODE_INLINE void drop(BitReader& r, unsigned length) {
  r.bits <<= length;
  r.count -= length;
}

// 2 to the power of size, minus 1.
constexpr std::array<std::int32_t, 16> kMask = [] {
  std::array<std::int32_t, 16> table{};
  for (int size = 0; size < 16; ++size) table[size] = (1 << size) - 1;
  return table;
}();

// T.81 F.2.2.1, EXTEND, of `size` magnitude bits that end `shift` bits above the low end of `bits`. A first
// bit of 0 means a negative number, stored as its complement. Two shifts only: they share their ports with
// the lookups' own.
DCTDECODE_INLINE int extend(std::uint64_t bits, unsigned shift, unsigned size) {
  const std::int32_t mask = kMask[size];
  const std::int32_t value = static_cast<std::int32_t>(bits >> shift) & mask;
  return value - (mask & ((2 * value - mask) >> 31));
}

DCTDECODE_INLINE bool ended_well(std::size_t k) { return k - kEndOfBlock < 64 || k == 64; }

// Decodes the symbol at position k and returns the next k, or 0. Stores where `out` is not null.
DCTDECODE_INLINE std::size_t one_symbol(BitReader& r, const Codes& codes, std::size_t k, std::int16_t* out) {
  refill(r);
  const Symbol symbol = find_symbol(codes, r.bits);
  if (symbol.length == 0) return 0;
  const unsigned run = symbol.value >> 4, size = symbol.value & 15U;
  if (size == 0 && run != 15) {
    drop(r, symbol.length);
    return k + kEndOfBlock;
  }
  if (k + run > 63) return 0;
  if (out != nullptr && size != 0) {
    out[kNatural[k + run]] = static_cast<std::int16_t>(extend(r.bits, 64 - symbol.length - size, size));
  }
  drop(r, symbol.length + size);
  return k + run + 1;
}

// Wide stores: as memset, gcc makes it `rep stos`, which costs as much as half a block.
DCTDECODE_INLINE void clear(std::int16_t* block) {
  using Wide [[gnu::vector_size(32)]] = long long;
  constexpr std::size_t kLanes = sizeof(Wide) / sizeof *block;
  const Wide zero{};
  for (std::size_t i = 0; i < kBlockSize; i += kLanes) std::memcpy(block + i, &zero, sizeof zero);
}

// Both loops below leave when k passes their bound. What remains is rare: an escape, or an entry that took
// symbols of the next block along, because position 63 was coded. Then the entry is taken back, and one
// symbol is decoded alone.
DCTDECODE_INLINE std::size_t resolve(BitReader& r, const Codes& codes, std::size_t k, std::int16_t* out,
                                     const BitReader& before, unsigned advance) {
  r = before;
  return one_symbol(r, codes, k - advance, out);
}

// The chain from lookup to lookup is what takes time: shift, load of the length, shift. So the length has a
// table of its own, whose address is a mere sum, and a refill stands between a lookup and the drop of its
// bits, where it is ready before the length is. Two entries a refill.
static_assert(56 - 2 * kMaxEntryBits >= std::max({kDcBits, kAcBits, kSkipBits}), "the next lookup's bits");

DCTDECODE_INLINE bool store_coefficients(BitReader& r, const AcTable& ac, unsigned last, std::size_t& k,
                                         std::int16_t* out) {
  while (k <= last) {
    BitReader before;
    unsigned advance;
    const auto step = [&](bool fill) __attribute__((always_inline)) {
      const std::size_t index = r.bits >> (64 - kAcBits);
      if (fill) refill(r);
      before = r;
      drop(r, ac.lengths[index]);
      const AcEntry& e = ac.entries[index];
      advance = e.advance;
      out[kNatural[k + e.first]] = e.value;
      out[kNatural[k + e.last]] = static_cast<std::int16_t>(extend(before.bits, e.shift, e.size));
      k += advance;
      return k <= last;
    };
    while (step(true) && step(false)) {
    }
    if (k < 64 || ended_well(k)) return true;
    k = resolve(r, ac.codes, k, out, before, advance);
    if (k == 0) return false;
  }
  return true;
}

DCTDECODE_INLINE bool skip_coefficients(BitReader& r, const AcTable& ac, std::size_t k) {
  while (k < 64) {
    BitReader before;
    SkipEntry e;
    const auto step = [&](bool fill) __attribute__((always_inline)) {
      const std::size_t index = r.bits >> (64 - kSkipBits);
      if (fill) refill(r);
      before = r;
      e = ac.skip[index];
      drop(r, e.length);
      k += e.advance;
      return k < 64;
    };
    while (step(true) && step(false)) {
    }
    if (ended_well(k)) return true;
    k = resolve(r, ac.codes, k, nullptr, before, e.advance);
    if (k == 0) return false;
  }
  return ended_well(k);
}

DCTDECODE_INLINE bool decode_block(BitReader& r, const BlockSlot& slot, std::int16_t* out, unsigned last,
                                   std::uint32_t& predictor) {
  const std::size_t index = r.bits >> (64 - kDcBits);
  refill(r);
  DcEntry dc = slot.dc->entries[index];
  if (dc.length == 0) {
    const Symbol symbol = find_symbol(slot.dc->codes, r.bits);
    if (symbol.length == 0) return false;
    dc = make_dc_entry(symbol);
  }
  predictor += static_cast<std::uint32_t>(extend(r.bits, dc.shift, dc.size));
  drop(r, dc.length);
  std::size_t k = 1;
  if (out != nullptr) {
    clear(out);
    out[0] = static_cast<std::int16_t>(predictor);
    if (!store_coefficients(r, *slot.ac, last, k, out)) return false;
  }
  return k < 64 ? skip_coefficients(r, *slot.ac, k) : ended_well(k);
}

DCTDECODE_INLINE bool decode_mcus(McuRun& run, int count) {
  BitReader reader = run.reader;
  refill(reader);
  const std::uint8_t* const bound = run.end + sizeof reader.bits;
  for (; count > 0; --count) {
    for (int i = 0; i < run.num_slots; ++i) {
      BlockSlot& slot = run.slots[i];
      const bool wanted = slot.column - slot.column_begin < slot.column_count;
      std::int16_t* const unwanted = slot.skips ? nullptr : run.dump.data();
      std::int16_t* const out = wanted ? slot.row + std::size_t{slot.column} * kBlockSize : unwanted;
      slot.column += slot.columns_per_mcu;
      if (!decode_block(reader, slot, out, slot.last, run.predictor[slot.component])) return false;
    }
    if (reader.next > bound) return false;
  }
  run.reader = reader;
  return true;
}

}  // namespace

bool use_vectors() noexcept {
#if DCTDECODE_X86_VECTORS
  static const bool use = [] {
    const char* forced = std::getenv("DCTDECODE_FORCE_SCALAR");
    if (forced != nullptr && std::strcmp(forced, "1") == 0) return false;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
  }();
  return use;
#else
  return false;
#endif
}

bool decode_mcus_plain(McuRun& run, int count) noexcept { return decode_mcus(run, count); }

DCTDECODE_TARGET_VECTORS bool decode_mcus_vector(McuRun& run, int count) noexcept {
  return decode_mcus(run, count);
}

}  // namespace dctdecode::entropy
