#include "emit.h"

#include <algorithm>
#include <utility>

#include "dct/color.h"
#include "dct/store.h"
#include "dct/zigzag.h"

namespace dctdecode {
namespace {

Outcome not_exact(const char* why) {
  return {Status::not_exact, std::string("dtype=int16 holds only stored integers, but ") + why, 0, 0};
}

bool on_output_grid(const Header& header, const Component& component) {
  return component.h == header.h_max && component.v == header.v_max;
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
  mixed_ = false;
  for (Part& part : parts_) {
    part.channels.clear();
    part.outputs.clear();
    part.picks.clear();
    part.frequencies.clear();
    part.resampled = false;
    part.straight = false;
  }
  for (std::size_t i = 0; i < plan.channels.size(); ++i)
    parts_[plan.channels[i].component].outputs.push_back(i);
  for (Part& part : parts_) {
    std::sort(part.outputs.begin(), part.outputs.end(), [&plan](std::size_t a, std::size_t b) {
      return std::pair(plan.channels[a].index, a) < std::pair(plan.channels[b].index, b);
    });
    for (const std::size_t i : part.outputs) part.channels.push_back(&plan.channels[i]);
  }
  const bool exact = plan.dtype == DType::int16;
  if (exact && rgb_) return not_exact("an RGB file is converted to YCbCr");
  for (int c = 0; c < 3; ++c) {
    Part& part = parts_[c];
    if (part.channels.empty() && !rgb_) continue;
    if (c >= header.num_components) {  // chroma of a gray file
      mixed_ = true;
      continue;
    }
    part.resampled = !on_output_grid(header, header.components[c]);
    if (!part.resampled && !rgb_) {
      for (const Channel* channel : part.channels) {
        part.picks.push_back({channel->index, nullptr, channel->mean, channel->inv_std});
      }
      continue;
    }
    if (exact) return not_exact("a subsampled component is resampled to luma's grid");
    mixed_ = true;
    // RGB: each output component draws on all three, so all frequencies of the plan are needed of each.
    for (const Channel& channel : plan.channels) {
      if (rgb_ || channel.component == c) part.frequencies.push_back(channel.index);
    }
    std::sort(part.frequencies.begin(), part.frequencies.end());
    part.frequencies.erase(std::unique(part.frequencies.begin(), part.frequencies.end()),
                           part.frequencies.end());
    part.straight = part.resampled && !rgb_ && plan.dtype == DType::float32;
    part.rows.resize(part.straight ? 0 : part.frequencies.size() * width_blocks_);
    if (part.resampled) prepare_axes(header, c);
  }
  zeros_.assign(mixed_ ? width_blocks_ : 0, 0.0F);
  return {};
}

markers::Band Emitter::needs(int component) const {
  if (component >= 3) return 0;
  const Part& part = parts_[component];
  if (part.resampled) return markers::kAllFrequencies;
  markers::Band band = 0;
  for (const dct::Pick& pick : part.picks) band |= markers::Band{1} << dct::kNaturalToZigzag[pick.index];
  for (const std::uint8_t f : part.frequencies) band |= markers::Band{1} << dct::kNaturalToZigzag[f];
  return band;
}

void Emitter::prepare_axes(const Header& header, int c) {
  Part& part = parts_[c];
  const Component& component = header.components[c];
  dct::AxisSpec specs[2] = {dct::native_axis(header.height_px, component.height_samples, component.v,
                                             header.v_max, plan_->filter, plan_->antialias, false),
                            dct::native_axis(header.width_px, component.width_samples, component.h,
                                             header.h_max, plan_->filter, plan_->antialias, false)};
  specs[0].k_out = highest(part.frequencies, 3) + 1;
  specs[1].k_out = highest(part.frequencies, 0) + 1;
  for (int way = 0; way < 2; ++way) {
    const bool as_cb = c == 2 && parts_[1].resampled && parts_[1].axes[way]->spec == specs[way];
    if (!as_cb) dct::build_axis(specs[way], part.own_axes[way]);
    part.axes[way] = as_cb ? parts_[1].axes[way] : &part.own_axes[way];
  }
}

void* Emitter::at(std::size_t output, int row) const {
  return out_ + (output * height_blocks_ + row) * width_blocks_ * size_bytes(plan_->dtype);
}

bool Emitter::direct_row(int c, int row, const std::int16_t* blocks) {
  Part& part = parts_[c];
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
  dct::resample_row(row, *part.axes[0], *part.axes[1], plane, quant, wanted_.data(),
                    static_cast<int>(wanted_.size()), part.columns);
}

bool Emitter::float_rows(int c, int row, const dct::Plane& plane) {
  Part& part = parts_[c];
  const std::uint16_t* quant = header_->components[c].quant.data();
  if (part.resampled) {
    resampled_row(part, row, plane, quant);
    return true;
  }
  part.picks.clear();
  for (std::size_t i = 0; i < part.frequencies.size(); ++i) {
    part.picks.push_back({part.frequencies[i], part.rows.data() + i * width_blocks_, 0.0F, 1.0F});
  }
  const bool ok = dct::gather_row(plane.row(row), width_blocks_, quant, part.picks.data(),
                                  static_cast<int>(part.picks.size()), DType::float32);
  part.picks.clear();  // stays a mixed component
  return ok;
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
