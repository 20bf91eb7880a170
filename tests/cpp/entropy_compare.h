// Holds one file against libjpeg-turbo: planes, streaming, frequency limits and regions.
#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "dct/zigzag.h"
#include "entropy/decode.h"
#include "entropy_oracle.h"
#include "markers/parse.h"

namespace entropy_test {

namespace dd = dctdecode;

// Keeps what a sink is handed, as planes.
class KeepingSink final : public dd::entropy::RowSink {
 public:
  KeepingSink(const dd::Header& header, Planes& planes) : header_(header), planes_(planes) {}
  void take(const std::array<dd::entropy::BlockRows, dd::kMaxComponents>& rows) override {
    for (int c = 0; c < header_.num_components; ++c) {
      if (rows[c].num_rows == 0) continue;
      const auto width = static_cast<std::size_t>(header_.components[c].width_blocks);
      if (rows[c].first_row < next_row_[c]) out_of_order = true;
      next_row_[c] = rows[c].first_row + rows[c].num_rows;
      for (int r = 0; r < rows[c].num_rows; ++r) {
        std::memcpy(planes_[c].data() + (rows[c].first_row + r) * width * 64,
                    rows[c].data + r * rows[c].stride_blocks * 64, width * 64 * sizeof(std::int16_t));
      }
    }
  }
  bool out_of_order = false;

 private:
  const dd::Header& header_;
  Planes& planes_;
  std::array<int, dd::kMaxComponents> next_row_{};
};

inline Planes planes_for(const dd::Header& header, std::int16_t fill) {
  Planes planes;
  for (int c = 0; c < header.num_components; ++c) {
    const dd::Component& component = header.components[c];
    planes[c].assign(static_cast<std::size_t>(component.height_blocks) * component.width_blocks * 64, fill);
  }
  return planes;
}

// Empty, or what is wrong with the wanted part of `got`. `untouched`: the value outside of it.
inline std::string difference(const dd::Header& header, const dd::entropy::Request& request,
                              const Planes& got, const Planes& truth, const std::int16_t* untouched) {
  for (int c = 0; c < header.num_components; ++c) {
    const dd::entropy::Want& want = request.components[c];
    const dd::Component& component = header.components[c];
    for (int row = 0; row < component.height_blocks; ++row) {
      for (int column = 0; column < component.width_blocks; ++column) {
        const std::size_t at = (static_cast<std::size_t>(row) * component.width_blocks + column) * 64;
        const bool wanted = want.last >= 0 && row >= want.row_begin && row < want.row_end &&
                            column >= want.column_begin && column < want.column_end;
        for (int k = 0; k < 64; ++k) {
          const std::int16_t value = got[c][at + k], right = truth[c][at + k];
          const bool good = !wanted ? untouched == nullptr || value == *untouched
                            : dd::dct::kNaturalToZigzag[k] <= want.last ? value == right
                                                                        : value == right || value == 0;
          if (good) continue;
          char text[160];
          std::snprintf(text, sizeof text,
                        "component %d row %d column %d index %d: %d instead of %d (wanted %d)", c, row,
                        column, k, value, right, wanted);
          return text;
        }
      }
    }
  }
  return {};
}

inline dd::entropy::Request random_request(const dd::Header& header, std::mt19937& random) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  dd::entropy::Request request;
  for (int c = 0; c < header.num_components; ++c) {
    dd::entropy::Want& want = request.components[c];
    want.last = below(4) == 0 ? below(65) - 1 : below(3) == 0 ? 24 : 63;
    if (below(2) == 0) continue;
    want.row_begin = below(header.components[c].height_blocks + 1);
    want.row_end = want.row_begin + below(header.components[c].height_blocks + 1);
    want.column_begin = below(header.components[c].width_blocks + 1);
    want.column_end = want.column_begin + below(header.components[c].width_blocks + 1);
  }
  return request;
}

struct Verdict {
  std::string fault;      // empty: ours agrees, or falls back
  std::string fell_back;  // reason; empty: decoded
  bool oracle_clean = false;
};

inline Verdict compare(dd::entropy::Workspace& workspace, dd::Bytes source, std::mt19937& random) {
  Verdict verdict;
  dd::markers::Stream stream;
  dd::markers::Scan scan;
  const bool soi = source.size >= 2 && source.data[0] == 0xFF && source.data[1] == 0xD8;
  const bool found = soi && dd::markers::next_scan(source, 2, stream, scan) == dd::markers::Found::scan;
  const double pixels = double{1} * stream.header.width_px * stream.header.height_px;
  if (pixels > double{1 << 26}) {
    verdict.fell_back = "too large to test";
    return verdict;
  }
  const Oracle oracle = ask_libjpeg(source);
  verdict.oracle_clean = oracle.clean();
  if (!found) {
    verdict.fell_back = "no regular scan";
    return verdict;
  }
  constexpr std::int16_t kFill = 0x5A5A;
  // Every file: everything, as planes. Then a random part, as planes and streamed.
  for (int turn = 0; turn < 4; ++turn) {
    const bool streamed = turn % 2 == 1;
    dd::entropy::Request request;
    if (turn >= 2) request = random_request(stream.header, random);
    Planes planes = planes_for(stream.header, kFill);
    KeepingSink sink(stream.header, planes);
    std::array<std::int16_t*, dd::kMaxComponents> pointers{};
    for (int c = 0; c < stream.header.num_components; ++c) pointers[c] = planes[c].data();
    const dd::entropy::Result result = streamed
                                           ? workspace.decode_rows(source, stream, scan, request, sink)
                                           : workspace.decode_planes(source, stream, scan, request, pointers);
    const bool ok = result.end == dd::entropy::End::ok;
    if (turn == 0 && !ok) verdict.fell_back = result.reason;
    if (ok != verdict.fell_back.empty()) verdict.fault = "whether to fall back depends on the request";
    if (!ok) continue;
    if (!oracle.clean()) verdict.fault = oracle.error ? "libjpeg-turbo refuses it" : "libjpeg-turbo warns";
    if (!verdict.fault.empty()) return verdict;
    if (sink.out_of_order) verdict.fault = "rows out of order";
    const std::string wrong =
        difference(stream.header, request, planes, oracle.planes, streamed ? nullptr : &kFill);
    if (!wrong.empty()) verdict.fault = wrong;
    for (int c = 0; c < stream.header.num_components; ++c) {
      if (result.quant[c] != oracle.quant[c]) verdict.fault = "quantisation table";
    }
    if (!verdict.fault.empty()) return verdict;
  }
  if (!verdict.fell_back.empty() || oracle.planes[0].empty()) return verdict;
  // Stopping behind the last wanted row changes nothing above it.
  dd::entropy::Request request = random_request(stream.header, random);
  request.stop_early = true;
  Planes planes = planes_for(stream.header, kFill);
  KeepingSink sink(stream.header, planes);
  const dd::entropy::Result result = workspace.decode_rows(source, stream, scan, request, sink);
  if (result.end != dd::entropy::End::ok) verdict.fault = "stopping early falls back";
  if (verdict.fault.empty()) {
    verdict.fault = difference(stream.header, request, planes, oracle.planes, nullptr);
  }
  return verdict;
}

}  // namespace entropy_test
