// Threads that wait for work. One pool a process, made at the first use that wants more than one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "dctdecode/decode.h"
#include "dctdecode/limits.h"

namespace dctdecode::batch {

// What a job does with item `index`. Runs on any thread, must not throw; `decoder` belongs to the thread
// and `poll` tells it to give up.
using Work = std::function<void(int index, Decoder& decoder, Poll poll)>;

class Pool {
 public:
  // This process's pool. After a fork the child gets a new one: threads do not survive a fork, and the
  // parent's pool is left alone, locked or not.
  static Pool& get();

  // Runs work(0) ... work(count - 1) on up to `threads` threads, the caller among them, and returns when all
  // are done. Several callers may run at the same time; they share the threads. Those of one `queue` other
  // than 0 follow one another, in the order of their calls: each begins with the first thread that finds
  // nothing left to begin in the one before, so that no thread waits for the last of it. Together they have
  // no more than `threads` at work, however many the pool has for others.
  void run(int count, int threads, const Work& work, Decoder& decoder, Poll poll, std::uint64_t queue = 0);

 private:
  struct Job;
  Pool() = default;
  void add_threads(int wanted);  // needs the lock
  void serve(Decoder decoder);
  Job* open_job();  // needs the lock; one that wants another thread, or null
  // Needs the lock. Nothing before it in its queue is left to begin, and not all threads are at work there.
  bool may_enter(const Job& job);
  template <class Condition>
  void wait_until(std::unique_lock<std::mutex>& lock, Condition condition, Poll poll);

  std::mutex mutex_;
  std::condition_variable work_;  // a job may want threads
  std::condition_variable done_;  // a thread has left a job
  std::vector<Job*> jobs_;
  int threads_ = 0;
};

}  // namespace dctdecode::batch
