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

// The codes of a specification in order, as the builders below walk them.
struct CodeList {
  struct Row {
    Symbol symbol;
    unsigned code;
  };
  std::array<Row, 256> rows;
  int size = 0;
};

// T.81 C.2, and the checks of libjpeg-turbo's jpeg_make_d_derived_tbl.
bool assign_codes(const markers::HuffmanSpec& spec, Codes& codes, CodeList& list) {
  codes.values = spec.values;
  unsigned code = 0, place = 0;
  for (unsigned n = 1; n <= 16; ++n) {
    codes.offset[n] = static_cast<std::int32_t>(place) - static_cast<std::int32_t>(code);
    for (int i = 0; i < spec.bits[n]; ++i, ++code, ++place) {
      if (place >= spec.values.size() || code + 1 >= 1U << n) return false;  // no code is all ones
      list.rows[list.size++] = {{n, spec.values[place]}, code};
    }
    codes.limit[n] = code << (16 - n);
    code <<= 1;
  }
  return true;
}

template <int kBits>
void fill(const CodeList& list, Prefix<kBits>& prefix) {
  for (int i = 0; i < list.size; ++i) {
    const auto& [symbol, code] = list.rows[i];
    if (symbol.length > kBits) return;
    const unsigned begin = code << (kBits - symbol.length), count = 1U << (kBits - symbol.length);
    std::fill_n(prefix.length.begin() + begin, count, static_cast<std::uint8_t>(symbol.length));
    std::fill_n(prefix.value.begin() + begin, count, static_cast<std::uint8_t>(symbol.value));
  }
}

// T.81 F.2.2.1, EXTEND.
int extend(unsigned magnitude_bits, unsigned size) {
  const int v = static_cast<int>(magnitude_bits);
  return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

unsigned run(const Symbol& s) { return s.value >> 4; }
unsigned size(const Symbol& s) { return s.value & 15U; }
bool zero_run(const Symbol& s) { return s.value == 0xF0; }
// libjpeg-turbo ends the block at every symbol of size 0 but ZRL.
bool end_of_block(const Symbol& s) { return s.length != 0 && size(s) == 0 && !zero_run(s); }

// Entries are put together by adding them up as integers: field by field, since no field of a sum overflows.
std::uint64_t packed(const AcEntry& entry) { return std::bit_cast<std::uint64_t>(entry); }

AcEntry zeros() {
  AcEntry entry;
  entry.advance = 0;
  return entry;
}

std::uint64_t packed_size(unsigned size) {
  AcEntry entry = zeros();
  entry.size = static_cast<std::uint8_t>(size);
  return packed(entry);
}

std::uint64_t packed_value(int value) {
  AcEntry entry = zeros();
  entry.value = static_cast<std::int16_t>(value);
  return packed(entry);
}

std::uint64_t packed_advance(unsigned advance) {
  AcEntry entry = zeros();
  entry.advance = static_cast<std::uint8_t>(advance);
  return packed(entry);
}

std::uint64_t packed_shift(unsigned shift) {
  AcEntry entry = zeros();
  entry.shift = static_cast<std::uint8_t>(shift);
  return packed(entry);
}

// What the n bits of an index that stand behind its first coefficient hold: a second coefficient, the end of
// the block, or both. All by those bits, those of n bits from 2^n on.
class Tails {
 public:
  static constexpr unsigned kMaxBits = kAcBits - 2;  // the first one takes a code and a magnitude
  static constexpr unsigned kMaxUsed = kMaxEntryBits - kAcBits;

  explicit Tails(const CodeList& list) {
    for (unsigned n = 1; n <= kMaxBits; ++n) {
      for (int i = 0; i < list.size && list.rows[i].symbol.length <= n; ++i) add(list.rows[i], n);
    }
  }
  const std::uint64_t* entries(unsigned n) const { return entries_.data() + (std::size_t{1} << n); }
  const std::uint64_t* seconds(unsigned n) const { return seconds_.data() + (std::size_t{1} << n); }
  const std::uint8_t* lengths(unsigned n) const { return lengths_.data() + (std::size_t{1} << n); }

 private:
  void add(const CodeList::Row& row, unsigned n) {
    const Symbol& symbol = row.symbol;
    const unsigned used = symbol.length + size(symbol);
    const std::size_t begin = (std::size_t{1} << n) + (std::size_t{row.code} << (n - symbol.length));
    const std::size_t count = std::size_t{1} << (n - symbol.length);
    if (zero_run(symbol) || used > kMaxUsed) return;
    const bool second = !end_of_block(symbol);
    AcEntry entry = zeros();
    entry.advance = static_cast<std::uint8_t>(second ? run(symbol) + 1 : kEndOfBlock);
    entry.last = static_cast<std::uint16_t>(second ? run(symbol) + 1 : 0);
    entry.size = static_cast<std::uint8_t>(size(symbol));
    const std::uint64_t sum = packed(entry) - packed_shift(second ? used : 0);
    std::fill_n(entries_.begin() + begin, count, sum);
    std::fill_n(seconds_.begin() + begin, count, second ? ~std::uint64_t{0} : 0);
    std::fill_n(lengths_.begin() + begin, count, static_cast<std::uint8_t>(used));
    if (second && used < n) add_ends(begin, count, n - used);
  }
  // The end of the block behind a second coefficient, that leaves n bits.
  void add_ends(std::size_t begin, std::size_t count, unsigned n) {
    const std::size_t mask = (std::size_t{1} << n) - 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t rest = (std::size_t{1} << n) + (i & mask);
      if (lengths_[rest] == 0 || seconds_[rest] != 0) continue;
      entries_[begin + i] += packed_advance(kEndOfBlock);
      lengths_[begin + i] = static_cast<std::uint8_t>(lengths_[begin + i] + lengths_[rest]);
    }
  }

  static constexpr std::size_t kSize = std::size_t{2} << kMaxBits;
  std::array<std::uint64_t, kSize> entries_{};
  std::array<std::uint64_t, kSize> seconds_{};  // all bits set where there is a second coefficient
  std::array<std::uint8_t, kSize> lengths_{};
};

