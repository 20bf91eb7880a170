// Entropy decoding: ours against jpeg_read_coefficients with its memory reused, on one core.
//
//   entropy_bench [--rounds N] [--limit N] [--only MODE] FOLDER_OR_FILE...
//
// Every file is decoded once by both and compared before anything is timed. Then, for every file and round,
// the decoders take turns. Printed per sampling class: the sum over files of the median time, and the ratio.
//   planes       all coefficients to int16 planes
//   stream       all coefficients, block rows handed to a sink that does nothing
//   parse        nothing wanted: what is left is finding the codes
//   limited      as square24, but nothing is gathered
//   square24     the channels of square-24: luma up to zigzag 24, chroma up to 4 (4:2:0: all frequencies of
//                chroma, which upsampling needs), gathered to float32 rows
// --only runs one mode `rounds` times without libjpeg-turbo: for callgrind and perf.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "dct/gather.h"
#include "entropy/decode.h"
#include "entropy_oracle.h"
#include "markers/parse.h"

namespace {

namespace dd = dctdecode;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct File {
  std::string path;
  std::vector<std::uint8_t> bytes;
  std::string sampling;
  dd::Bytes view() const { return {bytes.data(), bytes.size()}; }
};

// What a user of libjpeg-turbo would keep between images.
class Libjpeg {
 public:
  Libjpeg() {
    info_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&info_);
  }
  ~Libjpeg() { jpeg_destroy_decompress(&info_); }
  void decode(const File& file) {
    jpeg_mem_src(&info_, file.bytes.data(), static_cast<unsigned long>(file.bytes.size()));
    jpeg_read_header(&info_, TRUE);
    jpeg_read_coefficients(&info_);
    jpeg_abort_decompress(&info_);
  }

 private:
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
};

class IdleSink final : public dd::entropy::RowSink {
 public:
  void take(const std::array<dd::entropy::BlockRows, dd::kMaxComponents>&) override {}
};

class GatherSink final : public dd::entropy::RowSink {
 public:
  void prepare(const dd::Header& header, const std::array<std::vector<std::uint8_t>, 3>& channels) {
    header_ = &header;
    channels_ = &channels;
    std::size_t elements = 0;
    for (int c = 0; c < header.num_components; ++c) {
      const dd::Component& component = header.components[c];
      plane_size_[c] = static_cast<std::size_t>(component.height_blocks) * component.width_blocks;
      first_[c] = elements;
      elements += plane_size_[c] * channels[c].size();
    }
    if (output_.size() < elements) output_.resize(elements);
  }
  void take(const std::array<dd::entropy::BlockRows, dd::kMaxComponents>& rows) override {
    std::array<dd::dct::Pick, 64> picks;
    for (int c = 0; c < header_->num_components; ++c) {
      const dd::Component& component = header_->components[c];
      for (int r = 0; r < rows[c].num_rows; ++r) {
        const auto row = static_cast<std::size_t>(rows[c].first_row + r);
        int n = 0;
        for (const std::uint8_t index : (*channels_)[c]) {
          float* to = output_.data() + first_[c] + static_cast<std::size_t>(n) * plane_size_[c] +
                      row * static_cast<std::size_t>(component.width_blocks);
          picks[static_cast<std::size_t>(n++)] = {index, to, 0.0F, 1.0F};
        }
        if (!dd::dct::gather_row(rows[c].data + static_cast<std::size_t>(r) * rows[c].stride_blocks * 64,
                                 component.width_blocks, component.quant.data(), picks.data(), n,
                                 dd::DType::float32)) {
          std::abort();
        }
      }
    }
  }

 private:
  const dd::Header* header_ = nullptr;
  const std::array<std::vector<std::uint8_t>, 3>* channels_ = nullptr;
  std::array<std::size_t, dd::kMaxComponents> first_{}, plane_size_{};
  std::vector<float> output_;
};

class Ours {
 public:
  bool decode(const File& file, const std::string& mode) {
    stream_ = {};
    if (dd::markers::next_scan(file.view(), 2, stream_, scan_) != dd::markers::Found::scan) return false;
    const dd::Header& header = stream_.header;
    if (mode == "planes") {
      std::array<std::int16_t*, dd::kMaxComponents> planes{};
      for (int c = 0; c < header.num_components; ++c) {
        const std::size_t size = static_cast<std::size_t>(header.components[c].height_blocks) *
                                 static_cast<std::size_t>(header.components[c].width_blocks) * 64;
        if (planes_[c].size() < size) planes_[c].resize(size);
        planes[c] = planes_[c].data();
      }
      return finish(workspace_.decode_planes(file.view(), stream_, scan_, {}, planes));
    }
    if (mode == "stream") return finish(workspace_.decode_rows(file.view(), stream_, scan_, {}, idle_));
    dd::entropy::Request request;
    if (mode == "parse") {
      for (dd::entropy::Want& want : request.components) want.last = -1;
      return finish(workspace_.decode_rows(file.view(), stream_, scan_, request, idle_));
    }
    request.components[0].last = 24;
    const bool full = header.components[1].h == header.h_max && header.components[1].v == header.v_max;
    if (full) request.components[1].last = request.components[2].last = 4;
    if (mode == "limited") return finish(workspace_.decode_rows(file.view(), stream_, scan_, request, idle_));
    gather_.prepare(header, full ? kSquare24 : kSquare24AllChroma);
    return finish(workspace_.decode_rows(file.view(), stream_, scan_, request, gather_));
  }
  const entropy_test::Planes& planes() const { return planes_; }
  const dd::Header& header() const { return stream_.header; }

