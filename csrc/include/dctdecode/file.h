// Reading a whole regular file. Never a memory map: a file that shrinks while mapped ends the process.
#pragma once

#include <cstdint>
#include <vector>

#include "dctdecode/limits.h"
#include "dctdecode/status.h"

namespace dctdecode {

// Contents into `bytes` (grown, never shrunk, so that it can be reused); `size` tells how many are valid.
// A directory, a FIFO, a device or a socket is Status::io with EISDIR or EINVAL, at once.
Outcome read_file(const char* path, const Limits& limits, Poll poll, std::vector<std::uint8_t>& bytes,
                  std::size_t& size);

}  // namespace dctdecode