// The entry of one symbol, of `used` bits.
AcEntry one_symbol(const Symbol& symbol, unsigned used) {
  AcEntry entry;
  if (size(symbol) == 0) {
    entry.advance = zero_run(symbol) ? 16 : kEndOfBlock;
    entry.first = entry.last = zero_run(symbol) ? 15 : 0;
    return entry;
  }
  entry.first = entry.last = static_cast<std::uint8_t>(run(symbol));
  entry.advance = static_cast<std::uint8_t>(run(symbol) + 1);
  entry.shift = static_cast<std::uint8_t>(64 - used);
  entry.size = static_cast<std::uint8_t>(size(symbol));
  return entry;
}

// Code by code; the entry of a first coefficient and that of each tail are added up.
void build_entries(const CodeList& list, AcTable& table) {
  const Tails tails(list);
  table.entries.fill(AcEntry{});
  table.lengths.fill(0);
  for (int i = 0; i < list.size && list.rows[i].symbol.length <= kAcBits; ++i) {
    const auto& [symbol, code] = list.rows[i];
    const unsigned used = symbol.length + size(symbol);
    if (used > kMaxEntryBits) continue;
    const AcEntry first = one_symbol(symbol, used);
    const std::size_t begin = std::size_t{code} << (kAcBits - symbol.length);
    AcEntry* to = table.entries.data() + begin;
    std::uint8_t* to_length = table.lengths.data() + begin;
    if (size(symbol) == 0 || used >= kAcBits) {
      std::fill_n(to, std::size_t{1} << (kAcBits - symbol.length), first);
      std::fill_n(to_length, std::size_t{1} << (kAcBits - symbol.length), static_cast<std::uint8_t>(used));
      continue;
    }
    const unsigned left = kAcBits - used;
    const std::size_t n_rest = std::size_t{1} << left;
    for (unsigned bits = 0; bits < 1U << size(symbol); ++bits, to += n_rest, to_length += n_rest) {
      // Before a second coefficient, the first one's value is the table's.
      const std::uint64_t known = packed_value(extend(bits, size(symbol))) - packed_size(size(symbol));
      for (std::size_t rest = 0; rest < n_rest; ++rest) {
        to[rest] = std::bit_cast<AcEntry>(packed(first) + tails.entries(left)[rest] +
                                          (known & tails.seconds(left)[rest]));
        to_length[rest] = static_cast<std::uint8_t>(used + tails.lengths(left)[rest]);
      }
    }
  }
}

