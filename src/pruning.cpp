// dctdecode._core.Pruning: data, converted once and used for many images.
#include "dctdecode/prune.h"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include "register.h"

namespace py = pybind11;

namespace dctdecode::binding {

void register_pruning(py::module_& module) {
  py::native_enum<Metadata>(module, "Metadata", "enum.Enum")
      .value("orientation", Metadata::orientation)
      .value("all", Metadata::all)
      .finalize();

  py::class_<Pruning>(module, "Pruning")
      .def(py::init([](const std::array<std::uint64_t, 3>& kept, Metadata metadata, bool upright,
                       bool progressive, bool strict, int quality, const std::pair<int, int>& luma_factors,
                       Filter filter, bool antialias) {
             const auto [v, h] = luma_factors;
             if (quality < 1 || quality > 100) throw py::value_error("quality must be 1 to 100");
             if (v < 1 || v > 2 || h < 1 || h > 2) throw py::value_error("luma_factors must be 1 or 2");
             return Pruning{kept, metadata, upright, progressive, strict, quality, v, h, filter, antialias};
           }),
           py::kw_only(), py::arg("kept"), py::arg("metadata"), py::arg("upright"), py::arg("progressive"),
           py::arg("strict"), py::arg("quality"), py::arg("luma_factors"), py::arg("filter"),
           py::arg("antialias"));
}

}  // namespace dctdecode::binding
