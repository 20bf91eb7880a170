#include "jpeg/libjpeg.h"

#include <algorithm>

#include "dctdecode/version.h"
#include "jpeg/outcome.h"

namespace dctdecode::jpeg {
namespace {

constexpr std::size_t kKeepBytes = std::size_t{64} << 20;

ColorSpace color_space_of(dctd_color_space color_space) {
  switch (color_space) {
    case DCTD_GRAY:
      return ColorSpace::gray;
    case DCTD_YCBCR:
      return ColorSpace::ycbcr;
    case DCTD_RGB:
      return ColorSpace::rgb;
    case DCTD_CMYK:
      return ColorSpace::cmyk;
    case DCTD_YCCK:
      return ColorSpace::ycck;
    case DCTD_UNKNOWN:
      return ColorSpace::unknown;
  }
  return ColorSpace::unknown;
}

Outcome no_memory() { return {Status::out_of_memory, "no memory for a decoder", 0, 0}; }

void copy_header(const dctd_image& image, Header& header) {
  const int orientation = header.orientation;  // EXIF is the marker parser's affair
  header = {};
  header.orientation = orientation;
  header.height_px = image.height_px;
  header.width_px = image.width_px;
  header.precision_bits = image.precision_bits;
  header.num_components = image.num_components;
  header.h_max = image.h_max;
  header.v_max = image.v_max;
  header.color_space = color_space_of(image.color_space);
  header.progressive = image.progressive != 0;
  header.arithmetic = image.arithmetic != 0;
  header.restart_interval = image.restart_interval;
  for (int c = 0; c < image.num_components; ++c) {
    const dctd_component& from = image.components[c];
    Component& to = header.components[c];
    to.id = from.id;
    to.h = from.h;
    to.v = from.v;
    to.quant_selector = from.quant_selector;
    to.height_blocks = from.height_blocks;
    to.width_blocks = from.width_blocks;
    to.height_samples = from.height_samples;
    to.width_samples = from.width_samples;
    to.has_quant = from.has_quant != 0;
    std::copy_n(from.quant, kBlockSize, to.quant.begin());
  }
}

void copy_report(const dctd_result& result, Report& report) {
  report.decoder = kLibjpegTurbo;
  for (int i = 0; i < result.num_warning_texts; ++i) report.warnings.emplace_back(result.warnings[i]);
  for (int i = 0; i < result.num_notes; ++i) report.notes.emplace_back(result.notes[i]);
}

int ask(void* context) {
  const Poll& poll = *static_cast<const Poll*>(context);
  return poll.should_stop(poll.context) ? 1 : 0;
}

}  // namespace

dctd_reader* Reader::get() {
  if (!reader_) reader_.reset(dctd_reader_new());
  return reader_.get();
}

Outcome Reader::read_header(Bytes source, Header& header) {
  dctd_reader* reader = get();
  if (reader == nullptr) return no_memory();
  dctd_image image;
  dctd_result result;
  if (dctd_read_header(reader, source.data, source.size, &image, &result) == DCTD_OK) {
    copy_header(image, header);
  }
  return outcome_of(result);
}

Outcome Reader::read_coefficients(Bytes source, const Limits& limits, const markers::Bands& wanted,
                                  bool strict, Poll poll, Header& header,
                                  std::array<Blocks, kMaxComponents>& blocks, Report& report) {
  dctd_reader* reader = get();
  if (reader == nullptr) return no_memory();
  const bool dropped = header.progressive && markers::drop_unwanted_scans(source, wanted, kept_);
  if (dropped) source = {kept_.bytes.data(), kept_.bytes.size()};
  dctd_options options{};
  options.max_coefficient_bytes = limits.max_memory_bytes;
  std::copy(wanted.begin(), wanted.end(), options.wanted);
  options.max_block_visits = limits.max_block_visits;
  options.max_scans = limits.max_scans;
  options.strict = strict ? 1 : 0;
  if (poll.should_stop != nullptr) {
    options.should_stop = ask;
    options.context = &poll;
  }
  dctd_image image;
  dctd_result result;
  if (dctd_read_coefficients(reader, source.data, source.size, &options, &image, &result) == DCTD_OK) {
    copy_header(image, header);
    for (int c = 0; c < image.num_components; ++c) {
      blocks[c] = {image.components[c].coefficients, image.components[c].stride_blocks};
    }
  }
  copy_report(result, report);
  Outcome outcome = outcome_of(result);
  if (dropped) outcome.offset_bytes = kept_.offset_in_file(outcome.offset_bytes);
  return outcome;
}

void Reader::trim() {
  if (reader_) dctd_reader_trim(reader_.get(), kKeepBytes);
  if (kept_.bytes.capacity() > kKeepBytes) std::vector<std::uint8_t>().swap(kept_.bytes);
}

}  // namespace dctdecode::jpeg

namespace dctdecode {

LibjpegVersion libjpeg_version() {
  char found[DCTD_TEXT], mismatch[DCTD_TEXT];
  dctd_found_version(found, mismatch);
  return {dctd_compiled_version(), found, dctd_compiled_abi(), mismatch};
}

}  // namespace dctdecode
