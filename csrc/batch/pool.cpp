#include "batch/pool.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace dctdecode::batch {

// Lives on the caller's stack. `next` and `stop` are read without the lock; who is inside is guarded by it.
struct Pool::Job {
  const Work* work;
  int count;
  int wanted_helpers;  // threads that may still join
  int threads;         // that may be at work for its queue
  std::uint64_t queue;
  int helpers = 0;  // threads inside
  bool has_caller = false;
  std::atomic<int> next{0};
  std::atomic<bool> stop{false};

  bool has_work() const { return next.load(std::memory_order_relaxed) < count; }
  void run(Decoder& decoder, Poll poll) {
    for (int i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*work)(i, decoder, poll);
  }
};

namespace {

struct ProcessPool {
  pid_t pid;
  Pool* pool;
};

// Never freed: threads of a pool may outlive every static object, and a forked child may not touch its own.
std::atomic<ProcessPool*> current{nullptr};

bool is_stopped(void* flag) {
  return static_cast<const std::atomic<bool>*>(flag)->load(std::memory_order_relaxed);
}

// The caller's poll, which also tells the helpers.
struct CallerPoll {
  Poll poll;
  std::atomic<bool>& stop;

  static bool ask(void* context) {
    CallerPoll& self = *static_cast<CallerPoll*>(context);
    if (self.poll.should_stop != nullptr && self.poll.should_stop(self.poll.context)) self.stop = true;
    return self.stop;
  }
};

}  // namespace

Pool& Pool::get() {
  ProcessPool* seen = current.load();
  if (seen != nullptr && seen->pid == ::getpid()) return *seen->pool;
  auto* mine = new ProcessPool{::getpid(), new Pool};
  if (current.compare_exchange_strong(seen, mine)) return *mine->pool;
  delete mine->pool;
  delete mine;
  return *seen->pool;  // another thread of this process was first
}

void Pool::run(int count, int threads, const Work& work, Decoder& decoder, Poll poll, std::uint64_t queue) {
  Job job{&work, count, std::min(threads, count) - 1, threads, queue};
  CallerPoll caller{poll, job.stop};
  const Poll ask{CallerPoll::ask, &caller};
  const bool is_alone = job.wanted_helpers <= 0 && queue == 0;
  if (!is_alone) {
    std::unique_lock lock(mutex_);
    add_threads(job.wanted_helpers);
    jobs_.push_back(&job);
    work_.notify_all();
    wait_until(lock, [&] { return !job.has_work() || may_enter(job); }, ask);
    job.has_caller = true;
  }
  job.run(decoder, ask);
  if (is_alone) return;

  std::unique_lock lock(mutex_);
  job.has_caller = false;
  if (queue != 0) {
    done_.notify_all();
    work_.notify_all();
  }
  wait_until(lock, [&] { return job.helpers == 0; }, ask);
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
}

template <class Condition>
void Pool::wait_until(std::unique_lock<std::mutex>& lock, Condition condition, Poll poll) {
  while (!condition()) {
    done_.wait_for(lock, std::chrono::milliseconds(20));
    if (condition()) return;
    lock.unlock();  // the poll may run Python code
    poll.should_stop(poll.context);
    lock.lock();
  }
}

bool Pool::may_enter(const Job& job) {
  if (job.queue == 0) return true;
  int at_work = 0;
  bool is_earlier = true;
  for (const Job* other : jobs_) {
    if (other == &job) is_earlier = false;
    if (other->queue != job.queue) continue;
    if (is_earlier && other->has_work()) return false;
    at_work += other->helpers + (other->has_caller ? 1 : 0);
  }
  return at_work < job.threads;
}

void Pool::add_threads(int wanted) {
  while (threads_ < wanted) {
    try {
      std::thread(&Pool::serve, this, Decoder()).detach();
    } catch (const std::exception&) {
      return;  // no memory or no thread: those that are there, or the caller alone, do the work
    }
    ++threads_;
  }
}

Pool::Job* Pool::open_job() {
  for (Job* job : jobs_) {
    if (job->wanted_helpers > 0 && job->has_work() && may_enter(*job)) return job;
  }
  return nullptr;
}

void Pool::serve(Decoder decoder) {
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = open_job();
    if (job == nullptr) {
      work_.wait(lock);
      continue;
    }
    --job->wanted_helpers;
    ++job->helpers;
    lock.unlock();
    job->run(decoder, {is_stopped, &job->stop});
    lock.lock();
    --job->helpers;
    if (job->queue != 0) work_.notify_all();  // there may be threads that the next one of the queue wants
    done_.notify_all();
  }
}

}  // namespace dctdecode::batch
