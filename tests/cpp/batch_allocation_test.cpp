// A batch while memory runs out: from some allocation on, all fail, in all threads. The call may throw, or
// mark its items; the process goes on, and the next batch is sound.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "dctdecode/batch.h"
#include "exercise.h"
#include "mutants.h"

namespace {

constexpr long kNever = -1;
std::atomic<long> left{kNever};  // allocations before the first that fails

bool refused() {
  long now = left.load();
  while (now > 0 && !left.compare_exchange_weak(now, now - 1)) {
  }
  return now == 0;
}

}  // namespace

// Not inlined, since gcc would see `new` next to `free` and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (!refused()) {
    if (void* memory = std::malloc(size)) return memory;
  }
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
  using dctdecode::Status;
  const std::vector<mutants::File> files = mutants::small_files();
  const dctdecode::Plan plan = exercise::plans().front();
  constexpr std::size_t kStride = std::size_t{192} * 15 * 4;  // all small files have a grid of 3 x 5 at most
  std::vector<char> output(kStride * files.size());
  int thrown = 0, marked = 0, sound = 0;
  for (long before = 0; before < 1500; before += before < 200 ? 1 : 13) {
    for (const long allowed : {before, kNever}) {
      dctdecode::Decoder decoder;
      const int threads = 2 + static_cast<int>(before) / 50;  // now and then one that is new
      const dctdecode::BatchRun how{threads, exercise::small_limits(), {}, &decoder};
      std::vector<dctdecode::BatchItem> items(files.size());
      for (std::size_t i = 0; i < files.size(); ++i) items[i].bytes = {files[i].data(), files[i].size()};
      left = allowed;
      try {
        dctdecode::open_batch(items, how);
        dctdecode::read_batch(items, plan, {output.data()}, kStride, how);
      } catch (const std::bad_alloc&) {
        ++thrown;
      }
      left = kNever;
      for (const dctdecode::BatchItem& item : items) {
        marked += item.outcome.status == Status::out_of_memory ? 1 : 0;
        if (allowed != kNever) continue;
        EXERCISE_REQUIRE(item.outcome || item.outcome.status == Status::unsupported);
        sound += item.outcome ? 1 : 0;
      }
    }
  }
  std::printf("%d calls thrown out, %d images without memory, %d sound\n", thrown, marked, sound);
  return thrown > 0 && marked > 0 && sound > 0 ? 0 : 1;
}
