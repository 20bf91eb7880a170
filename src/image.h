// One JPEG's bytes and header, ready to be decoded into memory that Python allocated.
#pragma once

#include <pybind11/pybind11.h>

namespace dctdecode::binding {

void register_image(pybind11::module_& module);
void register_plan(pybind11::module_& module);

}  // namespace dctdecode::binding
