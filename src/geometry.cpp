// dctdecode._core.Geometry: where one image lies on the output's grid, checked once and handed on.
#include <pybind11/stl.h>

#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include "dctdecode/plan.h"
#include "register.h"

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

// start, stop, lo, hi, out_blocks, flip, blur_taps, blur_sigma
using AxisTuple = std::tuple<double, double, double, double, int, bool, int, double>;

constexpr double kFarthestPx = 1 << 24;  // of a window: what indices of samples and blocks hold with ease
constexpr int kMostBlocks = 1 << 13;     // along an axis: 65,536 px, where JPEG ends too
constexpr int kMostTaps = 1 << 12;       // of a blur

void require(bool sound, const char* name, const char* rule) {
  if (!sound) throw py::value_error(std::string(name) + " axis: " + rule);
}

AxisGeometry make_axis(const AxisTuple& values, const char* name) {
  AxisGeometry axis;
  std::tie(axis.start, axis.stop, axis.lo, axis.hi, axis.out_blocks, axis.flip, axis.blur_taps,
           axis.blur_sigma) = values;
  require(std::abs(axis.start) <= kFarthestPx && std::abs(axis.stop) <= kFarthestPx, name,
          "start and stop must be finite and at most 2^24 px away");
  require(axis.start < axis.stop, name, "start must lie before stop");
  require(axis.lo >= 0.0 && axis.lo < axis.hi && axis.hi <= kFarthestPx, name, "needs 0 <= lo < hi <= 2^24");
  require(axis.out_blocks >= 1 && axis.out_blocks <= kMostBlocks, name, "needs 1 to 2^13 output blocks");
  const bool odd = axis.blur_taps > 0 && axis.blur_taps <= kMostTaps && axis.blur_taps % 2 == 1;
  require(axis.blur_taps == 0 || odd, name, "blur_taps must be 0 or odd and below 2^12");
  require(axis.blur_taps == 0 || (axis.blur_sigma > 0.0 && std::isfinite(axis.blur_sigma)), name,
          "blur_sigma must be above 0");
  return axis;
}

Geometry make_geometry(int orientation, bool native, const AxisTuple& vertical, const AxisTuple& horizontal) {
  if (orientation < 1 || orientation > 8) throw py::value_error("orientation must be 1 to 8");
  return {orientation, native, make_axis(vertical, "vertical"), make_axis(horizontal, "horizontal")};
}

std::pair<int, int> grid(const Geometry& geometry) {
  return {geometry.vertical.out_blocks, geometry.horizontal.out_blocks};
}

}  // namespace

void register_geometry(py::module_& module) {
  py::class_<Geometry>(module, "Geometry")
      .def(py::init(&make_geometry), py::arg("orientation"), py::arg("native"), py::arg("vertical"),
           py::arg("horizontal"))
      .def_property_readonly("grid", &grid);
}

}  // namespace dctdecode::binding
