// Decoder::read with any geometry against its definition in double precision, with either decoder.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "entropy_writer.h"
#include "geometry_oracle.h"
#include "mutants.h"

namespace {

using exercise::PlanesResult;
using exercise::ReadResult;

int compared = 0, resampled = 0, exact_integers = 0;

std::vector<float> floats(const ReadResult& result) {
  std::vector<float> values(result.tensor.size() / sizeof(float));
  std::memcpy(values.data(), result.tensor.data(), result.tensor.size());
  return values;
}

ReadResult read_forced(Decoder& decoder, Bytes source, const Limits& limits, const Plan& plan,
                       const Geometry& geometry) {
  setenv("DCTDECODE_DECODER", "libjpeg-turbo", 1);
  ReadResult result = exercise::read(decoder, source, limits, plan, 0x11, &geometry);
  unsetenv("DCTDECODE_DECODER");
  return result;
}

// Channels of a component that has `kept` (v, u) frequencies.
void add_channels(Plan& plan, int component, int k_v, int k_u) {
  for (int k = 0; k < 64; ++k) {
    if (k / 8 < k_v && k % 8 < k_u) {
      plan.channels.push_back({static_cast<std::uint8_t>(component), static_cast<std::uint8_t>(k), 0, 1});
    }
  }
}

void check_one(Decoder& decoder, const mutants::File& file, std::mt19937& rng) {
  const auto draw = [&rng](unsigned below) { return static_cast<unsigned>(rng() % below); };
  const Bytes source{file.data(), file.size()};
  const Limits limits = exercise::small_limits();
  const PlanesResult planes = exercise::read_planes(decoder, source, limits, true, 0);
  if (!planes.outcome || planes.header.color_space == ColorSpace::rgb || !check_color_space(planes.header))
    return;
  const Geometry geometry = exercise::some_geometry(planes.header, draw);
  Plan plan;
  plan.filter = static_cast<Filter>(draw(4));
  plan.antialias = draw(4) != 0;
  plan.fast = draw(3) == 0;
  plan.strict = draw(2) == 0;
  const int sizes[3][2] = {{1 + int(draw(8)), 1 + int(draw(8))}, {4, 4}, {2, 2}};
  for (int c = 0; c < 3; ++c) add_channels(plan, c, sizes[c][0], sizes[c][1]);
  const ReadResult got = exercise::read(decoder, source, limits, plan, 0xEE, &geometry);
  expect(static_cast<bool>(got.outcome), "read", got.outcome.message.c_str());
  const ReadResult other = read_forced(decoder, source, limits, plan, geometry);
  expect(other.tensor == got.tensor, "both decoders, rings and whole planes: the same bits", "read");
  const std::vector<float> values = floats(got);
  const std::size_t wb = geometry.horizontal.out_blocks, grid = geometry.vertical.out_blocks * wb;
  std::size_t channel = 0;
  for (int c = 0; c < 3; ++c) {
    bool exact = true;
    Matrix want(8 * geometry.vertical.out_blocks, 8 * geometry.horizontal.out_blocks);
    if (c < planes.header.num_components)
      want = oracle(planes, c, geometry, plan, exact, sizes[c][0], sizes[c][1]);
    double range = 1, worst = 0;
    for (const double value : want.values) range = std::max(range, std::abs(value));
    for (; channel < plan.channels.size() && plan.channels[channel].component == c; ++channel) {
      const int k = plan.channels[channel].index;
      for (std::size_t i = 0; i < grid; ++i) {
        const double expected = want.at(8 * int(i / wb) + k / 8, 8 * int(i % wb) + k % 8);
        const double error = std::abs(values[channel * grid + i] - expected);
        worst = std::isnan(error) ? INFINITY : std::max(worst, error);
      }
    }
    if (worst > (exact ? 0 : 1e-5 * range)) {
      const AxisGeometry &v = geometry.vertical, &h = geometry.horizontal;
      std::fprintf(stderr,
                   "FAILED: component %d of %d x %d px (%d, %d of %d, %d), orientation %d%s, filter %d%s%s: "
                   "[%g, %g) in [%g, %g) to %d%s blur %d x [%g, %g) in [%g, %g) to %d%s blur %d: %g of %g\n",
                   c, planes.header.height_px, planes.header.width_px, planes.header.components[c].v,
                   planes.header.components[c].h, planes.header.v_max, planes.header.h_max,
                   geometry.orientation, geometry.native ? " native" : "", static_cast<int>(plan.filter),
                   plan.antialias ? "" : " plain", plan.fast ? " fast" : "", v.start, v.stop, v.lo, v.hi,
                   v.out_blocks, v.flip ? " flip" : "", v.blur_taps, h.start, h.stop, h.lo, h.hi,
                   h.out_blocks, h.flip ? " flip" : "", h.blur_taps, worst, range);
      ++failures;
    }
    ++compared;
    resampled += exact ? 0 : 1;
  }
}

mutants::File random_file(std::mt19937& rng) {
  static const std::vector<std::array<int, 2>> factors = {{1, 1}, {2, 1}, {1, 2}, {2, 2},
                                                          {4, 1}, {3, 1}, {1, 4}};
  entropy_test::Shape shape;
  shape.width_px = 1 + static_cast<int>(rng() % 150);
  shape.height_px = 1 + static_cast<int>(rng() % 150);
  shape.sampling = {factors[rng() % 4], factors[rng() % 2], {1, 1}};
  if (rng() % 3 == 0) shape.sampling = {factors[rng() % factors.size()], {1, 1}, {1, 1}};
  if (rng() % 5 == 0) shape.sampling = {factors[rng() % 4]};
  shape.scans = {{0, 1, 2}};
  if (rng() % 4 == 0) shape.scans = {{0}, {1, 2}};
  if (shape.sampling.size() == 1) shape.scans = {{0}};
  shape.density = 0.1;
  shape.max_size = 6;
  return entropy_test::Writer(shape, static_cast<std::uint32_t>(rng())).write();
}

// A slice of the native grid holds the bits of the whole, whatever the subsampling.
void slices(Decoder& decoder, const mutants::File& file, std::mt19937& rng) {
  const Bytes source{file.data(), file.size()};
  Header header;
  if (!read_header(source, exercise::small_limits(), header) || !check_color_space(header)) return;
  Plan plan;
  plan.filter = rng() % 3 == 0 ? Filter::bicubic : Filter::bilinear;
  for (int c = 0; c < 3; ++c) add_channels(plan, c, 3, 4);
  const Geometry whole = native_geometry(header);
  Geometry slice = whole;
  for (AxisGeometry* axis : {&slice.vertical, &slice.horizontal}) {
    const int first = static_cast<int>(rng() % axis->out_blocks);
    axis->out_blocks = 1 + static_cast<int>(rng() % (axis->out_blocks - first));
    axis->start = 8.0 * first;
    axis->stop = axis->start + 8.0 * axis->out_blocks;
  }
  const auto all = floats(exercise::read(decoder, source, exercise::small_limits(), plan, 1, &whole));
  const auto some = floats(exercise::read(decoder, source, exercise::small_limits(), plan, 2, &slice));
  bool equal = all.size() == plan.channels.size() * whole.vertical.out_blocks * whole.horizontal.out_blocks;
  std::size_t at = 0;
  for (std::size_t c = 0; equal && c < plan.channels.size(); ++c) {
    for (int i = 0; i < slice.vertical.out_blocks; ++i) {
      for (int j = 0; j < slice.horizontal.out_blocks; ++j, ++at) {
        const std::size_t row = c * whole.vertical.out_blocks + i + std::size_t(slice.vertical.start / 8);
        equal &=
            some[at] == all[row * whole.horizontal.out_blocks + j + std::size_t(slice.horizontal.start / 8)];
      }
    }
  }
  expect(equal, "a slice of the native grid", "slices");
}

// Mirrored whole blocks stay integers; everything else that is resampled does not.
void integers(Decoder& decoder) {
  entropy_test::Shape shape;
  shape.sampling = {{1, 1}, {1, 1}, {1, 1}};
  shape.density = 0.1;
  shape.max_size = 5;
  for (const auto& [height, width] : {std::pair{24, 40}, {21, 40}, {24, 37}}) {
    shape.height_px = height;
    shape.width_px = width;
    const mutants::File file = entropy_test::Writer(shape, 5).write();
    const Bytes source{file.data(), file.size()};
    Header header;
    expect(static_cast<bool>(read_header(source, {}, header)), "header", "integers");
    for (int orientation = 1; orientation <= 8; ++orientation) {
      Header upright = header;
      if (orientation >= 5) std::swap(upright.height_px, upright.width_px);
      Geometry geometry = native_geometry(upright);
      geometry.orientation = orientation;
      Plan plan;
      for (int c = 0; c < 3; ++c) add_channels(plan, c, 8, 8);
      std::erase_if(plan.channels, [](const Channel& channel) { return channel.index == 0; });  // too large
      const auto reference = floats(exercise::read(decoder, source, {}, plan, 1, &geometry));
      plan.dtype = DType::int16;
      const ReadResult got = exercise::read(decoder, source, {}, plan, 1, &geometry);
      // A mirrored image's edges are extended, on every side, so they may not lie inside a block.
      const bool mirrored = orientation != 1 && orientation != 5;
      const bool whole = !mirrored || (width % 8 == 0 && height % 8 == 0);
      const std::string what = std::to_string(height) + " x " + std::to_string(width) + ", orientation " +
                               std::to_string(orientation) + ": " + got.outcome.message;
      expect(static_cast<bool>(got.outcome) == whole, "int16 where blocks are whole", what.c_str());
      if (!got.outcome) {
        expect(got.outcome.status == Status::not_exact, "not_exact", "integers");
        continue;
      }
      bool equal = true;
      for (std::size_t i = 0; i < reference.size(); ++i) {
        std::int16_t value;
        std::memcpy(&value, got.tensor.data() + 2 * i, sizeof value);
        equal &= reference[i] == value;
      }
      expect(equal, "integers", "integers");
      ++exact_integers;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 400;
  Decoder decoder;
  std::mt19937 rng(11);
  const std::vector<mutants::File> files = mutants::small_files();
  for (int round = 0; round < rounds; ++round) {
    check_one(decoder, round % 4 == 0 ? files[rng() % files.size()] : random_file(rng), rng);
    slices(decoder, round % 4 == 0 ? files[rng() % files.size()] : random_file(rng), rng);
  }
  integers(decoder);
  std::printf("%d components compared, %d of them resampled; %d tensors of integers\n", compared, resampled,
              exact_integers);
  expect(resampled > rounds && compared - resampled > rounds / 20 && exact_integers > 8, "variety", "main");
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
