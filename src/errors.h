// Outcome -> Python exception, by the class names in dctdecode.errors. The only mapping.
#pragma once

#include <pybind11/pybind11.h>

#include "dctdecode/status.h"

namespace dctdecode::binding {

// The exception for a failed outcome. `path` is a Python string or None; `index` the place in a batch, or -1.
// Needs the GIL.
pybind11::object error_of(const Outcome& outcome, const pybind11::object& path, int index = -1);

// Raises unless the outcome is ok. Also raises what a
// signal handler left behind while we polled (KeyboardInterrupt). Needs the GIL.
void raise_unless_ok(const Outcome& outcome, const pybind11::object& path);

}  // namespace dctdecode::binding
