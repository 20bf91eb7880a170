#include "fast_path.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "geometry.h"
#include "markers/parse.h"

namespace dctdecode {
namespace {

bool libjpeg_is_forced() {
  const char* value = std::getenv("DCTDECODE_DECODER");
  return value != nullptr && std::strcmp(value, "libjpeg-turbo") == 0;
}

// What libjpeg-turbo would count: whole MCUs, every component once.
std::uint64_t block_visits(const Header& header) {
  const std::uint64_t mcus = static_cast<std::uint64_t>(ceil_div(header.height_px, 8LL * header.v_max)) *
                             static_cast<std::uint64_t>(ceil_div(header.width_px, 8LL * header.h_max));
  std::uint64_t blocks = 0;
  for (int c = 0; c < header.num_components; ++c) {
    blocks += mcus * static_cast<std::uint64_t>(header.components[c].h * header.components[c].v);
  }
  return blocks;
}

bool settled(const entropy::Result& result, Outcome& outcome) {
  switch (result.end) {
    case entropy::End::ok:
      outcome = {};
      return true;
    case entropy::End::cancelled:
      outcome = {Status::cancelled, "stopped", 0, 0};
      return true;
    case entropy::End::fallback:
    case entropy::End::out_of_memory:  // libjpeg-turbo's arrays may be smaller, or fail in their own words
      return false;
  }
  return false;
}

void latch(const entropy::Result& result, Header& header) {
  for (int c = 0; c < header.num_components; ++c) {
    header.components[c].quant = result.quant[c];
    header.components[c].has_quant = true;
  }
}

entropy::Want want_of(const Needs& needs) {
  return {static_cast<int>(std::bit_width(needs.band)) - 1, needs.row_begin, needs.row_end,
          needs.column_begin, needs.column_end};
}

}  // namespace

bool is_for_fast_path(const Header& header, const Limits& limits) {
  return !header.progressive && !header.arithmetic && block_visits(header) <= limits.max_block_visits &&
         limits.max_scans >= kMaxComponents && !libjpeg_is_forced();
}

std::array<std::int16_t*, kMaxComponents> FastPath::reserve(const Header& header,
                                                            const std::array<bool, kMaxComponents>& needed) {
  std::array<std::size_t, kMaxComponents> offsets{};
  std::size_t size = 0;
  for (int c = 0; c < header.num_components; ++c) {
    offsets[c] = size;
    if (!needed[c]) continue;
    size += static_cast<std::size_t>(header.components[c].height_blocks) * header.components[c].width_blocks *
            kBlockSize;
  }
  if (planes_.size() < size) {
    std::vector<std::int16_t>().swap(planes_);  // the old contents are not worth a copy, nor both a place
    planes_.resize(size);
  }
  std::array<std::int16_t*, kMaxComponents> planes{};
  for (int c = 0; c < header.num_components; ++c) {
    if (needed[c]) planes[c] = planes_.data() + offsets[c];
  }
  return planes;
}

void FastPath::trim(std::size_t keep_bytes) {
  if (planes_.size() * sizeof(planes_[0]) > keep_bytes) std::vector<std::int16_t>().swap(planes_);
  workspace_.trim(keep_bytes);
}

bool FastPath::read_planes(Bytes source, const Limits& limits, Poll poll, Header& header,
                           const std::vector<PlaneView>& planes, Outcome& outcome) {
  markers::Stream stream;
  markers::Scan scan;
  if (markers::next_scan(source, 2, stream, scan) != markers::Found::scan) return false;
  if (!same_sizes(header, stream.header)) return false;
  entropy::Request request;
  request.max_memory_bytes = limits.max_memory_bytes;
  request.poll = poll;
  std::array<std::int16_t*, kMaxComponents> memory{};
  for (int c = 0; c < header.num_components; ++c) memory[c] = planes[c].data;
  const entropy::Result result = workspace_.decode_planes(source, stream, scan, request, memory);
  if (result.end == entropy::End::ok) latch(result, header);
  return settled(result, outcome);
}

bool FastPath::read_blocks(Bytes source, const Limits& limits, const markers::Bands& wanted, Poll poll,
                           Header& header, std::array<std::int16_t*, kMaxComponents>& blocks,
                           Outcome& outcome) {
  markers::Stream stream;
  markers::Scan scan;
  if (markers::next_scan(source, 2, stream, scan) != markers::Found::scan) return false;
  if (!same_sizes(header, stream.header)) return false;
  entropy::Request request;
  request.max_memory_bytes = limits.max_memory_bytes;
  request.poll = poll;
  for (int c = 0; c < header.num_components; ++c) {
    request.components[c].last = static_cast<int>(std::bit_width(wanted[c])) - 1;
  }
  blocks = reserve(header, {true, true, true, true});
  const entropy::Result result = workspace_.decode_planes(source, stream, scan, request, blocks);
  if (result.end == entropy::End::ok) latch(result, header);
  return settled(result, outcome);
}

bool FastPath::read(Bytes source, const Limits& limits, bool strict, Poll poll, Header& header,
                    TensorWriter& writer, Outcome& outcome) {
  markers::Stream stream;
  markers::Scan scan;
  if (markers::next_scan(source, 2, stream, scan) != markers::Found::scan) return false;
  if (!same_sizes(header, stream.header)) return false;
  entropy::Request request;
  request.stop_early = !strict;
  request.max_memory_bytes = limits.max_memory_bytes;
  request.poll = poll;
  for (int c = 0; c < header.num_components; ++c) request.components[c] = want_of(writer.needs(c));
  if (scan.num_components != header.num_components || writer.needs_planes()) {
    return read_whole(source, stream, scan, request, header, writer, outcome);
  }
  // The only scan: the tables in force now are the ones that it latches.
  for (int c = 0; c < header.num_components; ++c) {
    header.components[c].quant = stream.header.components[c].quant;
  }
  writer.begin(header);
  if (!settled(workspace_.decode_rows(source, stream, scan, request, writer), outcome)) return false;
  if (outcome) outcome = writer.finish();
  return true;
}

bool FastPath::read_whole(Bytes source, const markers::Stream& stream, const markers::Scan& scan,
                          const entropy::Request& request, Header& header, TensorWriter& writer,
                          Outcome& outcome) {
  std::array<bool, kMaxComponents> needed{};
  for (int c = 0; c < header.num_components; ++c) needed[c] = request.components[c].last >= 0;
  const std::array<std::int16_t*, kMaxComponents> memory = reserve(header, needed);
  const entropy::Result result = workspace_.decode_planes(source, stream, scan, request, memory);
  if (!settled(result, outcome)) return false;
  if (outcome) {
    latch(result, header);
    FilePlanes planes;
    for (int c = 0; c < header.num_components; ++c) {
      planes[c] = {memory[c], static_cast<std::size_t>(header.components[c].width_blocks)};
    }
    outcome = writer.write(header, planes);
  }
  return true;
}

}  // namespace dctdecode
