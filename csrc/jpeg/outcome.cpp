#include "jpeg/outcome.h"

namespace dctdecode::jpeg {
namespace {

Status status_of(dctd_code code) {
  switch (code) {
    case DCTD_OK:
      return Status::ok;
    case DCTD_NOT_JPEG:
      return Status::not_jpeg;
    case DCTD_TRUNCATED:
      return Status::truncated;
    case DCTD_CORRUPT:
      return Status::corrupt;
    case DCTD_UNSUPPORTED:
      return Status::unsupported;
    case DCTD_LIMIT:
      return Status::limit;
    case DCTD_CANCELLED:
      return Status::cancelled;
    case DCTD_NO_MEMORY:
      return Status::out_of_memory;
  }
  return Status::corrupt;
}

}  // namespace

Outcome outcome_of(const dctd_result& result) {
  return {status_of(result.code), result.message, result.offset_bytes, 0};
}

}  // namespace dctdecode::jpeg
