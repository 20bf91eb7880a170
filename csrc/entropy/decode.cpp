#include "entropy/decode.h"

#include <algorithm>
#include <new>

#include "entropy/scan.h"

namespace dctdecode::entropy {
namespace {

using Targets = std::array<Target, kMaxComponents>;

constexpr int kMaxDimension = 65500;  // libjpeg's JPEG_MAX_DIMENSION

Result fallback(const char* reason) {
  Result result;
  result.end = End::fallback;
  result.reason = reason;
  return result;
}

// Memory that is not cleared, only grows, and keeps its address until it grows.
class Blocks {
 public:
  std::int16_t* reserve(std::size_t blocks) {
    if (blocks > size_) {
      data_.reset();
      size_ = 0;
      data_.reset(new std::int16_t[blocks * kBlockSize]);
      size_ = blocks;
    }
    return data_.get();
  }
  void trim(std::size_t keep_bytes) {
    if (size_ * kBlockSize * sizeof(std::int16_t) <= keep_bytes) return;
    data_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<std::int16_t[]> data_;
  std::size_t size_ = 0;
};

const char* check_frame(const markers::Stream& stream) {
  const Header& header = stream.header;
  if (stream.sof != markers::SOF0 && stream.sof != markers::SOF1) return "not baseline Huffman coding";
  if (header.precision_bits != 8) return "not 8 bits a sample";
  if (header.height_px > kMaxDimension || header.width_px > kMaxDimension) return "too large for libjpeg";
  return nullptr;
}

const char* check_scan(const markers::Scan& scan, const ScanLayout& layout, unsigned covered) {
  if (scan.ss != 0 || scan.se != 63 || scan.ah != 0 || scan.al != 0) return "not a sequential scan";
  if (layout.blocks_per_mcu > kMaxBlocksInMcu) return "more than 10 blocks in an MCU";
  for (int i = 0; i < scan.num_components; ++i) {
    const markers::ScanComponent& c = scan.components[i];
    if ((covered >> c.component & 1U) != 0) return "a component in two scans";
    // libjpeg-turbo refuses a component that comes later in the scan than in the frame.
    if (c.component < i) return "components out of order";
    if (c.dc_selector >= markers::kNumTables || c.ac_selector >= markers::kNumTables) {
      return "Huffman table selector out of range";
    }
  }
  return nullptr;
}

Want clip(const Want& want, const Component& component) {
  Want clipped = want;
  clipped.last = std::min(want.last, 63);
  clipped.row_begin = std::clamp(want.row_begin, 0, component.height_blocks);
  clipped.row_end = std::clamp(want.row_end, clipped.row_begin, component.height_blocks);
  clipped.column_begin = std::clamp(want.column_begin, 0, component.width_blocks);
  clipped.column_end = std::clamp(want.column_end, clipped.column_begin, component.width_blocks);
  if (want.last < 0) clipped.row_end = clipped.row_begin;
  return clipped;
}

// Whether much of a component is parsed and not stored, so that a table for it pays. Without, a few blocks
// beyond the grid, and frequencies behind the last wanted one, are decoded for nothing.
bool is_skipping(const Want& want, const Component& component) {
  return want.last < kLastBeforeSkip || want.row_begin > 0 || want.row_end < component.height_blocks ||
         want.column_begin > 0 || want.column_end < component.width_blocks;
}

bool rows_remain(const Targets& targets, const markers::Scan& scan, const ScanLayout& layout, int mcu_row) {
  for (int i = 0; i < scan.num_components; ++i) {
    const Want& want = targets[scan.components[i].component].want;
    if (want.row_begin < want.row_end && want.row_end > mcu_row * layout.v[i]) return true;
  }
  return false;
}

BlockRows rows_between(const Target& target, int begin, int end) {
  BlockRows rows;
  rows.first_row = std::max(begin, target.want.row_begin);
  rows.num_rows = std::max(0, std::min(end, target.want.row_end) - rows.first_row);
  if (rows.num_rows == 0) return {};
  const int place = target.ring ? rows.first_row - begin : rows.first_row;
  rows.data = target.blocks + static_cast<std::size_t>(place) * target.stride_blocks * kBlockSize;
  rows.stride_blocks = target.stride_blocks;
  return rows;
}

void hand_out(RowSink& sink, const std::array<BlockRows, kMaxComponents>& rows) {
  if (std::any_of(rows.begin(), rows.end(), [](const BlockRows& r) { return r.num_rows > 0; })) {
    sink.take(rows);
  }
}

}  // namespace

struct Workspace::Memory {
  SegmentBuffer segment;
  TableCache<DcTable> dc_tables;
  TableCache<AcTable> ac_tables;
  Blocks blocks;           // a row of MCUs, or whole planes for multi-scan streaming
  markers::Stream stream;  // as of the scan at hand
  markers::Scan scan;
  Targets targets;
  Result result;

