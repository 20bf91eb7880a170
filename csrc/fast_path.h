// Our own entropy decoder in front of libjpeg-turbo: takes the files it can read exactly, and leaves every
// other one, whole, to libjpeg-turbo.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dctdecode/decode.h"
#include "entropy/decode.h"
#include "tensor_writer.h"

namespace dctdecode {

// Whether a file of this header is tried at all: sequential, Huffman, within limits that libjpeg-turbo would
// otherwise report, and not forbidden by DCTDECODE_DECODER=libjpeg-turbo in the environment.
bool is_for_fast_path(const Header& header, const Limits& limits);

class FastPath {
 public:
  // All: true when `outcome` is final, false when libjpeg-turbo has to read the file. `header` gets the
  // latched quantisation tables.
  bool read_planes(Bytes source, const Limits& limits, Poll poll, Header& header,
                   const std::vector<PlaneView>& planes, Outcome& outcome);
  // Into memory of this object, which may be changed until the next image. Something is wanted of every
  // component; what is not may be missing.
  bool read_blocks(Bytes source, const Limits& limits, const markers::Bands& wanted, Poll poll,
                   Header& header, std::array<std::int16_t*, kMaxComponents>& blocks, Outcome& outcome);
  // `writer` is prepared for `header`. Not strict: the file behind the last needed row is not looked at.
  bool read(Bytes source, const Limits& limits, bool strict, Poll poll, Header& header, TensorWriter& writer,
            Outcome& outcome);
  // Gives larger memory back.
  void trim(std::size_t keep_bytes);

 private:
  bool read_whole(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                  const entropy::Request& request, Header& header, TensorWriter& writer, Outcome& outcome);
  // Room for the planes that `needed` names, in memory that is kept; the others stay null.
  std::array<std::int16_t*, kMaxComponents> reserve(const Header& header,
                                                    const std::array<bool, kMaxComponents>& needed);

  entropy::Workspace workspace_;
  std::vector<std::int16_t> planes_;
};

}  // namespace dctdecode
