// Outcome -> Python exception, by the class names in dctdecode.errors. The only mapping.
#pragma once

#include <pybind11/pybind11.h>

#include "dctdecode/status.h"

namespace dctdecode::binding {

// Raises unless the outcome is ok. `path` is a Python string or None. Needs the GIL.
void raise_unless_ok(const Outcome& outcome, const pybind11::object& path);

}  // namespace dctdecode::binding
