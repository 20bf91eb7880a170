// The C writer in C++ clothes: lifetimes and conversions, no decisions.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/encode.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "dctdecode/status.h"
#include "jpeg/libjpeg.h"
#include "jpeg/writer.h"
#include "markers/metadata.h"
#include "markers/parse.h"

namespace dctdecode::jpeg {

// The codes of one interleaved baseline scan: of components that libjpeg gives table 0 and table 1.
struct Huffman {
  std::array<markers::HuffmanSpec, 2> dc, ac;
};
// The table that component `c` of an image of this colour space gets.
int huffman_table_of(ColorSpace color_space, int c);

// What a JPEG is to be beside its coefficients.
struct Finish {
  bool progressive = false;
  const Huffman* huffman = nullptr;  // null: found in a pass over the coefficients
  markers::Density density;
  std::vector<markers::Attachment> attachments;
};

struct StandardTables {
  std::array<std::uint16_t, kBlockSize> luma{}, chroma{};
};

class Writer {
 public:
  // Those of libjpeg's encoder at this quality, 1 to 100.
  Outcome standard_tables(int quality, StandardTables& tables);

  // The coefficients as a JPEG that lies in memory of this object until the next call. Of `header` count
  // sizes, colour space, and each component's sampling, grid and quantisation table. max_memory_bytes bounds
  // the JPEG.
  Outcome write(const Header& header, const std::array<Blocks, kMaxComponents>& blocks, const Finish& finish,
                const Limits& limits, Poll poll, Bytes& jpeg);
  // Pixels as a JPEG, in the same memory.
  Outcome encode(const Pixels& pixels, const Encoding& encoding, Poll poll, Bytes& jpeg);
  // Gives large memory back.
  void trim();

 private:
  dctd_writer* get();  // null when there is no memory
  struct Free {
    void operator()(dctd_writer* writer) const { dctd_writer_free(writer); }
  };
  std::unique_ptr<dctd_writer, Free> writer_;
  std::vector<dctd_segment> segments_;
};

}  // namespace dctdecode::jpeg
