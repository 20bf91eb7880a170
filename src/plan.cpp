// dctdecode._core.Limits and dctdecode._core.Plan: data, converted once and used for many images.
#include "dctdecode/plan.h"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <tuple>

#include "dctdecode/limits.h"
#include "register.h"

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

using ChannelTuple = std::tuple<int, int, float, float>;  // component, index, mean, inv_std

Plan make_plan(const std::vector<ChannelTuple>& channels, DType dtype, Filter filter, bool antialias,
               bool fast, bool strict) {
  Plan plan;
  for (const auto& [component, index, mean, inv_std] : channels) {
    if (component < 0 || component > 2 || index < 0 || index >= 64) {
      throw py::value_error("a channel is (component 0..2, index 0..63, mean, inv_std)");
    }
    plan.channels.push_back(
        {static_cast<std::uint8_t>(component), static_cast<std::uint8_t>(index), mean, inv_std});
  }
  plan.dtype = dtype;
  plan.filter = filter;
  plan.antialias = antialias;
  plan.fast = fast;
  plan.strict = strict;
  return plan;
}

}  // namespace

void register_plan(py::module_& module) {
  py::native_enum<DType>(module, "DType", "enum.Enum")
      .value("float32", DType::float32)
      .value("float16", DType::float16)
      .value("bfloat16", DType::bfloat16)
      .value("int16", DType::int16)
      .finalize();
  py::native_enum<Filter>(module, "Filter", "enum.Enum")
      .value("box", Filter::box)
      .value("bilinear", Filter::bilinear)
      .value("bicubic", Filter::bicubic)
      .value("lanczos", Filter::lanczos)
      .finalize();

  py::class_<Limits>(module, "Limits")
      .def(py::init([](std::uint64_t max_pixels, std::uint64_t max_memory_bytes, std::uint64_t max_bytes,
                       std::uint64_t max_block_visits, std::uint32_t max_scans) {
             return Limits{max_pixels, max_memory_bytes, max_bytes, max_block_visits, max_scans};
           }),
           py::kw_only(), py::arg("max_pixels"), py::arg("max_memory_bytes"), py::arg("max_bytes"),
           py::arg("max_block_visits"), py::arg("max_scans"));

  py::class_<Plan>(module, "Plan")
      .def(py::init(&make_plan), py::arg("channels"), py::arg("dtype"), py::arg("filter"),
           py::arg("antialias"), py::arg("fast"), py::arg("strict"))
      .def("__len__", [](const Plan& plan) { return plan.channels.size(); });
}

}  // namespace dctdecode::binding
