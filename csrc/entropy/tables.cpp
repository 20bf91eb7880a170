#include "entropy/tables.h"

#include <algorithm>

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

// An entry and the bits that it consumes.
struct Draft {
  AcEntry entry;
  unsigned length = 0;

  // The last coefficient is `symbol`, `before` zeros behind position k, and ends where the bits end.
  void add(const Symbol& symbol, unsigned before) {
    length += symbol.length + size(symbol);
    entry.last = static_cast<std::uint8_t>(before + run(symbol));
    entry.advance = static_cast<std::uint8_t>(entry.last + 1);
    entry.shift = static_cast<std::uint8_t>(64 - length);
    entry.size = static_cast<std::uint8_t>(size(symbol));
  }
};

// The entry of one symbol; an escape where it does not fit.
Draft one_symbol(const Symbol& a) {
  Draft draft;
  if (a.length + size(a) > kMaxEntryBits) return draft;
  if (size(a) != 0) {
    draft.add(a, 0);
  } else {
    draft.length = a.length;
    draft.entry.advance = zero_run(a) ? 16 : kEndOfBlock;
    draft.entry.last = zero_run(a) ? 15 : 0;
  }
  draft.entry.first = draft.entry.last;
  return draft;
}

// Adds what the `left` bits behind the first coefficient hold: a second one, the end of the block, or both.
// True where there is a second one.
bool add_rest(const Prefix<kAcBits>& prefix, unsigned rest, unsigned left, Draft& draft) {
  constexpr unsigned kMask = (1U << kAcBits) - 1;
  Symbol next = prefix.at((rest << draft.length) & kMask, left);
  bool second = false;
  if (next.length != 0 && size(next) != 0 && draft.length + next.length + size(next) <= kMaxEntryBits) {
    second = true;
    draft.add(next, draft.entry.advance);
    if (draft.length >= kAcBits) return second;
    next = prefix.at((rest << draft.length) & kMask, kAcBits - draft.length);
  }
  if (end_of_block(next)) {
    draft.length += next.length;
    draft.entry.advance = static_cast<std::uint8_t>(draft.entry.advance + kEndOfBlock);
  }
  return second;
}

// Code by code: what follows the first coefficient does not depend on its magnitude bits, so it is worked
// out once for all of them.
void build_entries(const CodeList& list, const Prefix<kAcBits>& prefix, AcTable& table) {
  table.entries.fill(AcEntry{});
  table.lengths.fill(0);
  const auto set = [&table](std::size_t begin, std::size_t count, const Draft& draft) {
    std::fill_n(table.entries.begin() + begin, count, draft.entry);
    std::fill_n(table.lengths.begin() + begin, count, static_cast<std::uint8_t>(draft.length));
  };
  for (int i = 0; i < list.size; ++i) {
    const auto& [symbol, code] = list.rows[i];
    if (symbol.length > kAcBits) return;
    const Draft first = one_symbol(symbol);
    if (first.entry.advance == kEscape) continue;
    const std::size_t begin = std::size_t{code} << (kAcBits - symbol.length);
    if (size(symbol) == 0 || first.length >= kAcBits) {
      set(begin, std::size_t{1} << (kAcBits - symbol.length), first);
      continue;
    }
    const unsigned left = kAcBits - first.length;
    for (unsigned rest = 0; rest < 1U << left; ++rest) {
      Draft draft = first;
      const bool second = add_rest(prefix, rest, left, draft);
      for (unsigned bits = 0; bits < 1U << size(symbol); ++bits) {
        if (second) draft.entry.value = static_cast<std::int16_t>(extend(bits, size(symbol)));
        set(begin + ((bits << left) | rest), 1, draft);
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
  Prefix<kAcBits> prefix;
  fill(list, prefix);
  build_entries(list, prefix, table);
  Prefix<kSkipBits> skip_prefix;
  fill(list, skip_prefix);
  std::copy_n(SkipBuilder(list, skip_prefix).entries(kSkipBits), table.skip.size(), table.skip.begin());
  return true;
}

}  // namespace dctdecode::entropy
