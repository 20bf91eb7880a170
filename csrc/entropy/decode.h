// Baseline Huffman decoding (SOF0, SOF1; 8 bits; 1 to 4 components; any number of sequential scans).
//
// The result equals libjpeg-turbo's, coefficient by coefficient, or is `fallback`: whatever is irregular in a
// file, libjpeg-turbo has to judge. A file about which libjpeg-turbo would print a data warning always ends
// in fallback. The rows that a sink took before that are void.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dctdecode/bytes.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "markers/parse.h"

namespace dctdecode::entropy {

// What of a component is wanted. Blocks outside the rectangle are parsed but not stored.
struct Want {
  int last = 63;  // last wanted zigzag position; behind it a stored block holds 0 or the value. -1: no block
  int row_begin = 0, row_end = 1 << 30;        // block rows; clipped to the component's grid
  int column_begin = 0, column_end = 1 << 30;  // block columns
};

struct Request {
  std::array<Want, kMaxComponents> components{};
  bool stop_early =
      false;  // one-scan files: end behind the last wanted row, the rest unseen (never in strict mode)
  std::uint64_t max_memory_bytes = std::uint64_t{512} << 20;  // of this object, for multi-scan streaming
  Poll poll{};
};

// Finished block rows of one component, in the workspace's memory.
struct BlockRows {
  int first_row = 0, num_rows = 0;     // 0 rows: none of this component are wanted here
  const std::int16_t* data = nullptr;  // natural order; row r's block of column c at (r * stride + c) * 64
  std::size_t stride_blocks = 0;
};

// Takes block rows from top to bottom, each wanted row once. Only wanted columns hold anything.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void take(const std::array<BlockRows, kMaxComponents>& rows) = 0;
};

enum class End {
  ok,
  fallback,   // libjpeg-turbo has to judge
  cancelled,  // Request::poll asked to stop
  out_of_memory,
};

struct Result {
  End end = End::ok;
  const char* reason = "";     // of a fallback, for logs and tests
  std::size_t end_offset = 0;  // of the marker behind the last scan's data; 0 after an early stop
  // Quantisation tables as latched at each component's first scan, natural order.
  std::array<std::array<std::uint16_t, kBlockSize>, kMaxComponents> quant{};
};

// Decodes images one after another. Memory grows until trim(), so that the steady state allocates nothing.
//
//   markers::Stream stream; markers::Scan scan; Workspace workspace;
//   if (markers::next_scan(source, 2, stream, scan) == markers::Found::scan)
//     result = workspace.decode_planes(source, stream, scan, Request{}, {luma, cb, cr});
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  // Wanted blocks into (height_blocks, width_blocks, 64) arrays, one per wanted component, which need not be
  // cleared before. `stream` and `scan` are what next_scan gave for the first scan.
  Result decode_planes(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                       const Request& request, const std::array<std::int16_t*, kMaxComponents>& planes);

  // The same by rows of MCUs while they are in the cache. Files of several scans stream at their end.
  Result decode_rows(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                     const Request& request, RowSink& sink);

  // Gives back each piece of memory that is larger than this.
  void trim(std::size_t keep_bytes);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace dctdecode::entropy
