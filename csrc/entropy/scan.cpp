#include "entropy/scan.h"

#include <algorithm>

#include "entropy/dispatch.h"

namespace dctdecode::entropy {

ScanLayout layout_of(const Header& header, const markers::Scan& scan) noexcept {
  ScanLayout layout;
  if (scan.num_components == 1) {
    const Component& component = header.components[scan.components[0].component];
    layout.mcus_per_row = component.width_blocks;
    layout.mcu_rows = component.height_blocks;
    layout.blocks_per_mcu = layout.h[0] = layout.v[0] = 1;
    return layout;
  }
  layout.mcus_per_row = ceil_div(header.width_px, 8LL * header.h_max);
  layout.mcu_rows = ceil_div(header.height_px, 8LL * header.v_max);
  for (int i = 0; i < scan.num_components; ++i) {
    const Component& component = header.components[scan.components[i].component];
    layout.h[i] = component.h;
    layout.v[i] = component.v;
    layout.blocks_per_mcu += component.h * component.v;
  }
  return layout;
}

ScanDecoder::ScanDecoder(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                         const ScanLayout& layout, std::uint8_t* segment_bytes)
    : source_(source),
      scan_(scan),
      layout_(layout),
      bytes_(segment_bytes),
      vectors_(use_vectors()),
      restart_interval_(stream.header.restart_interval) {}

void ScanDecoder::set_component(int place, const DcTable& dc, const AcTable& ac, bool skips) {
  for (int i = 0; i < layout_.h[place] * layout_.v[place]; ++i) {
    BlockSlot& slot = run_.slots[run_.num_slots++];
    slot.dc = &dc;
    slot.ac = &ac;
    slot.skips = skips;
    slot.component = static_cast<unsigned>(place);
    slot.columns_per_mcu = static_cast<unsigned>(layout_.h[place]);
  }
}

const char* ScanDecoder::open_segment(std::size_t offset) {
  segment_ = vectors_ ? unstuff_vector(source_, offset, bytes_) : unstuff_plain(source_, offset, bytes_);
  if (segment_.marker == 0) return "no marker behind the entropy-coded data";
  run_.reader = {bytes_, 0, 0};
  run_.end = bytes_ + segment_.size;
  run_.predictor.fill(0);
  mcus_to_restart_ = restart_interval_;
  return nullptr;
}

// Padding of less than a byte, whatever its bits. libjpeg-turbo reports missing bits, and often extra bytes.
const char* ScanDecoder::close_segment() const {
  const auto read = (run_.reader.next - bytes_) * 8 - static_cast<std::ptrdiff_t>(run_.reader.count);
  const auto left = static_cast<std::ptrdiff_t>(segment_.size) * 8 - read;
  if (left < 0) return "the entropy-coded data ends early";
  if (left > 7) return "extra bytes behind the entropy-coded data";
  return nullptr;
}

const char* ScanDecoder::next_restart() {
  if (const char* fault = close_segment()) return fault;
  if (segment_.marker != markers::RST0 + next_restart_number_) return "restart marker missing or out of turn";
  next_restart_number_ = (next_restart_number_ + 1) & 7;
  return open_segment(segment_.next_offset);
}

const char* ScanDecoder::begin() { return open_segment(scan_.data_offset); }

const char* ScanDecoder::finish() { return close_segment(); }

const char* ScanDecoder::decode_row(int mcu_row, const std::array<Target, kMaxComponents>& targets) {
  BlockSlot* slot = run_.slots.data();
  for (int i = 0; i < scan_.num_components; ++i) {
    const Target& target = targets[scan_.components[i].component];
    const Want& want = target.want;
    for (int y = 0; y < layout_.v[i]; ++y) {
      const int row = mcu_row * layout_.v[i] + y;
      const bool wanted = row >= want.row_begin && row < want.row_end;
      for (int x = 0; x < layout_.h[i]; ++x, ++slot) {
        slot->column = static_cast<unsigned>(x);
        slot->column_begin = static_cast<unsigned>(want.column_begin);
        slot->column_count = wanted ? static_cast<unsigned>(want.column_end - want.column_begin) : 0U;
        slot->last = want.last < kLastBeforeSkip ? static_cast<unsigned>(want.last) : 63U;
        if (!wanted) continue;
        const int place = target.ring ? y : row;
        slot->row = target.blocks + static_cast<std::size_t>(place) * target.stride_blocks * kBlockSize;
      }
    }
  }
  for (int left = layout_.mcus_per_row; left > 0;) {
    int count = left;
    if (restart_interval_ != 0) {
      if (mcus_to_restart_ == 0) {
        if (const char* fault = next_restart()) return fault;
      }
      count = std::min(count, mcus_to_restart_);
      mcus_to_restart_ -= count;
    }
    const bool good = vectors_ ? decode_mcus_vector(run_, count) : decode_mcus_plain(run_, count);
    if (!good) return "damaged entropy-coded data";
    left -= count;
  }
  return nullptr;
}

}  // namespace dctdecode::entropy
