// dctdecode._core: the list of what Python gets.
#include <pybind11/pybind11.h>

#include "dctdecode/version.h"
#include "register.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  const dctdecode::LibjpegVersion version = dctdecode::libjpeg_version();
  if (!version.mismatch.empty()) {
    throw py::import_error("dctdecode was compiled against libjpeg-turbo " + version.compiled +
                           " but another libjpeg answers at run time (" + version.found +
                           "): " + version.mismatch +
                           ". Rebuild it here: pip install --no-cache-dir --force-reinstall dctdecode");
  }
  module.attr("libjpeg_turbo_compiled") = version.compiled;
  module.attr("libjpeg_turbo_found") = version.found;
  dctdecode::binding::register_plan(module);
  dctdecode::binding::register_geometry(module);
  dctdecode::binding::register_pruning(module);
  dctdecode::binding::register_image(module);
  dctdecode::binding::register_batch(module);
  dctdecode::binding::register_encoding(module);
}
