// What a Decoder keeps from image to image: its memory is reused, cleared and given back, and an allocation
// that fails anywhere ends in out_of_memory or in the same result.
#include <malloc.h>

#include <new>

#include "exercise.h"
#include "jpeg/libjpeg.h"
#include "mutants.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC
// This program's malloc, which libjpeg and libstdc++ use too: fails the k-th call after arm(k), and all that
// follow it if `persistent`.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
}
namespace {
thread_local long calls_left = 0;
thread_local bool persistent = false, hit = false;

bool fails() {
  if (calls_left <= 0) return hit && persistent;
  if (--calls_left > 0) return false;
  return hit = true;
}
}  // namespace
// Visible, or the shared libraries keep to their own malloc: the build hides symbols by default.
#pragma GCC visibility push(default)
extern "C" {
void* malloc(std::size_t n) { return fails() ? nullptr : __libc_malloc(n); }
void* calloc(std::size_t a, std::size_t b) { return fails() ? nullptr : __libc_calloc(a, b); }
void* realloc(void* p, std::size_t n) { return fails() ? nullptr : __libc_realloc(p, n); }
}
#pragma GCC visibility pop
#endif

namespace {

using namespace dctdecode;

mutants::File small(const char* file) {
  return mutants::load(std::filesystem::path(DCTDECODE_SMALL_FILES) / file);
}

Bytes bytes_of(const mutants::File& file) { return {file.data(), file.size()}; }

// Another size in the frame header (SOF0, SOF2), the data left as they are.
mutants::File resized(mutants::File file, int height, int width) {
  for (std::size_t i = 2; i + 9 < file.size();) {
    if (file[i + 1] == 0xC0 || file[i + 1] == 0xC2) {
      file[i + 5] = static_cast<std::uint8_t>(height >> 8);
      file[i + 6] = static_cast<std::uint8_t>(height);
      file[i + 7] = static_cast<std::uint8_t>(width >> 8);
      file[i + 8] = static_cast<std::uint8_t>(width);
      return file;
    }
    i += 2U + static_cast<std::size_t>(file[i + 2] << 8 | file[i + 3]);
  }
  std::abort();
}

// A decoder that read other images gives what a fresh one gives.
void reuse() {
  const std::vector<mutants::File> files = mutants::small_files();
  Decoder used;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      const mutants::File& file = files[(i * 7 + static_cast<std::size_t>(round)) % files.size()];
      Decoder fresh;
      const Limits limits;
      const auto a = exercise::read_planes(used, bytes_of(file), limits, true, 1);
      const auto b = exercise::read_planes(fresh, bytes_of(file), limits, true, 2);
      EXERCISE_REQUIRE(a.outcome && b.outcome && a.planes == b.planes);
      mutants::File half = file;  // leaves a failed image behind
      half.resize(file.size() * 3 / 4);
      EXERCISE_REQUIRE(!exercise::read_planes(used, bytes_of(half), limits, true, 3).outcome);
    }
  }
}

// The arena is kept for the next image, which finds it cleared.
void arena() {
  jpeg::Reader reader;
  Header header;
  std::array<jpeg::Blocks, kMaxComponents> first, second;
  Report report;
  const markers::Bands all = {~markers::Band{0}, ~markers::Band{0}, ~markers::Band{0}, ~markers::Band{0}};
  const mutants::File good = small("progressive-444.jpg");
  EXERCISE_REQUIRE(reader.read_coefficients(bytes_of(good), {}, all, true, {}, header, first, report));
  EXERCISE_REQUIRE(first[0].data[0] != 0);
  mutants::File cut = good;  // ends with the header: at most the first MCU is decoded
  for (std::size_t i = 2; cut.size() == good.size(); ++i) {
    if (good[i] == 0xFF && good[i + 1] == 0xDA) cut.resize(i + 14);
  }
  EXERCISE_REQUIRE(reader.read_coefficients(bytes_of(cut), {}, all, false, {}, header, second, report));
  EXERCISE_REQUIRE(second[0].data == first[0].data);
  for (int c = 0; c < 3; ++c) {
    for (int i = kBlockSize; i < 3 * 5 * kBlockSize; ++i) EXERCISE_REQUIRE(second[c].data[i] == 0);
  }
}

std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// A panorama does not occupy a thread for ever: by libjpeg-turbo (progressive), and by our decoder with
// mixed planes (4:2:0 chroma), given up or not.
void trim() {
  Limits limits;
  limits.max_memory_bytes = std::uint64_t{1} << 30;
  for (const char* name : {"progressive-420.jpg", "baseline-420.jpg", "multiscan-422.jpg"}) {
    Decoder decoder;
    exercise::all_plans(decoder, bytes_of(small(name)), limits);
    const std::size_t before = bytes_in_use();
    const mutants::File large = resized(small(name), 7000, 8000);  // 107 MiB for luma alone
    for (const Plan& plan : exercise::plans()) {
      if (plan.strict || plan.channels.size() > 30) continue;
      exercise::read(decoder, bytes_of(large), limits, plan, 0);
    }
    const std::size_t kept = bytes_in_use() - before;
    EXERCISE_REQUIRE(kept <= std::size_t{72} << 20);
  }
}

#if OWN_MALLOC
struct Sweep {
  mutants::File file;
  std::vector<std::vector<std::int16_t>> planes;
  std::vector<PlaneView> views;
  std::vector<float> tensor;
  Plan plan;

  explicit Sweep(mutants::File bytes) : file(std::move(bytes)), plan(exercise::plans()[0]) {
    for (int c = 0; c < kMaxComponents; ++c) {
      planes.emplace_back(std::size_t{3 * 5} * kBlockSize, 0);
      views.push_back({planes.back().data()});
    }
    tensor.resize(std::size_t{3 * 5} * plan.channels.size());
  }

  // The status alone; std::bad_alloc is what the binding turns into MemoryError.
  Status run() {
    try {
      Decoder decoder;
      Header header;
      Report report;
      const Limits limits;
      Outcome outcome = read_header(bytes_of(file), limits, header);
      if (outcome) outcome = decoder.read_planes(bytes_of(file), limits, true, {}, header, views, report);
      if (outcome)
        outcome = decoder.read(bytes_of(file), limits, plan, native_geometry(header), {}, header,
                               {tensor.data()}, report);
      return outcome.status;
    } catch (const std::bad_alloc&) {
      return Status::out_of_memory;
    }
  }
};

// Fails the k-th allocation for every k.
void failing_allocations() {
  for (const char* name : {"baseline-420.jpg", "progressive-restart.jpg", "arithmetic-420.jpg", "rgb.jpg",
                           "multiscan-422.jpg"}) {
    Sweep sweep(small(name));
    EXERCISE_REQUIRE(sweep.run() == Status::ok);
    const auto planes = sweep.planes;
    const auto tensor = sweep.tensor;
    for (const bool stays : {false, true}) {
      int refused = 0;
      for (long k = 1;; ++k) {
        persistent = stays;
        hit = false;
        calls_left = k;
        const Status status = sweep.run();
        const bool was_hit = hit;
        calls_left = 0;
        hit = false;
        EXERCISE_REQUIRE(status == Status::ok || status == Status::out_of_memory);
        if (status == Status::ok) EXERCISE_REQUIRE(sweep.planes == planes && sweep.tensor == tensor);
        if (!was_hit) break;
        refused += status == Status::out_of_memory;
      }
      EXERCISE_REQUIRE(refused > 5);
    }
  }
}
#endif

}  // namespace

int main() {
  reuse();
  arena();
  trim();
#if OWN_MALLOC
  failing_allocations();
#endif
  return 0;
}
