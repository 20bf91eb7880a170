// One scan: its MCUs, its restart intervals, and where its blocks go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/limits.h"
#include "entropy/decode.h"
#include "entropy/mcu.h"
#include "entropy/segment.h"
#include "entropy/tables.h"
#include "markers/parse.h"

namespace dctdecode::entropy {

// Scans are made of MCUs, T.81 A.2. The worked image, 37 x 21 px, 4:2:0:
//   all three components   3 x 2 MCUs of 2x2 + 1 + 1 blocks; luma's 6 x 4 blocks include dummy ones
//   luma alone             5 x 3 MCUs of one block, no dummies
struct ScanLayout {
  int mcus_per_row = 0, mcu_rows = 0;
  int blocks_per_mcu = 0;
  std::array<int, kMaxComponents> h{}, v{};  // blocks of scan component i in an MCU
};
ScanLayout layout_of(const Header& header, const markers::Scan& scan) noexcept;

// Where the blocks of one component go.
struct Target {
  Want want;  // clipped to the grid; empty where nothing is wanted
  std::int16_t* blocks = nullptr;
  std::size_t stride_blocks = 0;  // between block rows
  bool ring = false;              // `blocks` holds the rows of one MCU row only
};

// Grows a buffer and never shrinks it, so that nothing is allocated in the steady state.
class SegmentBuffer {
 public:
  std::uint8_t* reserve(std::size_t size) {
    if (bytes_.size() < size) bytes_.resize(size);
    return bytes_.data();
  }
  void trim(std::size_t keep_bytes) {
    if (bytes_.capacity() > keep_bytes) std::vector<std::uint8_t>().swap(bytes_);
  }

 private:
  std::vector<std::uint8_t> bytes_;  // initialised, since the bit reader looks behind a segment's end
};

// Asks the caller's poll now and then.
class Patience {
 public:
  explicit Patience(Poll poll) : poll_(poll) {}
  bool exhausted(int blocks) {
    constexpr int kBlocksPerPoll = 1 << 13;  // under a millisecond
    blocks_ += blocks;
    if (blocks_ < kBlocksPerPoll || poll_.should_stop == nullptr) return false;
    blocks_ = 0;
    return poll_.should_stop(poll_.context);
  }

 private:
  Poll poll_;
  int blocks_ = 0;
};

// Decodes a scan row by row.
class ScanDecoder {
 public:
  ScanDecoder(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
              const ScanLayout& layout, std::uint8_t* segment_bytes);

  void set_component(int place, const DcTable& dc, const AcTable& ac, bool skips);
  // Null, or why libjpeg-turbo has to judge.
  const char* begin();
  const char* decode_row(int mcu_row, const std::array<Target, kMaxComponents>& targets);
  const char* finish();
  std::size_t end_offset() const { return segment_.marker_offset; }

 private:
  const char* open_segment(std::size_t offset);
  const char* close_segment() const;
  const char* next_restart();

  Bytes source_;
  const markers::Scan& scan_;
  const ScanLayout& layout_;
  std::uint8_t* bytes_;
  bool vectors_;
  int restart_interval_;
  int mcus_to_restart_ = 0;
  int next_restart_number_ = 0;
  Segment segment_;
  McuRun run_;
};

}  // namespace dctdecode::entropy
