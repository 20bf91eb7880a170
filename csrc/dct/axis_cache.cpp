#include "dct/axis_cache.h"

namespace dctdecode::dct {

const Axis& AxisCache::find(const AxisSpec& spec) {
  Entry* oldest = &entries_[0];
  for (Entry& entry : entries_) {
    AxisSpec same = entry.axis.spec;
    same.k_out = spec.k_out;
    if (same == spec && entry.axis.spec.k_out >= spec.k_out) {
      entry.used = ++clock_;
      return entry.axis;
    }
    if (entry.used < oldest->used) oldest = &entry;
  }
  oldest->used = ++clock_;
  build_axis(spec, oldest->axis);
  return oldest->axis;
}

void AxisCache::trim(std::size_t keep_bytes) {
  std::size_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.axis.matrices.capacity() * sizeof(float);
  if (bytes <= keep_bytes) return;
  for (Entry& entry : entries_) entry = {};
}

}  // namespace dctdecode::dct
