// Pruning and encoding with the core's public interface, against libjpeg-turbo in the same process. See
// run.py, which calls it; on one core if the caller pins it.
//
//   pruning_native ROUNDS [CONTENDER] < LIST     LIST has pairs of lines: a group's name, a JPEG's path
//
// Answers are checked first; a difference ends the program. Then, round by round and group by group, each
// contender in turn (or CONTENDER alone, for a profiler) takes all files of the group from memory. Printed as
// JSON: seconds an image (group -> contender -> one figure a round).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dctdecode/decode.h"
#include "dctdecode/encode.h"
#include "dctdecode/version.h"
#include "turbo.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

namespace dd = dctdecode;
using Clock = std::chrono::steady_clock;
using Kept = std::array<std::uint64_t, 3>;

constexpr std::size_t kImagesAPass = 32;  // small groups are gone through more than once
constexpr int kQuality = 90;

// The published squares: the lowest side x side frequencies of luma, and of each chroma.
constexpr Kept square(int luma, int chroma) {
  Kept kept{};
  for (int c = 0; c < 3; ++c) {
    const int side = c == 0 ? luma : chroma;
    for (int k = 0; k < 64; ++k) {
      if (k / 8 < side && k % 8 < side) kept[c] |= std::uint64_t{1} << k;
    }
  }
  return kept;
}
constexpr Kept kSquare6 = square(2, 1), kSquare24 = square(4, 2), kSquare192 = square(8, 8);

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(EXIT_FAILURE);
}

struct File {
  std::string path;
  std::vector<std::uint8_t> bytes;
  std::unique_ptr<std::uint8_t, void (*)(void*)> pixels{nullptr, std::free};
  int height = 0, width = 0, channels = 0, v = 1, h = 1;
  dd::Bytes view() const { return {bytes.data(), bytes.size()}; }
};

// Memory is kept between images, as on our side.
struct Turbo {
  turbo_jpeg jpeg{};
  ~Turbo() { std::free(jpeg.bytes); }
  dd::Bytes transcode(const File& file) {
    turbo_transcode(file.bytes.data(), file.bytes.size(), &jpeg);
    return {jpeg.bytes, jpeg.size};
  }
  dd::Bytes encode(const File& file, bool accurate) {
    turbo_encode(file.pixels.get(), file.height, file.width, file.channels, kQuality, file.v, file.h,
                 accurate, &jpeg);
    return {jpeg.bytes, jpeg.size};
  }
};

struct Ours {
  dd::Decoder decoder;
  dd::Encoder encoder;
  dd::Limits limits;
  dd::Report report;

  void sound(const std::string& what, const dd::Outcome& outcome) {
    if (!outcome) stop(what + ": " + outcome.message);
  }
  dd::Bytes prune(const File& file, const Kept& kept, const dd::Geometry* geometry = nullptr) {
    dd::Header header;
    dd::Bytes jpeg;
    dd::Pruning pruning;
    pruning.kept = kept;
    report = {};
    sound(file.path, dd::read_header(file.view(), limits, header));
    sound(file.path, decoder.prune(file.view(), limits, pruning, geometry, {}, header, jpeg, report));
    return jpeg;
  }
  dd::Bytes encode(const File& file, const Kept& kept) {
    dd::Bytes jpeg;
    const dd::Pixels pixels{file.pixels.get(), static_cast<std::size_t>(file.width) * file.channels,
                            file.height, file.width, file.channels};
    sound(file.path, encoder.encode(pixels, {kept, kQuality, file.v, file.h}, {}, jpeg));
    return jpeg;
  }
};

struct Planes {
  dd::Header header;
  std::vector<std::vector<std::int16_t>> values;
};

Planes planes_of(dd::Bytes jpeg) {
  dd::Decoder decoder;
  dd::Report report;
  Planes planes;
  std::vector<dd::PlaneView> views;
  if (!dd::read_header(jpeg, {}, planes.header)) stop("a written JPEG has no header");
  for (int c = 0; c < planes.header.num_components; ++c) {
    const dd::Component& component = planes.header.components[c];
    planes.values.emplace_back(std::size_t{64} * component.height_blocks * component.width_blocks);
    views.push_back({planes.values.back().data()});
  }
  if (!decoder.read_planes(jpeg, {}, true, {}, planes.header, views, report))
    stop("a written JPEG is damaged");
  return planes;
}

