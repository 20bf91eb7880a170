// The resampling operator alone, without entropy decoding: building its axes and applying it. See native.py,
// which calls it; on one core if the caller pins it.
//
//   geometry_native ROUNDS FOLDER < LIST
//
// LIST has a line "TOP LEFT HEIGHT WIDTH PATH" an image: a crop of a JPEG, in px. Each is read once; then,
// round by round, the axes of its crop to 56 x 56 blocks are built and "square-24" is computed from its
// coefficients, over and over. FOLDER gets the 24 channels of image i as i.f32, by which the caller can hold
// them against others. Printed as JSON: for every image the seconds that building and applying took, a figure
// a round.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "dct/axis.h"
#include "dct/resample.h"
#include "dctdecode/decode.h"
#include "dctdecode/version.h"

namespace {

namespace dd = dctdecode;
namespace dct = dctdecode::dct;
using Clock = std::chrono::steady_clock;

constexpr int kOutBlocks = 56;
constexpr int kImagesAPass = 64;      // the operator takes a fraction of a millisecond
constexpr int kSides[3] = {4, 2, 2};  // of the square of frequencies of Y, Cb, Cr
constexpr int kFirst[3] = {0, 16, 20};
constexpr std::size_t kArea = std::size_t{kOutBlocks} * kOutBlocks;

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(EXIT_FAILURE);
}

struct Box {
  int top = 0, left = 0, height = 0, width = 0;
};

// A crop's axis in a component's samples; the whole of it is what csrc/geometry.cpp does for any geometry.
dct::AxisSpec axis_of(int first_px, int count_px, int samples, int factor, int factor_max, int k_out) {
  dct::AxisSpec spec;
  spec.start = static_cast<double>(first_px) * factor / factor_max;
  spec.stop = static_cast<double>(first_px + count_px) * factor / factor_max;
  spec.lo = static_cast<int>(std::floor(spec.start));
  spec.hi = std::min(samples, static_cast<int>(std::ceil(spec.stop)));
  spec.out_blocks = kOutBlocks;
  spec.k_out = k_out;
  return spec;
}

class Image {
 public:
  Image(const std::string& path, const Box& box) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<std::uint8_t> bytes(std::istreambuf_iterator<char>(in), {});
    const dd::Bytes view{bytes.data(), bytes.size()};
    require(path, dd::read_header(view, {}, header_));
    if (header_.num_components != 3) stop(path + ": has not three components");
    std::vector<dd::PlaneView> views;
    for (int c = 0; c < 3; ++c) {
      const dd::Component& component = header_.components[c];
      blocks_[c].resize(std::size_t{64} * component.height_blocks * component.width_blocks);
      views.push_back({blocks_[c].data()});
    }
    dd::Report report;
    require(path, dd::Decoder().read_planes(view, {}, true, {}, header_, views, report));
    for (int c = 0; c < 3; ++c) specify(c, box);
  }

  // Cr's axes are Cb's, and Cb's are luma's where it has luma's resolution.
  void build() {
    for (int c = 0; c < 2; ++c) {
      if (c == 1 && is_shared()) continue;
      for (int axis = 0; axis < 2; ++axis) {
        axes_[c][axis].spec = {};  // else building the same again does nothing
        dct::build_axis(specs_[c][axis], axes_[c][axis]);
      }
    }
  }

  void apply(std::vector<float>& out) {
    for (int c = 0; c < 3; ++c) {
      const dct::Axis* axes = axes_[c == 0 || is_shared() ? 0 : 1];
      const dd::Component& component = header_.components[c];
      dct::Plane plane;
      plane.blocks = blocks_[c].data();
      plane.width_blocks = component.width_blocks;
      for (int i = 0; i < kOutBlocks; ++i) {
        wanted_.clear();
        for (int v = 0; v < kSides[c]; ++v) {
          for (int u = 0; u < kSides[c]; ++u) {
            const std::size_t channel = kFirst[c] + v * kSides[c] + u;
            wanted_.push_back({static_cast<std::uint8_t>(8 * v + u),
                               out.data() + channel * kArea + std::size_t{kOutBlocks} * i});
          }
        }
        dct::resample_row(i, axes[0], axes[1], plane, component.quant.data(), wanted_.data(),
                          static_cast<int>(wanted_.size()), columns_[c]);
      }
    }
  }

 private:
  static void require(const std::string& path, const dd::Outcome& outcome) {
    if (!outcome) stop(path + ": " + outcome.message);
  }
  bool is_shared() const {
    const dd::Component& chroma = header_.components[1];
    return chroma.v == header_.components[0].v && chroma.h == header_.components[0].h;
  }
  void specify(int c, const Box& box) {
    const dd::Component& component = header_.components[c];
    specs_[c][0] =
        axis_of(box.top, box.height, component.height_samples, component.v, header_.v_max, kSides[c]);
    specs_[c][1] =
        axis_of(box.left, box.width, component.width_samples, component.h, header_.h_max, kSides[c]);
  }

  dd::Header header_;
  std::vector<std::int16_t> blocks_[3];
  dct::AxisSpec specs_[3][2];
  dct::Axis axes_[2][2];
  dct::Columns columns_[3];
  std::vector<dct::Wanted> wanted_;
};

// Seconds an image.
template <class Call>
double pass(Call call) {
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < kImagesAPass; ++i) call();
  return std::chrono::duration<double>(Clock::now() - start).count() / kImagesAPass;
}

void write(const std::string& path, const std::vector<float>& values) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!file) stop(path + ": cannot be written");
}

void print(const char* name, const std::vector<double>& seconds) {
  std::printf("\"%s\": [", name);
  for (std::size_t i = 0; i < seconds.size(); ++i) std::printf("%s%.9g", i > 0 ? ", " : "", seconds[i]);
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? std::atoi(argv[1]) : 0;
  if (rounds < 1) stop("usage: geometry_native ROUNDS FOLDER < LIST");
  std::vector<Image> images;
  std::vector<float> out(24 * kArea);
  Box box;
  std::string path;
  while (std::cin >> box.top >> box.left >> box.height >> box.width &&
         std::getline(std::cin >> std::ws, path)) {
    Image& image = images.emplace_back(path, box);
    image.build();
    image.apply(out);
    write(std::string(argv[2]) + "/" + std::to_string(images.size() - 1) + ".f32", out);
  }
  std::vector<std::vector<double>> build(images.size()), apply(images.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < images.size(); ++i) {
      build[i].push_back(pass([&] { images[i].build(); }));
      apply[i].push_back(pass([&] { images[i].apply(out); }));
    }
  }
  std::printf("{\"compiler\": \"%s\", \"libjpeg-turbo\": \"%s\", \"images\": [", __VERSION__,
              dd::libjpeg_version().compiled.c_str());
  for (std::size_t i = 0; i < images.size(); ++i) {
    std::printf("%s\n{", i > 0 ? "," : "");
    print("build", build[i]);
    std::printf(", ");
    print("apply", apply[i]);
    std::printf("}");
  }
  std::printf("]}\n");
  return EXIT_SUCCESS;
}
