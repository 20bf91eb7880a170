#include "dctdecode/batch.h"

#include <cstring>
#include <exception>
#include <utility>

#include "batch/pool.h"
#include "dctdecode/file.h"

namespace dctdecode {
namespace {

void open_item(BatchItem& item, const Limits& limits, Poll poll) {
  if (item.path) {
    std::size_t size = 0;
    item.outcome = read_file(item.path->c_str(), limits, poll, item.contents, size);
    item.bytes = {item.contents.data(), size};
  }
  if (item.outcome) item.outcome = read_header(item.bytes, limits, item.header);
  if (item.outcome) item.outcome = check_color_space(item.header);
  if (item.outcome) item.geometry = native_geometry(item.header);
}

// An exception must not leave a thread of the pool. All that is thrown down there is want of memory; the
// message is short enough to need none.
template <class Call>
void guarded(BatchItem& item, Poll poll, Call call) {
  if (poll.should_stop(poll.context)) {
    item.outcome = {Status::cancelled, "stopped", 0, 0};
    return;
  }
  try {
    call();
  } catch (const std::exception&) {
    item.outcome = {Status::out_of_memory, "out of memory", 0, 0};
  }
}

}  // namespace

void open_batch(std::vector<BatchItem>& items, const BatchRun& run) {
  const batch::Work work = [&](int index, Decoder&, Poll poll) {
    BatchItem& item = items[index];
    guarded(item, poll, [&] { open_item(item, run.limits, poll); });
  };
  batch::Pool::get().run(static_cast<int>(items.size()), run.threads, work, *run.decoder, run.poll);
}

void check_memory(std::vector<BatchItem>& items, const Limits& limits, std::uint64_t bytes_per_block) {
  for (BatchItem& item : items) {
    if (!item.outcome) continue;
    const std::uint64_t blocks = static_cast<std::uint64_t>(item.geometry.vertical.out_blocks) *
                                 static_cast<std::uint64_t>(item.geometry.horizontal.out_blocks);
    item.outcome = check_memory(item.header, limits, blocks * bytes_per_block);
  }
}

void read_batch(std::vector<BatchItem>& items, const Plan& plan, OutputView output, std::size_t stride_bytes,
                const BatchRun& run) {
  const batch::Work work = [&](int index, Decoder& decoder, Poll poll) {
    BatchItem& item = items[index];
    const std::vector<std::uint8_t> contents = std::move(item.contents);  // needed no more afterwards
    char* out = static_cast<char*>(output.data) + stride_bytes * static_cast<std::size_t>(index);
    if (item.outcome) {
      guarded(item, poll, [&] {
        item.outcome =
            decoder.read(item.bytes, run.limits, plan, item.geometry, poll, item.header, {out}, item.report);
      });
    }
    if (!item.outcome) std::memset(out, 0, stride_bytes);
    item.bytes = {};
  };
  batch::Pool::get().run(static_cast<int>(items.size()), run.threads, work, *run.decoder, run.poll,
                         run.queue);
}

}  // namespace dctdecode