 private:
  static std::vector<std::uint8_t> square(int side) {
    std::vector<std::uint8_t> channels;
    for (int v = 0; v < side; ++v) {
      for (int u = 0; u < side; ++u) channels.push_back(static_cast<std::uint8_t>(8 * v + u));
    }
    return channels;
  }
  static bool finish(const dd::entropy::Result& result) { return result.end == dd::entropy::End::ok; }
  inline static const std::array<std::vector<std::uint8_t>, 3> kSquare24 = {square(4), square(2), square(2)};
  inline static const std::array<std::vector<std::uint8_t>, 3> kSquare24AllChroma = {square(4), square(8),
                                                                                     square(8)};
  dd::entropy::Workspace workspace_;
  dd::markers::Stream stream_;
  dd::markers::Scan scan_;
  entropy_test::Planes planes_;
  IdleSink idle_;
  GatherSink gather_;
};

// Baseline files of three components that both decode to the same.
std::vector<File> load(const std::vector<std::string>& roots, std::size_t limit) {
  std::vector<std::string> paths;
  for (const std::string& root : roots) {
    if (!std::filesystem::is_directory(root)) {
      paths.push_back(root);
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file()) paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<File> files;
  Ours ours;
  for (const std::string& path : paths) {
    if (files.size() == limit) break;
    std::ifstream in(path, std::ios::binary);
    File file{path, std::vector<std::uint8_t>(std::istreambuf_iterator<char>(in), {}), {}};
    if (!ours.decode(file, "planes") || ours.header().num_components != 3) continue;
    const entropy_test::Oracle oracle = entropy_test::ask_libjpeg(file.view());
    for (int c = 0; c < 3; ++c) {
      const auto& truth = oracle.planes[c];
      if (!oracle.clean() || !std::equal(truth.begin(), truth.end(), ours.planes()[c].begin())) {
        std::fprintf(stderr, "%s: differs from libjpeg-turbo\n", path.c_str());
        std::exit(1);
      }
    }
    const dd::Component& luma = ours.header().components[0];
    const dd::Component& chroma = ours.header().components[1];
    file.sampling = chroma.h == luma.h && chroma.v == luma.v                 ? "4:4:4"
                    : luma.h == 2 && luma.v == 2 && chroma.h * chroma.v == 1 ? "4:2:0"
                                                                             : "other";
    files.push_back(std::move(file));
  }
  return files;
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void compare_times(const std::vector<File>& files, int rounds) {
  const std::vector<std::string> modes = {"planes", "stream", "parse", "limited", "square24"};
  struct Row {
    int files = 0;
    double libjpeg = 0;
    std::array<double, 5> ours{};
    std::size_t bytes = 0;
  };
  std::map<std::string, Row> table;
  Libjpeg libjpeg;
  Ours ours;
  for (const File& file : files) {
    std::vector<double> theirs;
    std::array<std::vector<double>, 5> times;
    for (int round = 0; round < rounds; ++round) {
      Clock::time_point start = Clock::now();
      libjpeg.decode(file);
      theirs.push_back(ms_since(start));
      for (std::size_t m = 0; m < modes.size(); ++m) {
        start = Clock::now();
        if (!ours.decode(file, modes[m])) std::abort();
        times[m].push_back(ms_since(start));
      }
    }
    Row& row = table[file.sampling];
    ++row.files;
    row.bytes += file.bytes.size();
    row.libjpeg += median(theirs);
    for (std::size_t m = 0; m < modes.size(); ++m) row.ours[m] += median(times[m]);
  }
  std::printf("class  files  KB/file  libjpeg ms");
  for (const std::string& mode : modes) std::printf("  %8s ms   ratio", mode.c_str());
  std::printf("\n");
  for (const auto& [name, row] : table) {
    std::printf("%-6s %5d %8.1f %11.4f", name.c_str(), row.files, row.bytes / 1024.0 / row.files,
                row.libjpeg / row.files);
    for (const double time : row.ours) std::printf("  %11.4f  %5.2fx", time / row.files, row.libjpeg / time);
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 7;
  std::size_t limit = 1000;
  std::string only;
  std::vector<std::string> roots;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--rounds" && has_value) {
      rounds = std::atoi(argv[++i]);
    } else if (argument == "--limit" && has_value) {
      limit = static_cast<std::size_t>(std::atoi(argv[++i]));
    } else if (argument == "--only" && has_value) {
      only = argv[++i];
    } else {
      roots.push_back(argument);
    }
  }
  const std::vector<File> files = load(roots, limit);
  if (only.empty()) {
    compare_times(files, rounds);
    return 0;
  }
  Ours ours;
  const Clock::time_point start = Clock::now();
  for (int round = 0; round < rounds; ++round) {
    for (const File& file : files) ours.decode(file, only);
  }
  std::printf("%s: %.4f ms a file\n", only.c_str(),
              ms_since(start) / rounds / static_cast<double>(files.size()));
  return 0;
}
