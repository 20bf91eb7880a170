// Counting of Huffman symbols: vectors against the plain loop; and codes: short, complete, none all ones.
// That whole files come out as libjpeg writes them is checked by writer_test.
#include "entropy/symbols.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "dct/zigzag.h"
#include "exercise.h"
#include "mutants.h"

namespace {

using namespace dctdecode;
using namespace dctdecode::entropy;

// One by one, as T.81 figure F.2 has it.
void count_slowly(const std::int16_t* zigzag, SymbolCounts& counts) {
  int zeros = 0;
  for (int k = 1; k < 64; ++k) {
    if (zigzag[k] == 0) {
      ++zeros;
      continue;
    }
    for (; zeros > 15; zeros -= 16) ++counts.ac[0xF0];
    int size = 0;
    for (int left = std::abs(zigzag[k]); left != 0; left /= 2) ++size;
    ++counts.ac[16 * zeros + size];
    zeros = 0;
  }
  if (zeros > 0) ++counts.ac[0];
}

void test_counting() {
  for (std::uint64_t n = 0; n < 3000; ++n) {
    mutants::SplitMix random(n);
    const std::size_t blocks = 1 + random.below(5);
    const std::uint64_t kept = random.below(3) == 0 ? ~std::uint64_t{0} : random.below(~std::uint64_t{0});
    const std::uint64_t density = random.below(101), bits = 1 + random.below(10);
    std::vector<std::int16_t> plain(64 * blocks);
    for (std::int16_t& value : plain) {
      if (random.below(100) >= density) continue;
      const auto magnitude = static_cast<int>(random.below(std::uint64_t{1} << bits));
      value = static_cast<std::int16_t>(random.below(2) == 0 ? magnitude : -magnitude);
    }
    const std::vector<std::int16_t> before = plain;
    std::vector<std::int16_t> vector = plain;
    SymbolCounts plain_counts, vector_counts, slow_counts;
    keep_and_count_plain(plain.data(), blocks, kept, plain_counts);
    keep_and_count(vector.data(), blocks, kept, vector_counts);
    EXERCISE_REQUIRE(plain == vector && plain_counts.ac == vector_counts.ac);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      EXERCISE_REQUIRE(plain[i] == ((kept >> (i % 64) & 1) != 0 ? before[i] : 0));
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      std::int16_t zigzag[64];
      for (int k = 0; k < 64; ++k) zigzag[k] = plain[64 * i + dct::kZigzagToNatural[k]];
      count_slowly(zigzag, slow_counts);
    }
    EXERCISE_REQUIRE(plain_counts.ac == slow_counts.ac);
  }
}

// The mean length of codes of at most 16 bits cannot be below the entropy; nor a bit above that of Huffman's
// own bound, unless the limit of 16 bits lengthens them.
void test_codes() {
  for (std::uint64_t n = 0; n < 2000; ++n) {
    mutants::SplitMix random(n);
    std::vector<std::uint32_t> counts(256);
    const int num_symbols = 1 + static_cast<int>(random.below(256));
    const std::uint64_t steepness = random.below(32);
    for (int i = 0; i < num_symbols; ++i) {
      counts[i] = static_cast<std::uint32_t>(random.below(std::uint64_t{1} << random.below(1 + steepness)));
    }
    const markers::HuffmanSpec spec = best_codes(counts.data(), num_symbols);
    unsigned codes = 0, room = 0;
    double bits = 0, total = 0, entropy = 0;
    std::vector<int> length(256);
    for (int size = 1; size <= 16; ++size) {
      for (int i = 0; i < spec.bits[size]; ++i) length[spec.values[codes++]] = size;
      room += static_cast<unsigned>(spec.bits[size]) << (16 - size);
    }
    EXERCISE_REQUIRE(room < 1U << 16);  // the code of all ones is free
    for (int i = 0; i < 256; ++i) {
      EXERCISE_REQUIRE((length[i] > 0) == (counts[i] > 0));
      bits += static_cast<double>(counts[i]) * length[i];
      total += counts[i];
    }
    for (const std::uint32_t count : counts) {
      if (count > 0) entropy -= count * std::log2(count / total);
    }
    EXERCISE_REQUIRE(bits >= entropy - 1e-6);
    EXERCISE_REQUIRE(bits <= entropy + 1.1 * total + 32);
  }
  // Fibonacci's numbers make the deepest tree there is: 16 bits have to do.
  std::vector<std::uint32_t> fibonacci = {1, 1};
  while (fibonacci.size() < 40) fibonacci.push_back(fibonacci.end()[-1] + fibonacci.end()[-2]);
  const markers::HuffmanSpec deep = best_codes(fibonacci.data(), 40);
  EXERCISE_REQUIRE(std::accumulate(deep.bits.begin(), deep.bits.end(), 0) == 40);
}

}  // namespace

int main() {
  test_counting();
  test_codes();
  std::puts("symbols: all hold");
  return 0;
}
