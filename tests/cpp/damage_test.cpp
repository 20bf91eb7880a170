// Replays files and numbered mutants through the public interface. Built with sanitizers this is the memory
// check of every continuous-integration run.
//
//   damage_test [--mutants COUNT] [FILE OR FOLDER ...]
#include <cinttypes>
#include <cstring>

#include "exercise.h"
#include "exercise_prune.h"
#include "mutants.h"

namespace {

using dctdecode::Bytes;

// A copy of exactly its size, so that a read one byte past the end is seen.
void replay(dctdecode::Decoder& decoder, const mutants::File& file) {
  const std::vector<std::uint8_t> exact(file.begin(), file.end());
  const Bytes bytes{exact.data(), exact.size()};
  exercise::all_planes(decoder, bytes, exercise::small_limits());
  exercise::all_plans(decoder, bytes, exercise::small_limits());
  mutants::SplitMix random(file.size());
  const auto draw = [&random](unsigned below) { return static_cast<unsigned>(random.below(below)); };
  exercise::some_plan(decoder, bytes, exercise::small_limits(), draw);
  exercise::some_pruning(decoder, bytes, exercise::small_limits(), draw);
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t num_mutants = 2000;
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--mutants") == 0 && i + 1 < count) {
      num_mutants = std::strtoull(arguments[++i], nullptr, 10);
    } else {
      for (const auto& path : mutants::files_below(arguments[i])) paths.push_back(path);
    }
  }
  const std::vector<mutants::File> seeds = mutants::small_files();
  if (seeds.empty()) {
    std::fprintf(stderr, "no files in %s\n", DCTDECODE_SMALL_FILES);
    return 1;
  }
  dctdecode::Decoder decoder;
  for (const auto& path : paths) replay(decoder, mutants::load(path));
  for (const mutants::File& seed : seeds) replay(decoder, seed);
  for (std::uint64_t n = 0; n < num_mutants; ++n) replay(decoder, mutants::mutant(seeds, n));
  std::printf("%zu files, %" PRIu64 " mutants\n", paths.size() + seeds.size(), num_mutants);
  return 0;
}
