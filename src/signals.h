// Ctrl-C during a long decode: the core's Poll, answered by Python's signal handlers.
#pragma once

#include <chrono>

#include "dctdecode/limits.h"

namespace dctdecode::binding {

// Lives on the stack of a call that has dropped the GIL. Only the main thread runs signal handlers, so
// other threads get a Poll that never asks.
class SignalPoll {
 public:
  SignalPoll();
  Poll poll();

 private:
  static bool ask(void* context);
  bool main_thread_;
  bool stopped_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace dctdecode::binding
