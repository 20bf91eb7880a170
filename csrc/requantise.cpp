#include "requantise.h"

#include <algorithm>
#include <cmath>

namespace dctdecode {
namespace {

// The result's size along one axis: whole blocks, but for an image on its native grid, whose last block may
// reach beyond its edge.
int size_px(const AxisGeometry& axis, bool native) {
  const int blocks_px = 8 * axis.out_blocks;
  if (!native) return blocks_px;
  const int true_px = static_cast<int>(std::min(axis.stop, axis.hi) - std::max(axis.start, 0.0));
  return true_px > blocks_px - 8 && true_px <= blocks_px ? true_px : blocks_px;
}

// The axis of a component of half the resolution. Its blocks may reach beyond the end of the image (the last
// block of a mirrored one: beyond the beginning), where the edge repeats.
AxisGeometry halved(const AxisGeometry& luma, int factor, int blocks) {
  AxisGeometry axis = luma;
  const double window = (luma.stop - luma.start) * factor * blocks / luma.out_blocks;
  if (luma.flip) {
    axis.start = luma.stop - window;
  } else {
    axis.stop = luma.start + window;
  }
  axis.out_blocks = blocks;
  axis.blur_sigma = luma.blur_sigma / factor;
  return axis;
}

Geometry geometry_of(const Geometry& luma, const Header& result, int c) {
  const Component& component = result.components[c];
  if (component.h == result.h_max && component.v == result.v_max) return luma;
  Geometry geometry = luma;
  geometry.native = false;
  geometry.vertical = halved(luma.vertical, result.v_max / component.v, component.height_blocks);
  geometry.horizontal = halved(luma.horizontal, result.h_max / component.h, component.width_blocks);
  return geometry;
}

// The nearest number of steps, halves away from zero as libjpeg's encoder has it, within what a baseline JPEG
// holds.
std::int16_t steps(float value, float divisor, bool dc) {
  const float low = dc ? -1024.0F : -1023.0F;
  return static_cast<std::int16_t>(std::round(std::clamp(value / divisor, low, 1023.0F)));
}

}  // namespace

Header Requantiser::header_of(const Header& stored, const Pruning& pruning, const Geometry& geometry,
                              const jpeg::StandardTables& tables) {
  Header header;
  header.height_px = size_px(geometry.vertical, geometry.native);
  header.width_px = size_px(geometry.horizontal, geometry.native);
  const bool gray = stored.num_components == 1;
  header.num_components = gray ? 1 : 3;
  header.color_space = gray ? ColorSpace::gray : ColorSpace::ycbcr;
  header.h_max = gray ? 1 : pruning.luma_width_factor;
  header.v_max = gray ? 1 : pruning.luma_height_factor;
  header.components[0].h = header.h_max;
  header.components[0].v = header.v_max;
  for (int c = 0; c < header.num_components; ++c) {
    header.components[c].has_quant = true;
    header.components[c].quant = c == 0 ? tables.luma : tables.chroma;
  }
  fill_grids(header);
  return header;
}

std::uint64_t Requantiser::memory_bytes(const Header& result) {
  std::uint64_t bytes = 0, largest = 0;
  for (int c = 0; c < result.num_components; ++c) {
    const Component& component = result.components[c];
    const std::uint64_t values =
        static_cast<std::uint64_t>(component.height_blocks) * component.width_blocks * kBlockSize;
    bytes += values * sizeof(std::int16_t);
    largest = std::max(largest, values * sizeof(float));
  }
  return bytes + largest;
}

Outcome Requantiser::run(const Header& stored, const FilePlanes& planes, const Pruning& pruning,
                         const Geometry& geometry, Poll poll, TensorWriter& writer, const Header& result,
                         std::array<jpeg::Blocks, kMaxComponents>& blocks) {
  Plan plan;
  plan.filter = pruning.filter;
  plan.antialias = pruning.antialias;
  for (int c = 0; c < result.num_components; ++c) {
    const Component& component = result.components[c];
    const std::size_t grid = static_cast<std::size_t>(component.height_blocks) * component.width_blocks;
    plan.channels.clear();
    for (int k = 0; k < kBlockSize; ++k) {
      if ((pruning.kept[c] >> k & 1) != 0) {
        plan.channels.push_back({static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(k)});
      }
    }
    tensor_.resize(std::max(tensor_.size(), grid * plan.channels.size()));
    blocks_[c].assign(grid * kBlockSize, 0);
    blocks[c] = {blocks_[c].data(), static_cast<std::size_t>(component.width_blocks)};
    if (plan.channels.empty()) continue;
    const OutputView output{tensor_.data()};
    if (Outcome ready = writer.prepare(stored, plan, geometry_of(geometry, result, c), poll, output);
        !ready) {
      return ready;
    }
    if (Outcome written = writer.write(stored, planes); !written) return written;
    quantise(plan, result);
  }
  return {};
}

void Requantiser::quantise(const Plan& plan, const Header& result) {
  const int c = plan.channels.front().component;
  const Component& component = result.components[c];
  const std::size_t grid = static_cast<std::size_t>(component.height_blocks) * component.width_blocks;
  const float* values = tensor_.data();
  for (const Channel& channel : plan.channels) {
    const float divisor = component.quant[channel.index];
    std::int16_t* to = blocks_[c].data() + channel.index;
    for (std::size_t i = 0; i < grid; ++i) to[i * kBlockSize] = steps(*values++, divisor, channel.index == 0);
  }
}

void Requantiser::trim(std::size_t keep_bytes) {
  if (tensor_.size() * sizeof(float) > keep_bytes) std::vector<float>().swap(tensor_);
  for (std::vector<std::int16_t>& blocks : blocks_) {
    if (blocks.size() * sizeof(std::int16_t) > keep_bytes) std::vector<std::int16_t>().swap(blocks);
  }
}

}  // namespace dctdecode
