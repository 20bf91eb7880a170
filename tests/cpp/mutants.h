// Numbered mutants of tests/data/small, byte for byte those of tests/faults.py: a number that fails under a
// sanitizer here can be looked at in Python.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace mutants {

using File = std::vector<std::uint8_t>;

inline File load(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// All files below `root` (or `root` itself), by path; `suffix` "" takes every one.
inline std::vector<std::filesystem::path> files_below(const std::filesystem::path& root,
                                                      const std::string& suffix = "") {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_regular_file(root)) return {root};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && (suffix.empty() || entry.path().extension() == suffix)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline std::vector<File> small_files() {
  std::vector<File> files;
  for (const auto& path : files_below(DCTDECODE_SMALL_FILES, ".jpg")) files.push_back(load(path));
  return files;
}

// Steele, Lea, Flood 2014 (SplitMix64).
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return (z ^ (z >> 31)) % bound;
  }

 private:
  std::uint64_t state_;
};

// A bit, a telling byte in the header, some bytes lost or doubled, or the end cut off.
inline void change(File& data, SplitMix& draw) {
  static constexpr std::uint8_t kInteresting[] = {0,    1,    2,    3,    4,    5,    9,    0x11, 0x22, 0x44,
                                                  0x7F, 0x80, 0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xFF};
  const auto offset = [&](std::uint64_t at) { return data.begin() + static_cast<std::ptrdiff_t>(at); };
  const std::uint64_t kind = draw.below(5);
  if (kind == 0) {
    const std::uint64_t at = draw.below(data.size());
    data[at] ^= static_cast<std::uint8_t>(1U << draw.below(8));
  } else if (kind == 1) {
    const std::uint64_t at = draw.below(std::min<std::uint64_t>(data.size(), 700));
    data[at] = kInteresting[draw.below(std::size(kInteresting))];
  } else if (kind == 2) {
    const std::uint64_t at = draw.below(data.size());
    const std::uint64_t count = 1 + draw.below(39);
    data.erase(offset(at), offset(std::min<std::uint64_t>(at + count, data.size())));
  } else if (kind == 3) {
    const std::uint64_t at = draw.below(data.size());
    const std::uint64_t count = 1 + draw.below(39);
    const File copy(offset(at), offset(std::min<std::uint64_t>(at + count, data.size())));
    data.insert(offset(at), copy.begin(), copy.end());
  } else {
    data.resize(1 + draw.below(data.size() - 1));
  }
}

inline File mutant(const std::vector<File>& seeds, std::uint64_t number) {
  SplitMix draw(number);
  File data = seeds[draw.below(seeds.size())];
  for (std::uint64_t left = 1 + draw.below(4); left > 0 && data.size() >= 2; --left) change(data, draw);
  return data;
}

}  // namespace mutants
