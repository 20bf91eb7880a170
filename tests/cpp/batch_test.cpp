// The pool and its batches, without Python: several callers at once, damaged files among the sound ones, and
// requests to stop. Meant for -fsanitize=thread; without it, it still compares.
#include <atomic>
#include <thread>

#include "dctdecode/batch.h"
#include "exercise.h"
#include "mutants.h"

namespace {

using dctdecode::BatchItem;
using dctdecode::BatchRun;
using dctdecode::Status;

constexpr int kCallers = 4, kRounds = 30, kMutants = 40;
constexpr std::size_t kStride = std::size_t{1} << 16;

struct Batch {
  std::vector<BatchItem> items;
  std::vector<char> output;
};

// Files whose result does not fit the stride are left as if they had failed.
Batch run_batch(const std::vector<mutants::File>& files, const dctdecode::Plan& plan, const BatchRun& how) {
  Batch batch{std::vector<BatchItem>(files.size()), std::vector<char>(kStride * files.size(), 1)};
  for (std::size_t i = 0; i < files.size(); ++i) batch.items[i].bytes = {files[i].data(), files[i].size()};
  dctdecode::open_batch(batch.items, how);
  for (BatchItem& item : batch.items) {
    const std::size_t blocks = static_cast<std::size_t>(dctdecode::ceil_div(item.header.height_px, 8)) *
                               static_cast<std::size_t>(dctdecode::ceil_div(item.header.width_px, 8));
    if (item.outcome && blocks * plan.channels.size() * dctdecode::size_bytes(plan.dtype) > kStride) {
      item.outcome = {Status::limit, "too large for this test", 0, 0};
    }
  }
  dctdecode::read_batch(batch.items, plan, {batch.output.data()}, kStride, how);
  return batch;
}

bool equal(const Batch& a, const Batch& b) {
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (a.items[i].outcome.status != b.items[i].outcome.status) return false;
    if (a.items[i].outcome.message != b.items[i].outcome.message) return false;
  }
  return a.output == b.output;
}

// Stops after a number of questions.
struct Countdown {
  int left;
  static bool ask(void* context) { return static_cast<Countdown*>(context)->left-- <= 0; }
};

void stop_early(const std::vector<mutants::File>& files, const dctdecode::Plan& plan, int questions) {
  dctdecode::Decoder decoder;
  Countdown countdown{questions};
  const Batch batch =
      run_batch(files, plan, {3, exercise::small_limits(), {Countdown::ask, &countdown}, &decoder});
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (batch.items[i].outcome) continue;
    for (std::size_t k = 0; k < kStride; ++k) EXERCISE_REQUIRE(batch.output[i * kStride + k] == 0);
  }
}

}  // namespace

int main() {
  std::vector<mutants::File> files = mutants::small_files();
  const std::vector<mutants::File> seeds = files;
  for (int n = 0; n < kMutants; ++n) files.push_back(mutants::mutant(seeds, static_cast<std::uint64_t>(n)));
  const dctdecode::Plan plan = exercise::plans().front();

  dctdecode::Decoder decoder;
  const Batch alone = run_batch(files, plan, {1, exercise::small_limits(), {}, &decoder});
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      dctdecode::Decoder own;
      for (int round = 0; round < kRounds; ++round) {
        const std::uint64_t queue = caller % 2 == 0 ? 7 : 0;
        const BatchRun how{2 + (caller + round) % 4, exercise::small_limits(), {}, &own, queue};
        if (!equal(run_batch(files, plan, how), alone)) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXERCISE_REQUIRE(wrong == 0);
  for (int questions = 0; questions < 200; questions += 9) stop_early(files, plan, questions);
  return 0;
}
