#include "tensor_writer.h"

#include <algorithm>
#include <climits>

namespace dctdecode {
namespace {

constexpr int kComponents = 3;  // of which a tensor is made

Outcome not_exact() {
  return {Status::not_exact, "dtype=int16 cannot hold a coefficient of this file; use float32", 0, 0};
}

template <class T>
void reserve(std::vector<T>& memory, std::size_t size) {
  if (memory.size() < size) memory.resize(size);
}

}  // namespace

Outcome TensorWriter::prepare(const Header& stored, const Plan& plan, const Geometry& upright, Poll poll,
                              OutputView output) {
  orient(stored, upright, frame_);
  poll_ = poll;
  if (Outcome prepared = emitter_.prepare(frame_.header, plan, frame_.geometry, output); !prepared) {
    return prepared;
  }
  for (int c = 0; c < kComponents; ++c) {
    needs_[c] = c < frame_.header.num_components ? emitter_.needs(c) : Needs{};
    rings_[c].used = needs_[c].band != 0 && !emitter_.is_direct(c);
  }
  size_rings();
  return {};
}

Needs TensorWriter::needs(int component) const {
  const Needs& needs = needs_[component];
  return frame_.transposed ? transposed(needs) : needs;
}

// A row of the output is done once the row of MCUs has been taken that holds the last of its block rows, and
// the rows before it are done. Until then everything from its first block row on has to stay.
void TensorWriter::size_rings() {
  const Header& header = frame_.header;
  const int steps = emitter_.height_blocks();
  mcu_rows_.assign(steps, 0);  // that have to be taken before a step
  for (int step = 0; step < steps; ++step) {
    if (step > 0) mcu_rows_[step] = mcu_rows_[step - 1];
    for (int c = 0; c < kComponents; ++c) {
      if (!rings_[c].used) continue;
      const int end = emitter_.input_rows(c, emitter_.row_at(step)).end;
      mcu_rows_[step] = std::max(mcu_rows_[step], ceil_div(end, header.components[c].v));
    }
  }
  for (int c = 0; c < kComponents; ++c) {
    if (!rings_[c].used) continue;
    const Component& component = header.components[c];
    int needed = component.v, oldest = INT_MAX;
    for (int step = steps - 1; step >= 0; --step) {
      oldest = std::min(oldest, emitter_.input_rows(c, emitter_.row_at(step)).first);
      needed = std::max(needed, mcu_rows_[step] * component.v - oldest);
    }
    dct::Plane& plane = planes_[c];
    plane.ring = std::min(needed, component.height_blocks);
    plane.first_column = needs_[c].column_begin;
    plane.width_blocks = needs_[c].column_end - plane.first_column;
    reserve(rings_[c].blocks, static_cast<std::size_t>(plane.ring) * plane.width_blocks * kBlockSize);
    plane.blocks = rings_[c].blocks.data();
  }
}

void TensorWriter::begin(const Header& stored) {
  copy_tables(stored, frame_);
  emitter_.restart();
  for (int c = 0; c < kComponents; ++c) rings_[c].end_row = 0;
  steps_ = 0;
  outcome_ = {};
}

void TensorWriter::take(const std::array<entropy::BlockRows, kMaxComponents>& rows) {
  if (!outcome_) return;
  for (int c = 0; c < kComponents; ++c) {
    for (int r = 0; r < rows[c].num_rows; ++r) {
      const int row = rows[c].first_row + r;
      const std::int16_t* blocks =
          rows[c].data + (r * rows[c].stride_blocks + needs_[c].column_begin) * kBlockSize;
      if (rings_[c].used) {
        keep(c, row, blocks);
      } else if (!emitter_.direct_row(c, row, blocks)) {
        outcome_ = not_exact();
        return;
      }
    }
  }
  emit_ready(false);
}

void TensorWriter::keep(int c, int row, const std::int16_t* blocks) {
  const dct::Plane& plane = planes_[c];
  const std::size_t size = static_cast<std::size_t>(plane.width_blocks) * kBlockSize;
  std::copy_n(blocks, size, rings_[c].blocks.data() + static_cast<std::size_t>(row % plane.ring) * size);
  rings_[c].end_row = row + 1;
}

bool TensorWriter::is_ready(int row) const {
  for (int c = 0; c < kComponents; ++c) {
    if (rings_[c].used && emitter_.input_rows(c, row).end > rings_[c].end_row) return false;
  }
  return true;
}

void TensorWriter::emit_ready(bool all) {
  if (!emitter_.is_mixed()) return;
  for (; outcome_ && steps_ < emitter_.height_blocks(); ++steps_) {
    const int row = emitter_.row_at(steps_);
    if (!all && !is_ready(row)) return;
    if (!emitter_.mixed_row(row, planes_)) outcome_ = not_exact();
    if (poll_.should_stop != nullptr && poll_.should_stop(poll_.context)) {
      outcome_ = {Status::cancelled, "stopped", 0, 0};
    }
  }
}

Outcome TensorWriter::finish() {
  emit_ready(true);
  return outcome_;
}

// The needed block rows of one row of MCUs.
entropy::BlockRows TensorWriter::rows_of(int c, int mcu_row, const FilePlane& plane) {
  const Component& component = frame_.header.components[c];
  const Needs& needs = needs_[c];
  const int first = std::max(mcu_row * component.v, needs.row_begin);
  const int count = std::min((mcu_row + 1) * component.v, needs.row_end) - first;
  if (plane.blocks == nullptr || count <= 0) return {};
  if (!frame_.transposed) {
    return {first, count, plane.blocks + first * plane.stride_blocks * kBlockSize, plane.stride_blocks};
  }
  const auto stride = static_cast<std::size_t>(component.width_blocks);
  reserve(turned_[c], stride * component.v * kBlockSize);
  for (int column = needs.column_begin; column < needs.column_end; ++column) {
    for (int r = 0; r < count; ++r) {
      transpose_block(plane.blocks + (column * plane.stride_blocks + first + r) * kBlockSize,
                      turned_[c].data() + (r * stride + column) * kBlockSize);
    }
  }
  return {first, count, turned_[c].data(), stride};
}

Outcome TensorWriter::write(const Header& stored, const FilePlanes& planes) {
  begin(stored);
  const int mcu_rows = ceil_div(frame_.header.height_px, 8LL * frame_.header.v_max);
  for (int mcu_row = 0; mcu_row < mcu_rows && outcome_; ++mcu_row) {
    std::array<entropy::BlockRows, kMaxComponents> rows{};
    for (int c = 0; c < std::min(kComponents, stored.num_components); ++c) {
      if (needs_[c].band != 0) rows[c] = rows_of(c, mcu_row, planes[c]);
    }
    take(rows);
    if (poll_.should_stop != nullptr && poll_.should_stop(poll_.context)) {
      return {Status::cancelled, "stopped", 0, 0};
    }
  }
  return finish();
}

void TensorWriter::trim(std::size_t keep_bytes) {
  const auto trim = [keep_bytes](std::vector<std::int16_t>& memory) {
    if (memory.size() * sizeof(memory[0]) > keep_bytes) std::vector<std::int16_t>().swap(memory);
  };
  for (Ring& ring : rings_) trim(ring.blocks);
  for (std::vector<std::int16_t>& rows : turned_) trim(rows);
  emitter_.trim(keep_bytes);
}

}  // namespace dctdecode
