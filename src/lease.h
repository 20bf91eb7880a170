// The thread's decoder, with the memory it keeps between images.
#pragma once

#include <memory>
#include <utility>

#include "dctdecode/decode.h"

namespace dctdecode::binding {

// A signal handler may call us again in the middle of a decode: it finds the slot empty and works with a
// decoder of its own.
class Lease {
 public:
  Lease() : decoder_(std::move(slot())) {
    if (!decoder_) decoder_ = std::make_unique<Decoder>();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { slot() = std::move(decoder_); }
  Decoder* get() const { return decoder_.get(); }
  Decoder* operator->() const { return decoder_.get(); }

 private:
  static std::unique_ptr<Decoder>& slot() {
    thread_local std::unique_ptr<Decoder> decoder;
    return decoder;
  }
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace dctdecode::binding
