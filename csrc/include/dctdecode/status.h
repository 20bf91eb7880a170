// How a call ended: a closed list, one line of meaning each.
#pragma once

#include <cstddef>
#include <string>

namespace dctdecode {

enum class Status {
  ok,             // the result is complete
  not_jpeg,       // the bytes do not begin with a JPEG's SOI marker
  truncated,      // the bytes end before the image does
  corrupt,        // the bytes break the JPEG standard, or lose data on the way
  unsupported,    // a JPEG process that this library refuses by name
  limit,          // a ceiling in Limits was reached; the caller may raise it
  not_exact,      // int16 was asked for, and a value is no integer or does not fit
  cancelled,      // the caller's Poll asked to stop
  out_of_memory,  // an allocation failed
  io,             // reading the file failed; Outcome::system_error holds errno
};

// Name of a status as it appears in Python (`error.reason`): "truncated", "corrupt", ...
const char* name(Status status) noexcept;

// What a call has to say beside its result. `message` is one sentence without the path.
struct Outcome {
  Status status = Status::ok;
  std::string message;           // empty when ok
  std::size_t offset_bytes = 0;  // where in the source the fault was noticed
  int system_error = 0;          // errno, only with Status::io
  explicit operator bool() const noexcept { return status == Status::ok; }
};

}  // namespace dctdecode
