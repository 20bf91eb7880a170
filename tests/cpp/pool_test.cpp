// Calls of one queue follow one another: never more threads at work than one of them asked for, none idle
// before the last, every item once. Meant for -fsanitize=thread too.
#include "batch/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "exercise.h"

namespace {

using dctdecode::batch::Pool;

constexpr int kCallers = 4, kRounds = 6, kItems = 9;

// What all callers together have seen.
struct Seen {
  std::atomic<int> working{0}, most{0}, done{0};

  void work() {
    const int now = ++working;
    int before = most.load();
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    --working;
    ++done;
  }
};

void run_callers(Pool& pool, int threads, std::uint64_t queue, Seen& seen) {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&] {
      dctdecode::Decoder decoder;
      const dctdecode::batch::Work work = [&](int, dctdecode::Decoder&, dctdecode::Poll) { seen.work(); };
      for (int round = 0; round < kRounds; ++round) pool.run(kItems, threads, work, decoder, {}, queue);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

// A caller that waits in the queue goes on asking whether to stop, and every item hears of it.
void stop_in_queue(Pool& pool) {
  std::atomic<bool> first_began{false}, first_may_end{false};
  std::thread first([&] {
    dctdecode::Decoder decoder;
    pool.run(
        1, 1,
        [&](int, dctdecode::Decoder&, dctdecode::Poll) {
          first_began = true;
          while (!first_may_end) std::this_thread::yield();
        },
        decoder, {}, 9);
  });
  while (!first_began) std::this_thread::yield();
  std::atomic<int> stopped{0}, asked{0};
  struct Context {
    std::atomic<int>& asked;
    std::atomic<bool>& release;
    static bool ask(void* context) {
      Context& self = *static_cast<Context*>(context);
      if (++self.asked > 1) self.release = true;
      return true;
    }
  } context{asked, first_may_end};
  dctdecode::Decoder decoder;
  pool.run(
      3, 1,
      [&](int, dctdecode::Decoder&, dctdecode::Poll poll) { stopped += poll.should_stop(poll.context); },
      decoder, {Context::ask, &context}, 9);
  first.join();
  EXERCISE_REQUIRE(stopped == 3);
}

}  // namespace

int main() {
  Pool& pool = Pool::get();
  for (const int threads : {1, 2}) {  // the pool has threads - 1 of its own so far
    Seen seen;
    run_callers(pool, threads, 7, seen);
    EXERCISE_REQUIRE(seen.most <= threads);
    EXERCISE_REQUIRE(seen.done == kCallers * kRounds * kItems);
  }
  Seen wide;
  run_callers(pool, 6, 0, wide);  // from here on the pool has more threads than the next ones ask for
  for (const int threads : {1, 2, 3}) {
    Seen seen;
    run_callers(pool, threads, 7, seen);
    EXERCISE_REQUIRE(seen.most <= threads);
    EXERCISE_REQUIRE(seen.done == kCallers * kRounds * kItems);
  }
  Seen free;
  run_callers(pool, 1, 0, free);
  EXERCISE_REQUIRE(free.most > 1);  // without a queue they do not wait
  Seen more;
  run_callers(pool, 3, 8, more);
  EXERCISE_REQUIRE(more.done == kCallers * kRounds * kItems);
  stop_in_queue(pool);
  return 0;
}