// Symbol by symbol, where an entry has to stop early.
SkipEntry walk(const Prefix<kSkipBits>& prefix, unsigned index, unsigned n_bits) {
  unsigned used = 0, advance = 0;
  while (used < n_bits) {
    const unsigned left = n_bits - used;
    const Symbol s = prefix.at((index & ((1U << left) - 1)) << (kSkipBits - left), left);
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

// Entries by the next n bits, for n = 1, 2, ...: a symbol, and what the bits behind it hold, which is an
// entry of fewer bits.
class SkipBuilder {
 public:
  SkipBuilder(const CodeList& list, const Prefix<kSkipBits>& prefix) : list_(list), prefix_(prefix) {
    for (unsigned n = 1; n <= kSkipBits; ++n) build(n);
  }
  const SkipEntry* entries(unsigned n_bits) const { return levels_.data() + (std::size_t{1} << n_bits); }

 private:
  void build(unsigned n_bits) {
    for (int i = 0; i < list_.size && list_.rows[i].symbol.length <= n_bits; ++i) {
      const auto& [symbol, code] = list_.rows[i];
      const unsigned begin = code << (n_bits - symbol.length), used = symbol.length + size(symbol);
      const unsigned step = zero_run(symbol) ? 16 : run(symbol) + 1;
      SkipEntry* const to = levels_.data() + (std::size_t{1} << n_bits) + begin;
      if (used > kMaxEntryBits) continue;
      if (end_of_block(symbol) || used >= n_bits) {
        const unsigned advance = end_of_block(symbol) ? kEndOfBlock : step;
        std::fill_n(to, std::size_t{1} << (n_bits - symbol.length),
                    SkipEntry{static_cast<std::uint8_t>(used), static_cast<std::uint8_t>(advance)});
        continue;
      }
      const std::size_t n_rest = std::size_t{1} << (n_bits - used);
      for (unsigned rest = 0; rest < n_rest; ++rest)
        to[rest] = joined(used, step, begin + rest, rest, n_bits);
      for (unsigned bits = 1; bits < 1U << size(symbol); ++bits) std::copy_n(to, n_rest, to + bits * n_rest);
    }
  }

  SkipEntry joined(unsigned used, unsigned step, unsigned index, unsigned rest, unsigned n_bits) const {
    const SkipEntry behind = entries(n_bits - used)[rest];
    if (behind.length == 0) return {static_cast<std::uint8_t>(used), static_cast<std::uint8_t>(step)};
    if (used + behind.length > kMaxEntryBits || step + (behind.advance & (kEndOfBlock - 1)) > 63) {
      return walk(prefix_, index, n_bits);
    }
    return {static_cast<std::uint8_t>(used + behind.length),
            static_cast<std::uint8_t>(step + behind.advance)};
  }

  const CodeList& list_;
  const Prefix<kSkipBits>& prefix_;
  std::array<SkipEntry, std::size_t{2} << kSkipBits> levels_{};  // those of n bits begin at 2^n
};

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
  CodeList list;
  if (!assign_codes(spec, table.codes, list)) return false;
  Prefix<kDcBits> prefix;
  fill(list, prefix);
  for (unsigned i = 0; i < table.entries.size(); ++i) {
    table.entries[i] = prefix.length[i] == 0 ? DcEntry{} : make_dc_entry(prefix.at(i, kDcBits));
  }
  // Values behind the last code are zero.
  return std::all_of(spec.values.begin(), spec.values.end(), [](unsigned v) { return v <= 15; });
}

bool build(const markers::HuffmanSpec& spec, AcTable& table) noexcept {
  CodeList list;
  if (!assign_codes(spec, table.codes, list)) return false;
  build_entries(list, table);
  table.can_skip = false;
  return true;
}

void add_skip(const markers::HuffmanSpec& spec, AcTable& table) noexcept {
  CodeList list;
  assign_codes(spec, table.codes, list);
  Prefix<kSkipBits> prefix;
  fill(list, prefix);
  std::copy_n(SkipBuilder(list, prefix).entries(kSkipBits), table.skip.size(), table.skip.begin());
  table.can_skip = true;
}

}  // namespace dctdecode::entropy
