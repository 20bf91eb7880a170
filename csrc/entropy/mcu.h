// The inner loop: MCUs of one restart interval and one MCU row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dctdecode/header.h"
#include "entropy/tables.h"

namespace dctdecode::entropy {

inline constexpr int kMaxBlocksInMcu = 10;  // T.81 B.2.3
inline constexpr int kLastBeforeSkip = 3;   // below, it pays to skip the rest of a block; at 4 it does not

// Bytes behind a segment that the bit reader may touch: it looks at the end once per MCU.
// One block takes 31 bits for DC and 63 times 31 for AC at most.
inline constexpr std::size_t kReadAhead = kMaxBlocksInMcu * 64 * 31 / 8 + 64;

// Leftmost bit first. Holds at least 56 bits after a refill.
struct BitReader {
  const std::uint8_t* next = nullptr;
  std::uint64_t bits = 0;  // below `count` valid bits stand some of the following ones, or zeros
  unsigned count = 0;
};

// One block of the MCU.
struct BlockSlot {
  const DcTable* dc = nullptr;
  const AcTable* ac = nullptr;
  std::int16_t* row = nullptr;                  // block of column 0 in this row
  unsigned column = 0;                          // of this MCU's block
  unsigned column_begin = 0, column_count = 0;  // wanted; others are parsed, not stored
  unsigned columns_per_mcu = 1;
  unsigned last = 0;       // the rest of a block behind this zigzag position is skipped
  bool skips = false;      // `ac` can skip; without, blocks that are not wanted go to `dump`
  unsigned component = 0;  // place in `predictor`
};

struct McuRun {
  BitReader reader;
  const std::uint8_t* end = nullptr;                      // of the segment
  std::array<std::uint32_t, kMaxComponents> predictor{};  // of DC; wraps, as libjpeg-turbo's does
  std::array<BlockSlot, kMaxBlocksInMcu> slots{};
  int num_slots = 0;
  alignas(64) std::array<std::int16_t, kBlockSize> dump;
};

// Decodes `count` MCUs. False: a code that does not exist, a coefficient behind position 63, or the end of
// the segment passed by far.
bool decode_mcus_plain(McuRun& run, int count) noexcept;
bool decode_mcus_vector(McuRun& run, int count) noexcept;  // same text, compiled for BMI2 and AVX2

}  // namespace dctdecode::entropy
