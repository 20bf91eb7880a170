#include "signals.h"

#include <pybind11/pybind11.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#endif

namespace dctdecode::binding {
namespace {

bool on_main_thread() {
#if defined(__linux__)
  return static_cast<pid_t>(::syscall(SYS_gettid)) == ::getpid();
#else
  return pthread_main_np() != 0;
#endif
}

}  // namespace

SignalPoll::SignalPoll() : main_thread_(on_main_thread()), last_(std::chrono::steady_clock::now()) {}

Poll SignalPoll::poll() { return main_thread_ ? Poll{ask, this} : Poll{}; }

bool SignalPoll::ask(void* context) {
  constexpr auto kInterval = std::chrono::milliseconds(20);
  SignalPoll& self = *static_cast<SignalPoll*>(context);
  if (self.stopped_) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - self.last_ < kInterval) return false;
  self.last_ = now;
  const pybind11::gil_scoped_acquire gil;
  self.stopped_ = PyErr_CheckSignals() != 0;  // the exception stays set until the call returns
  return self.stopped_;
}

}  // namespace dctdecode::binding
