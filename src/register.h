// The classes of dctdecode._core, one register function each.
#pragma once

#include <pybind11/pybind11.h>

namespace dctdecode::binding {

void register_batch(pybind11::module_& module);
void register_encoding(pybind11::module_& module);
void register_geometry(pybind11::module_& module);
void register_image(pybind11::module_& module);
void register_plan(pybind11::module_& module);
void register_pruning(pybind11::module_& module);

}  // namespace dctdecode::binding
