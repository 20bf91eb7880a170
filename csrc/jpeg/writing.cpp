#include "jpeg/writing.h"

#include <algorithm>

#include "jpeg/outcome.h"

namespace dctdecode::jpeg {
namespace {

constexpr std::size_t kKeepBytes = std::size_t{64} << 20;

dctd_color_space color_space_of(ColorSpace color_space) {
  switch (color_space) {
    case ColorSpace::gray:
      return DCTD_GRAY;
    case ColorSpace::ycbcr:
      return DCTD_YCBCR;
    case ColorSpace::rgb:
      return DCTD_RGB;
    case ColorSpace::cmyk:
      return DCTD_CMYK;
    case ColorSpace::ycck:
      return DCTD_YCCK;
    case ColorSpace::unknown:
      return DCTD_UNKNOWN;
  }
  return DCTD_UNKNOWN;
}

dctd_image image_of(const Header& header, const std::array<Blocks, kMaxComponents>& blocks) {
  dctd_image image{};
  image.height_px = header.height_px;
  image.width_px = header.width_px;
  image.num_components = header.num_components;
  image.color_space = color_space_of(header.color_space);
  for (int c = 0; c < header.num_components; ++c) {
    const Component& from = header.components[c];
    dctd_component& to = image.components[c];
    to.h = from.h;
    to.v = from.v;
    to.height_blocks = from.height_blocks;
    to.width_blocks = from.width_blocks;
    to.has_quant = from.has_quant ? 1 : 0;
    std::copy_n(from.quant.begin(), kBlockSize, to.quant);
    to.coefficients = blocks[c].data;
    to.stride_blocks = blocks[c].stride_blocks;
  }
  return image;
}

int ask(void* context) {
  const Poll& poll = *static_cast<const Poll*>(context);
  return poll.should_stop(poll.context) ? 1 : 0;
}

dctd_codes codes_of(const markers::HuffmanSpec& spec) {
  dctd_codes codes;
  std::copy(spec.bits.begin(), spec.bits.end(), codes.bits);
  std::copy(spec.values.begin(), spec.values.end(), codes.values);
  return codes;
}

// `poll` has to live as long as `options`.
void ask_while_writing(Poll& poll, dctd_write_options& options) {
  if (poll.should_stop == nullptr) return;
  options.should_stop = ask;
  options.context = &poll;
}

Outcome no_memory() { return {Status::out_of_memory, "no memory for an encoder", 0, 0}; }

}  // namespace

int huffman_table_of(ColorSpace color_space, int c) {
  const bool has_chroma = color_space == ColorSpace::ycbcr || color_space == ColorSpace::ycck;
  return has_chroma && (c == 1 || c == 2) ? 1 : 0;
}

dctd_writer* Writer::get() {
  if (!writer_) writer_.reset(dctd_writer_new());
  return writer_.get();
}

Outcome Writer::standard_tables(int quality, StandardTables& tables) {
  dctd_writer* writer = get();
  if (writer == nullptr) return no_memory();
  dctd_result result;
  dctd_standard_tables(writer, quality, tables.luma.data(), tables.chroma.data(), &result);
  return outcome_of(result);
}

Outcome Writer::write(const Header& header, const std::array<Blocks, kMaxComponents>& blocks,
                      const Finish& finish, const Limits& limits, Poll poll, Bytes& jpeg) {
  dctd_writer* writer = get();
  if (writer == nullptr) return no_memory();
  segments_.clear();
  for (const markers::Attachment& a : finish.attachments) {
    segments_.push_back({a.marker, a.payload.data, a.payload.size});
  }
  dctd_write_options options{};
  options.max_bytes = limits.max_memory_bytes;
  options.progressive = finish.progressive ? 1 : 0;
  options.density = {finish.density.unit, finish.density.x, finish.density.y};
  options.segments = segments_.data();
  options.num_segments = segments_.size();
  ask_while_writing(poll, options);
  dctd_huffman huffman;
  if (finish.huffman != nullptr) {
    for (int i = 0; i < 2; ++i) {
      huffman.dc[i] = codes_of(finish.huffman->dc[i]);
      huffman.ac[i] = codes_of(finish.huffman->ac[i]);
    }
    options.huffman = &huffman;
  }
  const dctd_image image = image_of(header, blocks);
  dctd_result result;
  dctd_write_coefficients(writer, &image, &options, &result);
  jpeg.data = dctd_written(writer, &jpeg.size);
  return outcome_of(result);
}

Outcome Writer::encode(const Pixels& pixels, const Encoding& encoding, Poll poll, Bytes& jpeg) {
  dctd_writer* writer = get();
  if (writer == nullptr) return no_memory();
  dctd_write_options options{};
  options.max_bytes = SIZE_MAX;
  ask_while_writing(poll, options);
  const dctd_pixels from{pixels.data, pixels.stride_bytes, pixels.height_px, pixels.width_px,
                         pixels.channels};
  dctd_encoding how{};
  how.quality = encoding.quality;
  how.luma_v = encoding.luma_height_factor;
  how.luma_h = encoding.luma_width_factor;
  std::copy(encoding.kept.begin(), encoding.kept.end(), how.kept);
  dctd_result result;
  dctd_encode(writer, &from, &how, &options, &result);
  jpeg.data = dctd_written(writer, &jpeg.size);
  return outcome_of(result);
}

void Writer::trim() {
  if (writer_) dctd_writer_trim(writer_.get(), kKeepBytes);
}

}  // namespace dctdecode::jpeg
