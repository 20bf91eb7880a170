// Our decoder against libjpeg-turbo, on written files, damaged copies of them, and on files given as
// arguments or in DCTDECODE_TEST_JPEGS (files or folders, separated by colons). --mutants N sets the number
// of damaged copies, --report lists the files that fall back.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "entropy_compare.h"
#include "entropy_writer.h"

namespace {

using Buffer = std::vector<std::uint8_t>;
namespace test = entropy_test;

class Tally {
 public:
  void check(const Buffer& file, const std::string& name, bool must_decode) {
    // An exact allocation, so that a sanitizer sees every read beyond it.
    const Buffer exact(file.begin(), file.end());
    const test::Verdict verdict = test::compare(workspace_, {exact.data(), exact.size()}, random_);
    ++files_;
    if (verdict.fell_back.empty()) ++decoded_;
    if (verdict.oracle_clean) ++clean_;
    if (verdict.oracle_clean && !verdict.fell_back.empty()) ++reasons_[verdict.fell_back];
    if (report_ && verdict.oracle_clean && !verdict.fell_back.empty()) {
      std::printf("%s: %s\n", name.c_str(), verdict.fell_back.c_str());
    }
    std::string fault = verdict.fault;
    if (fault.empty() && must_decode && !verdict.fell_back.empty()) fault = "fell back: " + verdict.fell_back;
    if (fault.empty()) return;
    ++failures_;
    std::printf("FAILED %s: %s\n", name.c_str(), fault.c_str());
    if (const char* folder = std::getenv("DCTDECODE_TEST_KEEP")) {
      std::ofstream out(std::string(folder) + "/failure" + std::to_string(failures_) + ".jpg",
                        std::ios::binary);
      out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    }
  }
  void print(const char* what) {
    std::printf("%s: %d files, %d clean for libjpeg-turbo, %d decoded, %d failures\n", what, files_, clean_,
                decoded_, failures_);
    for (const auto& [reason, count] : reasons_)
      std::printf("  clean, fell back: %d %s\n", count, reason.c_str());
    total_failures_ += failures_;
    files_ = clean_ = decoded_ = failures_ = 0;
    reasons_.clear();
  }
  int failures() const { return total_failures_; }
  void report() { report_ = true; }

 private:
  dctdecode::entropy::Workspace workspace_;
  std::mt19937 random_{1};
  std::map<std::string, int> reasons_;
  bool report_ = false;
  int files_ = 0, clean_ = 0, decoded_ = 0, failures_ = 0, total_failures_ = 0;
};

Buffer damaged(Buffer file, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return random() % n; };
  for (std::size_t edits = 1 + below(3); edits > 0 && file.size() > 8; --edits) {
    const std::size_t at = below(file.size());
    const auto byte = static_cast<std::uint8_t>(random());
    switch (below(8)) {
      case 0:
        file.resize(at);
        break;
      case 1:
        file.erase(file.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 2:
        file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), byte);
        break;
      case 3:
        file[at] = 0xFF;
        break;
      case 4:
        file[at] = static_cast<std::uint8_t>(0xC0 + below(64));
        break;
      case 5:
        file[at] = byte;
        break;
      case 6:  // near the end of the scan
        file[file.size() - 1 - below(std::min<std::size_t>(file.size(), 12))] = byte;
        break;
      default:
        file[at] ^= static_cast<std::uint8_t>(1U << below(8));
    }
  }
  return file;
}

Buffer read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Buffer(std::istreambuf_iterator<char>(in), {});
}

std::vector<std::string> files_below(const std::string& root) {
  std::vector<std::string> files;
  if (std::filesystem::is_directory(root)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(root);
  }
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int mutants = 20000;
  std::vector<std::string> roots;
  Tally tally;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--mutants" && i + 1 < argc) {
      mutants = std::atoi(argv[++i]);
    } else if (argument == "--report") {
      tally.report();
    } else {
      roots.push_back(argument);
    }
  }
  if (const char* listed = std::getenv("DCTDECODE_TEST_JPEGS")) {
    std::istringstream stream(listed);
    for (std::string root; std::getline(stream, root, ':');) roots.push_back(root);
  }

  std::vector<Buffer> seeds;
  const std::vector<test::Shape> shapes = test::many_shapes(7, 600);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    seeds.push_back(test::Writer(shapes[i], static_cast<std::uint32_t>(i)).write());
    tally.check(seeds.back(), "written file " + std::to_string(i), true);
  }
  tally.print("written");

  std::mt19937 random(2);
  for (int i = 0; i < mutants; ++i) {
    tally.check(damaged(seeds[random() % seeds.size()], random), "mutant " + std::to_string(i), false);
  }
  tally.print("mutants of written files");

  seeds.clear();
  for (const std::string& root : roots) {
    for (const std::string& path : files_below(root)) {
      const Buffer file = read(path);
      tally.check(file, path, false);
      if (file.size() < 40000) seeds.push_back(file);
    }
    tally.print(root.c_str());
  }
  for (int i = 0; i < mutants && !seeds.empty(); ++i) {
    tally.check(damaged(seeds[random() % seeds.size()], random), "mutant of a file " + std::to_string(i),
                false);
  }
  if (!seeds.empty()) tally.print("mutants of given files");
  return tally.failures() == 0 ? 0 : 1;
}
