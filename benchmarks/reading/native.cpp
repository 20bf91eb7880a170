// Reading coefficients with the core's public interface, against jpeg_read_coefficients. See run.py, which
// calls it; on one core if the caller pins it.
//
//   reading_native ROUNDS < LIST        LIST has pairs of lines: a group's name, a JPEG's path
//
// Every file is read by all contenders and compared first; a difference ends the program. Then, round by
// round and group by group, each contender in turn reads all files of the group from memory. Printed as JSON:
// seconds an image (group -> contender -> one figure a round), and of each file in the order of LIST the
// Adler-32 of its 24 channels, by which the caller can hold them against others.
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
#include "dctdecode/version.h"
#include "turbo.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

namespace dd = dctdecode;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kImagesAPass = 32;  // small groups are gone through more than once

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(EXIT_FAILURE);
}

struct File {
  std::string path;
  std::vector<std::uint8_t> bytes;
  dd::Bytes view() const { return {bytes.data(), bytes.size()}; }
};

using Groups = std::map<std::string, std::vector<File>>;

// The published "square-24": the lowest 4 x 4 frequencies of luma, 2 x 2 of each chroma.
dd::Plan square24() {
  dd::Plan plan;
  for (std::uint8_t component = 0; component < 3; ++component) {
    const int side = component == 0 ? 4 : 2;
    for (int v = 0; v < side; ++v) {
      for (int u = 0; u < side; ++u) {
        plan.channels.push_back({component, static_cast<std::uint8_t>(8 * v + u), 0.0F, 1.0F});
      }
    }
  }
  return plan;
}

// The public interface as a program would use it: one decoder, and memory for results that is kept.
class Ours {
 public:
  void read_planes(const File& file) {
    open(file);
    std::vector<dd::PlaneView> views;
    planes_.resize(std::max<std::size_t>(planes_.size(), header_.num_components));
    for (int c = 0; c < header_.num_components; ++c) {
      const dd::Component& component = header_.components[c];
      views.push_back({grown(planes_[c], dd::kBlockSize * blocks(component))});
    }
    finish(file, decoder_.read_planes(file.view(), limits_, true, {}, header_, views, report_));
  }

  void read24(const File& file) {
    open(file);
    float* data = grown(channels_, plan_.channels.size() * grid());
    finish(file, decoder_.read(file.view(), limits_, plan_, dd::native_geometry(header_), {}, header_, {data},
                               report_));
  }

  const dd::Header& header() const { return header_; }
  const dd::Plan& plan() const { return plan_; }
  const std::int16_t* plane(int c) const { return planes_[c].data(); }
  const float* channels() const { return channels_.data(); }
  std::size_t grid() const {
    return static_cast<std::size_t>(dd::ceil_div(header_.height_px, 8)) * dd::ceil_div(header_.width_px, 8);
  }

 private:
  static std::size_t blocks(const dd::Component& component) {
    return static_cast<std::size_t>(component.height_blocks) * component.width_blocks;
  }
  template <class T>
  static T* grown(std::vector<T>& memory, std::size_t size) {
    if (memory.size() < size) memory.resize(size);
    return memory.data();
  }
  void open(const File& file) {
    report_ = {};
    finish(file, dd::read_header(file.view(), limits_, header_));
  }
  static void finish(const File& file, const dd::Outcome& outcome) {
    if (!outcome) stop(file.path + ": " + outcome.message);
  }

  dd::Decoder decoder_;
  dd::Limits limits_;
  dd::Header header_;
  dd::Plan plan_ = square24();
  dd::Report report_;
  std::vector<std::vector<std::int16_t>> planes_;
  std::vector<float> channels_;
};

class Turbo {
 public:
  explicit Turbo(bool keep_memory) : reader_(turbo_new(keep_memory), turbo_free) {}
  void read(const File& file) {
    turbo_begin(reader_.get(), file.bytes.data(), file.bytes.size());
    turbo_end(reader_.get());
  }
  turbo* get() { return reader_.get(); }

 private:
  std::unique_ptr<turbo, void (*)(turbo*)> reader_;
};

bool same_planes(const Ours& ours, turbo* theirs) {
  for (int c = 0; c < ours.header().num_components; ++c) {
    const dd::Component& component = ours.header().components[c];
    const std::size_t row = static_cast<std::size_t>(component.width_blocks) * dd::kBlockSize;
    for (int y = 0; y < component.height_blocks; ++y) {
      const std::int16_t* mine = ours.plane(c) + static_cast<std::size_t>(y) * row;
      if (!std::equal(mine, mine + row, turbo_row(theirs, c, y))) return false;
    }
  }
  return true;
}

