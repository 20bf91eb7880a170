#include "dctdecode/status.h"

namespace dctdecode {

const char* name(Status status) noexcept {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::not_jpeg:
      return "not_jpeg";
    case Status::truncated:
      return "truncated";
    case Status::corrupt:
      return "corrupt";
    case Status::unsupported:
      return "unsupported";
    case Status::limit:
      return "limit";
    case Status::not_exact:
      return "not_exact";
    case Status::cancelled:
      return "cancelled";
    case Status::out_of_memory:
      return "out_of_memory";
    case Status::io:
      return "io";
  }
  return "";
}

}  // namespace dctdecode