  Result decode(Bytes source, const Request& request, RowSink* sink);
  bool give_memory(const Request& request);
  bool decode_scans(Bytes source, const Request& request, RowSink* sink);
  bool decode_scan(Bytes source, const Request& request, Patience& patience, RowSink* sink);
  const char* set_tables(ScanDecoder& decoder);
  bool fail(const char* reason) {
    result = fallback(reason);
    return false;
  }
};

const char* Workspace::Memory::set_tables(ScanDecoder& decoder) {
  for (int i = 0; i < scan.num_components; ++i) {
    const markers::ScanComponent& c = scan.components[i];
    const markers::HuffmanSpec& dc_spec = stream.dc[c.dc_selector];
    const markers::HuffmanSpec& ac_spec = stream.ac[c.ac_selector];
    if (!dc_spec.defined || !ac_spec.defined) return "no Huffman table";
    const DcTable* dc = dc_tables.find(dc_spec);
    AcTable* ac = ac_tables.find(ac_spec);
    if (dc == nullptr || ac == nullptr) return "invalid Huffman table";
    const Component& component = stream.header.components[c.component];
    const bool skips = is_skipping(targets[c.component].want, component);
    if (skips && !ac->can_skip) add_skip(ac_spec, *ac);
    decoder.set_component(i, *dc, *ac, skips);
    if (!component.has_quant) return "no quantisation table";
    result.quant[c.component] = component.quant;
  }
  return nullptr;
}

// True: go on. False: `result` says how it ended.
bool Workspace::Memory::decode_scan(Bytes source, const Request& request, Patience& patience, RowSink* sink) {
  const ScanLayout layout = layout_of(stream.header, scan);
  const bool stop_early = request.stop_early && scan.num_components == stream.header.num_components;
  std::uint8_t* const bytes = segment.reserve(source.size - scan.data_offset + kReadAhead);
  ScanDecoder decoder(source, stream, scan, layout, bytes);
  if (const char* fault = set_tables(decoder)) return fail(fault);
  if (const char* fault = decoder.begin()) return fail(fault);
  for (int mcu_row = 0; mcu_row < layout.mcu_rows; ++mcu_row) {
    if (stop_early && !rows_remain(targets, scan, layout, mcu_row)) return true;
    if (const char* fault = decoder.decode_row(mcu_row, targets)) return fail(fault);
    if (sink != nullptr) {
      std::array<BlockRows, kMaxComponents> rows{};
      for (int i = 0; i < scan.num_components; ++i) {
        const int c = scan.components[i].component;
        rows[c] = rows_between(targets[c], mcu_row * layout.v[i], (mcu_row + 1) * layout.v[i]);
      }
      hand_out(*sink, rows);
    }
    if (patience.exhausted(layout.mcus_per_row * layout.blocks_per_mcu)) {
      result.end = End::cancelled;
      return false;
    }
  }
  result.end_offset = decoder.end_offset();
  if (const char* fault = decoder.finish()) return fail(fault);
  return true;
}

// Blocks for a sink: the rows of one MCU row where the file has one scan, else everything.
bool Workspace::Memory::give_memory(const Request& request) {
  const Header& header = stream.header;
  const bool ring = scan.num_components == header.num_components;
  const ScanLayout layout = layout_of(header, scan);
  std::array<std::size_t, kMaxComponents> rows{};
  std::size_t total = 0;
  for (int c = 0; c < header.num_components; ++c) {
    rows[c] = static_cast<std::size_t>(header.components[c].height_blocks);
  }
  for (int i = 0; ring && i < scan.num_components; ++i) {
    rows[scan.components[i].component] = static_cast<std::size_t>(layout.v[i]);
  }
  for (int c = 0; c < header.num_components; ++c) {
    if (targets[c].want.last >= 0) total += rows[c] * targets[c].stride_blocks;
  }
  if (total > request.max_memory_bytes / (kBlockSize * sizeof(std::int16_t))) return false;
  std::int16_t* next = blocks.reserve(total);
  for (int c = 0; c < header.num_components; ++c) {
    targets[c].ring = ring;
    targets[c].blocks = next;
    if (targets[c].want.last >= 0) next += rows[c] * targets[c].stride_blocks * kBlockSize;
  }
  return true;
}

// Every component exactly once, and an EOI behind the last scan.
bool Workspace::Memory::decode_scans(Bytes source, const Request& request, RowSink* sink) {
  const unsigned all = (1U << stream.header.num_components) - 1;
  Patience patience(request.poll);
  for (unsigned covered = 0;;) {
    if (const char* fault = check_scan(scan, layout_of(stream.header, scan), covered)) return fail(fault);
    if (!decode_scan(source, request, patience, sink)) return false;
    if (result.end_offset == 0) return true;
    for (int i = 0; i < scan.num_components; ++i) covered |= 1U << scan.components[i].component;
    const markers::Found found = markers::next_scan(source, result.end_offset, stream, scan);
    if (found == markers::Found::irregular) return fail("irregular segment behind a scan");
    if (found == markers::Found::end) return covered == all || fail("a component that no scan covers");
  }
}

Result Workspace::Memory::decode(Bytes source, const Request& request, RowSink* sink) {
  result = {};
  const Header& header = stream.header;
  if (const char* fault = check_frame(stream)) return fallback(fault);
  for (int c = 0; c < header.num_components; ++c) {
    targets[c].want = clip(request.components[c], header.components[c]);
    targets[c].stride_blocks = static_cast<std::size_t>(header.components[c].width_blocks);
    targets[c].ring = false;
  }
  try {
    if (sink == nullptr) {
      decode_scans(source, request, nullptr);
      return result;
    }
    if (!give_memory(request)) return fallback("more memory needed than allowed");
    const bool several = scan.num_components != header.num_components;
    if (!decode_scans(source, request, several ? nullptr : sink) || !several) return result;
  } catch (const std::bad_alloc&) {
    result.end = End::out_of_memory;
    return result;
  }
  for (int row = 0; row < ceil_div(header.height_px, 8LL * header.v_max); ++row) {
    std::array<BlockRows, kMaxComponents> rows{};
    for (int c = 0; c < header.num_components; ++c) {
      const int v = header.components[c].v;
      rows[c] = rows_between(targets[c], row * v, (row + 1) * v);
    }
    hand_out(*sink, rows);
  }
  return result;
}

Workspace::Workspace() : memory_(std::make_unique<Memory>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

void Workspace::trim(std::size_t keep_bytes) {
  memory_->segment.trim(keep_bytes);
  memory_->blocks.trim(keep_bytes);
}

Result Workspace::decode_planes(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                                const Request& request,
                                const std::array<std::int16_t*, kMaxComponents>& planes) {
  memory_->stream = stream;
  memory_->scan = scan;
  for (int c = 0; c < kMaxComponents; ++c) memory_->targets[c].blocks = planes[c];
  return memory_->decode(source, request, nullptr);
}

Result Workspace::decode_rows(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                              const Request& request, RowSink& sink) {
  memory_->stream = stream;
  memory_->scan = scan;
  return memory_->decode(source, request, &sink);
}

}  // namespace dctdecode::entropy