// Of the components on luma's grid, whose channels are the stored coefficients, dequantised. What upsampling
// makes of the others is held against the Python package's result, which run.py compares with pixels.
bool same_channels(const Ours& ours, turbo* theirs) {
  const dd::Header& header = ours.header();
  if (header.color_space != dd::ColorSpace::ycbcr && header.color_space != dd::ColorSpace::gray) return true;
  for (std::size_t n = 0; n < ours.plan().channels.size(); ++n) {
    const dd::Channel& channel = ours.plan().channels[n];
    const float* mine = ours.channels() + n * ours.grid();
    if (channel.component >= header.num_components) {
      if (!std::all_of(mine, mine + ours.grid(), [](float value) { return value == 0; })) return false;
      continue;
    }
    const dd::Component& component = header.components[channel.component];
    if (header.num_components > 1 && (component.h != header.h_max || component.v != header.v_max)) continue;
    const int quant = turbo_quant(theirs, channel.component)[channel.index];
    for (int y = 0; y < component.height_blocks; ++y) {
      const std::int16_t* row = turbo_row(theirs, channel.component, y);
      for (int x = 0; x < component.width_blocks; ++x) {
        if (*mine++ != static_cast<float>(row[dd::kBlockSize * x + channel.index] * quant)) return false;
      }
    }
  }
  return true;
}

std::uint32_t adler32(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  std::uint32_t a = 1, b = 0;
  for (std::size_t i = 0; i < size; ++i) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

std::uint32_t checked(const File& file, Ours& ours, Turbo& kept, Turbo& fresh) {
  ours.read_planes(file);
  ours.read24(file);
  for (Turbo* turbo : {&kept, &fresh}) {
    const int components = turbo_begin(turbo->get(), file.bytes.data(), file.bytes.size());
    if (components != ours.header().num_components || turbo_warnings(turbo->get()) != 0 ||
        !same_planes(ours, turbo->get()) || !same_channels(ours, turbo->get())) {
      stop(file.path + ": differs from libjpeg-turbo");
    }
    turbo_end(turbo->get());
  }
  return adler32(ours.channels(), ours.plan().channels.size() * ours.grid() * sizeof(float));
}

// Seconds an image.
double pass(const std::vector<File>& files, const std::function<void(const File&)>& read) {
  const std::size_t repeats = (kImagesAPass + files.size() - 1) / files.size();
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < repeats; ++i) {
    for (const File& file : files) read(file);
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  return elapsed.count() / static_cast<double>(repeats * files.size());
}

template <class T, class Print>
void print_list(const std::vector<T>& values, Print print) {
  std::printf("[");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) std::printf(", ");
    print(values[i]);
  }
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 2 ? std::atoi(argv[1]) : 0;
  if (rounds < 1) stop("usage: reading_native ROUNDS < LIST");
#ifdef __GLIBC__
  // What plain libjpeg frees stays with the process, so that the next image finds its pages in place.
  if (mallopt(M_MMAP_MAX, 0) == 0 || mallopt(M_TRIM_THRESHOLD, 1 << 30) == 0) stop("mallopt failed");
#endif

  Ours ours;
  Turbo kept(true), fresh(false);
  Groups groups;
  std::vector<std::uint32_t> checksums;
  std::string group, path;
  while (std::getline(std::cin, group) && std::getline(std::cin, path)) {
    std::ifstream in(path, std::ios::binary);
    if (!in) stop(path + ": cannot be read");
    File file{path, std::vector<std::uint8_t>(std::istreambuf_iterator<char>(in), {})};
    checksums.push_back(checked(file, ours, kept, fresh));
    groups[group].push_back(std::move(file));
  }

  const std::vector<std::pair<const char*, std::function<void(const File&)>>> contenders = {
      {"turbo kept", [&](const File& file) { kept.read(file); }},
      {"planes", [&](const File& file) { ours.read_planes(file); }},
      {"turbo malloc", [&](const File& file) { fresh.read(file); }},
      {"read 24 native", [&](const File& file) { ours.read24(file); }},
  };
  std::map<std::string, std::map<std::string, std::vector<double>>> seconds;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, files] : groups) {
      for (const auto& [contender, read] : contenders) seconds[name][contender].push_back(pass(files, read));
    }
  }

  std::printf("{\"compiler\": \"%s\", \"libjpeg-turbo\": \"%s\", \"checksums\": ", __VERSION__,
              dd::libjpeg_version().compiled.c_str());
  print_list(checksums, [](std::uint32_t value) { std::printf("%u", value); });
  std::printf(", \"seconds\": {");
  const char* between_groups = "";
  for (const auto& [name, by_contender] : seconds) {
    std::printf("%s\n\"%s\": {", between_groups, name.c_str());
    between_groups = ",";
    const char* between = "";
    for (const auto& [contender, values] : by_contender) {
      std::printf("%s\"%s\": ", between, contender.c_str());
      between = ", ";
      print_list(values, [](double value) { std::printf("%.9f", value); });
    }
    std::printf("}");
  }
  std::printf("}}\n");
  return 0;
}
