#include "entropy/tables.h"

#include <algorithm>
#include <bit>

namespace dctdecode::entropy {
namespace {

// Symbol and code length by the next kBits bits; length 0 where the code is longer or does not exist.
template <int kBits>
struct Prefix {
  std::array<std::uint8_t, 1 << kBits> length{}, value{};

  Symbol at(unsigned index, unsigned bits_left) const {
    const unsigned n = length[index];
    return n <= bits_left ? Symbol{n, value[index]} : Symbol{};
  }
};

// T.81 C.2, and the checks of libjpeg-turbo's jpeg_make_d_derived_tbl.
template <int kBits>
bool assign_codes(const markers::HuffmanSpec& spec, Codes& codes, Prefix<kBits>& prefix) {
  codes.values = spec.values;
  unsigned code = 0, place = 0;
  for (int n = 1; n <= 16; ++n) {
    codes.offset[n] = static_cast<std::int32_t>(place) - static_cast<std::int32_t>(code);
    for (int i = 0; i < spec.bits[n]; ++i, ++code, ++place) {
      if (place >= spec.values.size() || code + 1 >= 1U << n) return false;  // no code is all ones
      if (n > kBits) continue;
      const unsigned begin = code << (kBits - n), count = 1U << (kBits - n);
      std::fill_n(prefix.length.begin() + begin, count, static_cast<std::uint8_t>(n));
      std::fill_n(prefix.value.begin() + begin, count, spec.values[place]);
    }
    codes.limit[n] = code << (16 - n);
    code <<= 1;
  }
  return true;
}

// T.81 F.2.2.1, EXTEND: `size` magnitude bits that stand `bits_behind` above the index's low end.
int magnitude(unsigned index, unsigned bits_behind, unsigned size) {
  const int v = static_cast<int>((index >> bits_behind) & ((1U << size) - 1));
  return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

unsigned run(const Symbol& s) { return s.value >> 4; }
unsigned size(const Symbol& s) { return s.value & 15U; }
bool zero_run(const Symbol& s) { return s.value == 0xF0; }
// libjpeg-turbo ends the block at every symbol of size 0 but ZRL.
bool end_of_block(const Symbol& s) { return s.length != 0 && size(s) == 0 && !zero_run(s); }

AcEntry make_entry(const Prefix<kAcBits>& prefix, unsigned index) {
  constexpr unsigned kMask = (1U << kAcBits) - 1;
  AcEntry entry;
  const Symbol a = prefix.at(index, kAcBits);
  if (a.length == 0 || a.length + size(a) > kMaxEntryBits) return entry;
  entry.length = static_cast<std::uint8_t>(a.length + size(a));
  if (size(a) == 0) {
    entry.advance = zero_run(a) ? 16 : kEndOfBlock;
    entry.first = entry.last = zero_run(a) ? 15 : 0;
    return entry;
  }
  entry.first = entry.last = static_cast<std::uint8_t>(run(a));
  entry.advance = static_cast<std::uint8_t>(run(a) + 1);
  entry.shift = static_cast<std::uint8_t>(64 - entry.length);
  entry.size = static_cast<std::uint8_t>(size(a));
  if (entry.length >= kAcBits) return entry;

  unsigned left = kAcBits - entry.length;
  Symbol next = prefix.at((index << entry.length) & kMask, left);
  if (next.length != 0 && size(next) != 0 && entry.length + next.length + size(next) <= kMaxEntryBits) {
    entry.value = static_cast<std::int16_t>(magnitude(index, left, size(a)));
    entry.last = static_cast<std::uint8_t>(entry.advance + run(next));
    entry.advance = static_cast<std::uint8_t>(entry.last + 1);
    entry.length = static_cast<std::uint8_t>(entry.length + next.length + size(next));
    entry.shift = static_cast<std::uint8_t>(64 - entry.length);
    entry.size = static_cast<std::uint8_t>(size(next));
    if (entry.length >= kAcBits) return entry;
    left = kAcBits - entry.length;
    next = prefix.at((index << entry.length) & kMask, left);
  }
  if (end_of_block(next)) {
    entry.length = static_cast<std::uint8_t>(entry.length + next.length);
    entry.advance = static_cast<std::uint8_t>(entry.advance + kEndOfBlock);
  }
  return entry;
}

SkipEntry make_skip(const Prefix<kSkipBits>& prefix, unsigned index) {
  constexpr unsigned kMask = (1U << kSkipBits) - 1;
  unsigned used = 0, advance = 0;
  while (used < kSkipBits) {
    const Symbol s = prefix.at((index << used) & kMask, kSkipBits - used);
    const unsigned step = zero_run(s) ? 16 : run(s) + 1;
    if (s.length == 0 || used + s.length + size(s) > kMaxEntryBits || advance + step > 63) break;
    used += s.length + size(s);
    if (end_of_block(s)) {
      advance += kEndOfBlock;
      break;
    }
    advance += step;
  }
  if (used == 0) return {};
  return {static_cast<std::uint8_t>(used), static_cast<std::uint8_t>(advance)};
}

}  // namespace

Symbol find_symbol(const Codes& codes, std::uint64_t bits) noexcept {
  const auto window = static_cast<std::uint32_t>(bits >> 48);
  for (unsigned n = 1; n <= 16; ++n) {
    if (window >= codes.limit[n]) continue;
    const auto code = static_cast<std::int32_t>(window >> (16 - n));
    return {n, codes.values[static_cast<std::size_t>(code + codes.offset[n])]};
  }
  return {};
}

bool build(const markers::HuffmanSpec& spec, DcTable& table) noexcept {
  Prefix<kDcBits> prefix;
  if (!assign_codes(spec, table.codes, prefix)) return false;
  for (unsigned i = 0; i < table.entries.size(); ++i) {
    table.entries[i] = prefix.length[i] == 0 ? DcEntry{} : make_dc_entry(prefix.at(i, kDcBits));
  }
  // Values behind the last code are zero.
  return std::all_of(spec.values.begin(), spec.values.end(), [](unsigned v) { return v <= 15; });
}

bool build(const markers::HuffmanSpec& spec, AcTable& table) noexcept {
  Prefix<kAcBits> prefix;
  Prefix<kSkipBits> skip_prefix;
  if (!assign_codes(spec, table.codes, prefix) || !assign_codes(spec, table.codes, skip_prefix)) return false;
  for (unsigned i = 0; i < table.entries.size(); ++i) table.entries[i] = make_entry(prefix, i);
  for (unsigned i = 0; i < table.skip.size(); ++i) table.skip[i] = make_skip(skip_prefix, i);
  return true;
}

}  // namespace dctdecode::entropy
