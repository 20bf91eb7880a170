// Our decoder against libjpeg-turbo on arbitrary bytes: it agrees or falls back, and reads nothing else.
#include <cstdlib>

#include "../cpp/entropy_compare.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static dctdecode::entropy::Workspace workspace;
  // Images far larger than their bytes only slow the search down.
  dctdecode::markers::Stream stream;
  dctdecode::markers::Scan scan;
  if (size < 2 ||
      dctdecode::markers::next_scan({data, size}, 2, stream, scan) != dctdecode::markers::Found::scan) {
    return 0;
  }
  if (static_cast<double>(stream.header.width_px) * stream.header.height_px > 512.0 * 512.0) return 0;
  std::mt19937 random(static_cast<std::uint32_t>(size));
  const entropy_test::Verdict verdict = entropy_test::compare(workspace, {data, size}, random);
  if (verdict.fault.empty()) return 0;
  std::fprintf(stderr, "%s\n", verdict.fault.c_str());
  std::abort();
}
