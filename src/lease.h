// The thread's decoder or encoder, with the memory it keeps between images.
#pragma once

#include <memory>
#include <utility>

#include "dctdecode/decode.h"

namespace dctdecode::binding {

// A signal handler may call us again in the middle of the work: it finds the slot empty and works with one of
// its own.
template <class Worker = Decoder>
class Lease {
 public:
  Lease() : worker_(std::move(slot())) {
    if (!worker_) worker_ = std::make_unique<Worker>();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { slot() = std::move(worker_); }
  Worker* get() const { return worker_.get(); }
  Worker* operator->() const { return worker_.get(); }

 private:
  static std::unique_ptr<Worker>& slot() {
    thread_local std::unique_ptr<Worker> worker;
    return worker;
  }
  std::unique_ptr<Worker> worker_;
};

}  // namespace dctdecode::binding
