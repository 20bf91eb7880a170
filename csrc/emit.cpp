#include "emit.h"

#include <algorithm>
#include <utility>

#include "dct/color.h"
#include "dct/store.h"
#include "geometry.h"

namespace dctdecode {
namespace {

Outcome not_exact(const char* why) {
  return {Status::not_exact, std::string("dtype=int16 holds only stored integers, but ") + why, 0, 0};
}

int highest(const std::vector<std::uint8_t>& frequencies, int shift) {
  int top = 0;
  for (const std::uint8_t f : frequencies) top = std::max(top, (f >> shift) & 7);
  return top;
}

}  // namespace

Outcome Emitter::prepare(const Header& header, const Plan& plan, const Geometry& geometry,
                         OutputView output) {
  header_ = &header;
  plan_ = &plan;
  out_ = static_cast<char*>(output.data);
  height_blocks_ = geometry.vertical.out_blocks;
  width_blocks_ = geometry.horizontal.out_blocks;
  rgb_ = header.color_space == ColorSpace::rgb;
  mixed_ = upwards_ = false;
  take_channels();
  if (plan.dtype == DType::int16 && rgb_) return not_exact("an RGB file is converted to YCbCr");
  for (int c = 0; c < 3; ++c) {
    if (parts_[c].channels.empty() && !rgb_) continue;
    if (c >= header.num_components) {  // chroma of a gray file
      mixed_ = true;
    } else if (Outcome prepared = prepare_part(c, geometry); !prepared) {
      return prepared;
    }
  }
  zeros_.assign(mixed_ ? width_blocks_ : 0, 0.0F);
  return {};
}

void Emitter::take_channels() {
  const std::vector<Channel>& channels = plan_->channels;
  for (Part& part : parts_) {
    part.channels.clear();
    part.outputs.clear();
    part.picks.clear();
    part.frequencies.clear();
    part.straight = false;
    part.vertical = part.horizontal = nullptr;
  }
  for (std::size_t i = 0; i < channels.size(); ++i) parts_[channels[i].component].outputs.push_back(i);
  for (Part& part : parts_) {
    std::sort(part.outputs.begin(), part.outputs.end(), [&channels](std::size_t a, std::size_t b) {
      return std::pair(channels[a].index, a) < std::pair(channels[b].index, b);
    });
    for (const std::size_t i : part.outputs) part.channels.push_back(&channels[i]);
  }
}

Outcome Emitter::prepare_part(int c, const Geometry& geometry) {
  Part& part = parts_[c];
  const Component& component = header_->components[c];
  const ComponentAxis vertical = vertical_axis(*header_, component);
  const ComponentAxis horizontal = horizontal_axis(*header_, component);
  const bool stored = is_stored(geometry.vertical, geometry.native, vertical) &&
                      is_stored(geometry.horizontal, geometry.native, horizontal);
  if (stored) {
    part.first_row = static_cast<int>(geometry.vertical.start / 8.0);
    part.first_column = static_cast<int>(geometry.horizontal.start / 8.0);
  }
  if (stored && !rgb_) {
    for (const Channel* channel : part.channels) {
      part.picks.push_back({channel->index, nullptr, channel->mean, channel->inv_std});
    }
    return {};
  }
  mixed_ = true;
  // RGB: each output component draws on all three, so all frequencies of the plan are needed of each.
  for (const Channel& channel : plan_->channels) {
    if (rgb_ || channel.component == c) part.frequencies.push_back(channel.index);
  }
  std::sort(part.frequencies.begin(), part.frequencies.end());
  part.frequencies.erase(std::unique(part.frequencies.begin(), part.frequencies.end()),
                         part.frequencies.end());
  part.straight = !stored && !rgb_ && plan_->dtype == DType::float32;
  part.rows.resize(part.straight ? 0 : part.frequencies.size() * width_blocks_);
  if (stored || part.frequencies.empty()) return {};
  part.vertical = &axes_.find(resampling_axis(geometry.vertical, geometry.native, vertical, *plan_,
                                              highest(part.frequencies, 3) + 1));
  part.horizontal = &axes_.find(resampling_axis(geometry.horizontal, geometry.native, horizontal, *plan_,
                                                highest(part.frequencies, 0) + 1));
  upwards_ = upwards_ || part.vertical->spec.flip;
  if (plan_->dtype == DType::int16 && !(part.vertical->exact && part.horizontal->exact)) {
    return not_exact("a component is resampled");
  }
  return {};
}

void Emitter::restart() {
  for (Part& part : parts_) dct::restart(part.columns);
}

Needs Emitter::needs(int component) const {
  Needs needs;
  if (component >= 3) return needs;
  const Part& part = parts_[component];
  if (part.vertical != nullptr) {
    const dct::Axis &v = *part.vertical, &h = *part.horizontal;
    for (int k = 0; k < kBlockSize; ++k) {
      if (k / 8 < v.spec.k_in && k % 8 < h.spec.k_in) needs.add(k);
    }
    needs.row_begin = v.first_block;
    needs.row_end = v.end_block;
    needs.column_begin = h.first_block;
    needs.column_end = h.end_block;
    return needs;
  }
  for (const dct::Pick& pick : part.picks) needs.add(pick.index);
  for (const std::uint8_t f : part.frequencies) needs.add(f);
  needs.row_begin = part.first_row;
  needs.row_end = part.first_row + height_blocks_;
  needs.column_begin = part.first_column;
  needs.column_end = part.first_column + width_blocks_;
  return needs;
}

dct::InputRows Emitter::input_rows(int component, int row) const {
  const Part& part = parts_[component];
  if (part.vertical != nullptr) return dct::input_rows(*part.vertical, row);
  return {part.first_row + row, part.first_row + row + 1};
}

void* Emitter::at(std::size_t output, int row) const {
  return out_ + (output * height_blocks_ + row) * width_blocks_ * size_bytes(plan_->dtype);
}

bool Emitter::direct_row(int c, int block_row, const std::int16_t* blocks) {
  Part& part = parts_[c];
  const int row = block_row - part.first_row;
  for (std::size_t i = 0; i < part.picks.size(); ++i) part.picks[i].dst = at(part.outputs[i], row);
  return dct::gather_row(blocks, width_blocks_, header_->components[c].quant.data(), part.picks.data(),
                         static_cast<int>(part.picks.size()), plan_->dtype);
}

void Emitter::resampled_row(Part& part, int row, const dct::Plane& plane, const std::uint16_t* quant) {
  wanted_.clear();
  for (std::size_t i = 0; part.straight && i < part.channels.size(); ++i) {
    const Channel& channel = *part.channels[i];
    wanted_.push_back(
        {channel.index, static_cast<float*>(at(part.outputs[i], row)), channel.mean, channel.inv_std});
  }
  for (std::size_t i = 0; !part.straight && i < part.frequencies.size(); ++i) {
    wanted_.push_back({part.frequencies[i], part.rows.data() + i * width_blocks_});
  }
  dct::resample_row(row, *part.vertical, *part.horizontal, plane, quant, wanted_.data(),
                    static_cast<int>(wanted_.size()), part.columns);
}

bool Emitter::float_rows(int c, int row, const dct::Plane& plane) {
  Part& part = parts_[c];
  const std::uint16_t* quant = header_->components[c].quant.data();
  if (part.vertical != nullptr) {
    resampled_row(part, row, plane, quant);
    return true;
  }
  float_picks_.clear();
  for (std::size_t i = 0; i < part.frequencies.size(); ++i) {
    float_picks_.push_back({part.frequencies[i], part.rows.data() + i * width_blocks_, 0.0F, 1.0F});
  }
  return dct::gather_row(plane.at(part.first_row + row, part.first_column), width_blocks_, quant,
                         float_picks_.data(), static_cast<int>(float_picks_.size()), DType::float32);
}

bool Emitter::store(const Part& part, int row) {
  for (std::size_t i = 0; i < part.channels.size(); ++i) {
    const Channel& channel = *part.channels[i];
    const auto place = std::lower_bound(part.frequencies.begin(), part.frequencies.end(), channel.index);
    const float* values = part.rows.data() + (place - part.frequencies.begin()) * width_blocks_;
    if (!dct::store_row(values, width_blocks_, plan_->dtype, at(part.outputs[i], row), channel.mean,
                        channel.inv_std)) {
      return false;
    }
  }
  return true;
}

bool Emitter::store_zeros(int row) {
  for (int c = header_->num_components; c < 3; ++c) {
    const Part& part = parts_[c];
    for (std::size_t i = 0; i < part.channels.size(); ++i) {
      const Channel& channel = *part.channels[i];
      if (!dct::store_row(zeros_.data(), width_blocks_, plan_->dtype, at(part.outputs[i], row), channel.mean,
                          channel.inv_std)) {
        return false;
      }
    }
  }
  return true;
}

bool Emitter::mixed_row(int row, const std::array<dct::Plane, kMaxComponents>& planes) {
  const int components = std::min(header_->num_components, 3);
  for (int c = 0; c < components; ++c) {
    if (!parts_[c].frequencies.empty() && !float_rows(c, row, planes[c])) return false;
  }
  if (rgb_) {
    dct::rgb_to_ycbcr(parts_[0].rows.data(), parts_[1].rows.data(), parts_[2].rows.data(),
                      static_cast<int>(parts_[0].rows.size()));
  }
  for (int c = 0; c < components; ++c) {
    const Part& part = parts_[c];
    if (!part.frequencies.empty() && !part.straight && !store(part, row)) return false;
  }
  return store_zeros(row);
}

}  // namespace dctdecode
