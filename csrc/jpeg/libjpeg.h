// The C reader in C++ clothes: lifetimes and conversions, no decisions.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/decode.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "dctdecode/status.h"
#include "jpeg/reader.h"
#include "markers/scans.h"

namespace dctdecode::jpeg {

// One component's blocks in the reader's memory: block (i, j) at data + 64 * (i * stride_blocks + j). They
// may be changed.
struct Blocks {
  std::int16_t* data = nullptr;
  std::size_t stride_blocks = 0;
};

class Reader {
 public:
  Outcome read_header(Bytes source, Header& header);
  // Fills the tables latched per component into `header`, and one Blocks per component; they are valid
  // until the next call. Frequencies that are not wanted may be missing, or stay zero in progressive files.
  Outcome read_coefficients(Bytes source, const Limits& limits, const markers::Bands& wanted, bool strict,
                            Poll poll, Header& header, std::array<Blocks, kMaxComponents>& blocks,
                            Report& report);
  // Gives large memory back, so that one panorama does not occupy a thread for ever.
  void trim();

 private:
  dctd_reader* get();  // null when there is no memory
  struct Free {
    void operator()(dctd_reader* reader) const { dctd_reader_free(reader); }
  };
  std::unique_ptr<dctd_reader, Free> reader_;
  markers::KeptScans kept_;  // a progressive file without the scans that nobody wants
};

}  // namespace dctdecode::jpeg
