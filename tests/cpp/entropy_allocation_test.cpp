// Decoding allocates nothing once the workspace has seen files of that size.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "entropy/decode.h"
#include "entropy_writer.h"

namespace {

int allocations = 0;

class CountingSink final : public dctdecode::entropy::RowSink {
 public:
  void take(const std::array<dctdecode::entropy::BlockRows, dctdecode::kMaxComponents>& rows) override {
    for (const auto& row : rows) num_rows += row.num_rows;
  }
  int num_rows = 0;
};

}  // namespace

// Not inlined, since gcc would see `new` next to `free` and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main() {
  namespace dd = dctdecode;
  std::vector<std::vector<std::uint8_t>> files;
  const std::vector<entropy_test::Shape> shapes = entropy_test::many_shapes(3, 60);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    files.push_back(entropy_test::Writer(shapes[i], static_cast<std::uint32_t>(i)).write());
  }
  dd::entropy::Workspace workspace;
  std::vector<std::int16_t> memory(std::size_t{4} * 400 * 64);
  std::array<std::int16_t*, dd::kMaxComponents> planes{};
  for (std::size_t c = 0; c < planes.size(); ++c) planes[c] = memory.data() + c * 400 * 64;
  CountingSink sink;
  int counted[2] = {};
  for (int& round : counted) {
    allocations = 0;
    for (const std::vector<std::uint8_t>& file : files) {
      const dd::Bytes source{file.data(), file.size()};
      dd::markers::Stream stream;
      dd::markers::Scan scan;
      if (dd::markers::next_scan(source, 2, stream, scan) != dd::markers::Found::scan) return 2;
      if (workspace.decode_rows(source, stream, scan, {}, sink).end != dd::entropy::End::ok) return 2;
      if (workspace.decode_planes(source, stream, scan, {}, planes).end != dd::entropy::End::ok) return 2;
    }
    round = allocations;
  }
  std::printf("allocations for %zu files: %d at first, %d again; %d rows\n", files.size(), counted[0],
              counted[1], sink.num_rows);
  return counted[0] > 0 && counted[1] == 0 && sink.num_rows > 0 ? 0 : 1;
}
