// What libjpeg-turbo says of a file, and one comparison of our decoder with it.
#pragma once

#include <cstddef>
#include <cstdio>
// jpeglib.h needs size_t and FILE.
#include <jpeglib.h>

#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/header.h"

namespace entropy_test {

using Planes = std::array<std::vector<std::int16_t>, dctdecode::kMaxComponents>;

struct Oracle {
  bool error = false;
  long warnings = 0;
  Planes planes;
  std::array<std::array<std::uint16_t, 64>, dctdecode::kMaxComponents> quant{};
  bool clean() const { return !error && warnings == 0; }
};

namespace detail {

struct Errors {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
};

inline void fail(j_common_ptr info) { std::longjmp(reinterpret_cast<Errors*>(info->err)->jump, 1); }
inline void count(j_common_ptr info, int level) {
  if (level < 0) ++info->err->num_warnings;
}

// Only C objects live in the frame that longjmp leaves.
inline bool read(jpeg_decompress_struct* info, Errors* errors, dctdecode::Bytes source,
                 void (*take)(jpeg_decompress_struct*, jvirt_barray_ptr*, void*), void* context) {
  info->err = jpeg_std_error(&errors->manager);
  errors->manager.error_exit = fail;
  errors->manager.emit_message = count;
  if (setjmp(errors->jump) != 0) return false;
  jpeg_create_decompress(info);
  jpeg_mem_src(info, source.data, static_cast<unsigned long>(source.size));
  jpeg_read_header(info, TRUE);
  if (static_cast<double>(info->image_width) * info->image_height > double{1 << 26}) return false;
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(info);
  take(info, arrays, context);
  return true;
}

inline void copy(jpeg_decompress_struct* info, jvirt_barray_ptr* arrays, void* context) {
  auto* oracle = static_cast<Oracle*>(context);
  for (int c = 0; c < info->num_components && c < dctdecode::kMaxComponents; ++c) {
    const jpeg_component_info& component = info->comp_info[c];
    const std::size_t row_size = std::size_t{component.width_in_blocks} * 64;
    oracle->planes[c].resize(row_size * component.height_in_blocks);
    for (JDIMENSION row = 0; row < component.height_in_blocks; ++row) {
      JBLOCKARRAY blocks =
          info->mem->access_virt_barray(reinterpret_cast<j_common_ptr>(info), arrays[c], row, 1, FALSE);
      std::memcpy(oracle->planes[c].data() + row * row_size, blocks[0], row_size * sizeof(std::int16_t));
    }
    if (component.quant_table == nullptr) continue;
    for (int k = 0; k < 64; ++k) oracle->quant[c][k] = component.quant_table->quantval[k];
  }
}

}  // namespace detail

inline Oracle ask_libjpeg(dctdecode::Bytes source) {
  Oracle oracle;
  jpeg_decompress_struct info{};
  detail::Errors errors{};
  oracle.error = !detail::read(&info, &errors, source, detail::copy, &oracle);
  oracle.warnings = errors.manager.num_warnings;
  jpeg_destroy_decompress(&info);
  return oracle;
}

}  // namespace entropy_test
