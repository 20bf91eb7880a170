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
      .def(py::init([](const std::array<std::uint64_t, 3>& kept, Metadata metadata, bool progressive,
                       bool strict) { return Pruning{kept, metadata, progressive, strict}; }),
           py::kw_only(), py::arg("kept"), py::arg("metadata"), py::arg("progressive"), py::arg("strict"));
}

}  // namespace dctdecode::binding
