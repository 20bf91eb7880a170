// Eight threads, a Decoder each, over the same files and mutants at once: equal results on all of them.
// Meant for -fsanitize=thread; without it, it still compares.
#include <thread>

#include "exercise.h"
#include "mutants.h"

namespace {

constexpr int kThreads = 8, kImages = 400;

std::uint64_t digest(const exercise::PlanesResult& result) {
  std::uint64_t hash = static_cast<std::uint64_t>(result.outcome.status) + 1;
  for (const auto& plane : result.planes) {
    if (!result.outcome) break;  // what a failed call left behind is nobody's business
    for (const std::int16_t value : plane) hash = hash * 31 + static_cast<std::uint16_t>(value);
  }
  return hash;
}

std::uint64_t digest(const exercise::ReadResult& result) {
  std::uint64_t hash = static_cast<std::uint64_t>(result.outcome.status) + 1;
  if (!result.outcome) return hash;
  for (const unsigned char byte : result.tensor) hash = hash * 31 + byte;
  return hash;
}

std::vector<std::uint64_t> decode_all(const std::vector<mutants::File>& files, int first) {
  dctdecode::Decoder decoder;
  const std::vector<dctdecode::Plan> plans = exercise::plans();
  std::vector<std::uint64_t> digests(files.size());
  for (std::size_t n = 0; n < files.size(); ++n) {  // each thread begins elsewhere
    const std::size_t i = (n + static_cast<std::size_t>(first)) % files.size();
    const dctdecode::Bytes bytes{files[i].data(), files[i].size()};
    const dctdecode::Limits limits = exercise::small_limits();
    digests[i] = digest(exercise::read_planes(decoder, bytes, limits, i % 2 == 0, 0x55AA)) ^
                 digest(exercise::read(decoder, bytes, limits, plans[i % plans.size()], 0x77));
  }
  return digests;
}

}  // namespace

int main() {
  std::vector<mutants::File> files = mutants::small_files();
  const std::vector<mutants::File> seeds = files;
  for (int n = 0; n < kImages; ++n) files.push_back(mutants::mutant(seeds, static_cast<std::uint64_t>(n)));

  std::vector<std::vector<std::uint64_t>> found(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back(
        [&files, &found, t] { found[static_cast<std::size_t>(t)] = decode_all(files, 37 * t); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<std::uint64_t> alone = decode_all(files, 0);
  for (const auto& digests : found) EXERCISE_REQUIRE(digests == alone);
  return 0;
}