// `whole` with the other frequencies at zero.
void require_kept(const std::string& path, const Planes& whole, const Planes& pruned, const Kept& kept) {
  if (whole.values.size() != pruned.values.size()) stop(path + ": another number of components");
  for (std::size_t c = 0; c < whole.values.size(); ++c) {
    if (whole.header.components[c].quant != pruned.header.components[c].quant) stop(path + ": other tables");
    for (std::size_t i = 0; i < whole.values[c].size(); ++i) {
      const int expected = (kept[c] >> (i % 64) & 1) != 0 ? whole.values[c][i] : 0;
      if (pruned.values[c][i] != expected) stop(path + ": other coefficients");
    }
  }
}

void check(const File& file, Ours& ours, Turbo& turbo) {
  const Planes stored = planes_of(file.view());
  require_kept(file.path, stored, planes_of(turbo.transcode(file)), kSquare192);
  const Planes encoded = planes_of(turbo.encode(file, true));
  for (const Kept& kept : {kSquare6, kSquare24, kSquare192}) {
    require_kept(file.path, stored, planes_of(ours.prune(file, kept)), kept);
    require_kept(file.path, encoded, planes_of(ours.encode(file, kept)), kept);
  }
}

using Contender = std::pair<std::string, std::function<void(const File&)>>;

double pass(const std::vector<File>& files, const std::function<void(const File&)>& run) {
  const std::size_t repeats = (kImagesAPass + files.size() - 1) / files.size();
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < repeats; ++i) {
    for (const File& file : files) run(file);
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  return elapsed.count() / static_cast<double>(repeats * files.size());
}

File load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) stop(path + ": cannot be read");
  File file;
  file.path = path;
  file.bytes.assign(std::istreambuf_iterator<char>(in), {});
  file.pixels.reset(
      turbo_pixels(file.bytes.data(), file.bytes.size(), &file.height, &file.width, &file.channels));
  dd::Header header;
  if (!dd::read_header(file.view(), {}, header)) stop(path + ": no header");
  file.v = std::min(header.v_max, 2);
  file.h = std::min(header.h_max, 2);
  return file;
}

using Seconds = std::map<std::string, std::map<std::string, std::vector<double>>>;

void print(const Seconds& seconds) {
  std::printf("{\"compiler\": \"%s\", \"libjpeg-turbo\": \"%s\", \"seconds\": {", __VERSION__,
              dd::libjpeg_version().compiled.c_str());
  const char* between_groups = "";
  for (const auto& [name, by_contender] : seconds) {
    std::printf("%s\n\"%s\": {", between_groups, name.c_str());
    between_groups = ",";
    const char* between = "";
    for (const auto& [contender, values] : by_contender) {
      std::printf("%s\"%s\": [", between, contender.c_str());
      between = ", ";
      for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.9f", i > 0 ? ", " : "", values[i]);
      std::printf("]");
    }
    std::printf("}");
  }
  std::printf("}}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc >= 2 ? std::atoi(argv[1]) : 0;
  const std::string only = argc >= 3 ? argv[2] : "";
  if (rounds < 1) stop("usage: pruning_native ROUNDS [CONTENDER] < LIST");
#ifdef __GLIBC__
  // What libjpeg frees stays with the process, so that the next image finds its pages in place.
  if (mallopt(M_MMAP_MAX, 0) == 0 || mallopt(M_TRIM_THRESHOLD, 1 << 30) == 0) stop("mallopt failed");
#endif
  Ours ours;
  Turbo turbo;
  std::map<std::string, std::vector<File>> groups;
  std::string group, path;
  while (std::getline(std::cin, group) && std::getline(std::cin, path)) {
    groups[group].push_back(load(path));
    if (only.empty()) check(groups[group].back(), ours, turbo);
  }
  const std::vector<Contender> contenders = {
      {"transcode", [&](const File& file) { turbo.transcode(file); }},
      {"prune 24", [&](const File& file) { ours.prune(file, kSquare24); }},
      {"prune 192", [&](const File& file) { ours.prune(file, kSquare192); }},
      {"turbo encode", [&](const File& file) { turbo.encode(file, true); }},
      {"turbo encode fast", [&](const File& file) { turbo.encode(file, false); }},
      {"encode 6", [&](const File& file) { ours.encode(file, kSquare6); }},
      {"encode 24", [&](const File& file) { ours.encode(file, kSquare24); }},
      {"encode 192", [&](const File& file) { ours.encode(file, kSquare192); }},
  };
  Seconds seconds;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, files] : groups) {
      for (const auto& [contender, run] : contenders) {
        if (only.empty() || only == contender) seconds[name][contender].push_back(pass(files, run));
      }
    }
  }
  print(seconds);
  return 0;
}
