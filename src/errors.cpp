#include "errors.h"

#include <cerrno>

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

// Null for statuses that are no class of dctdecode.errors.
const char* class_name(Status status) {
  switch (status) {
    case Status::not_jpeg:
    case Status::truncated:
    case Status::corrupt:
      return "CorruptJpegError";
    case Status::unsupported:
      return "UnsupportedJpegError";
    case Status::limit:
      return "LimitExceededError";
    case Status::ok:
    case Status::not_exact:
    case Status::cancelled:
    case Status::out_of_memory:
    case Status::io:
      return nullptr;
  }
  return nullptr;
}

[[noreturn]] void raise_from_errno(int code, const py::object& path) {
  errno = code;
  PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.ptr());
  throw py::error_already_set();
}

}  // namespace

void raise_unless_ok(const Outcome& outcome, const py::object& path) {
  // A handler that ran while we polled may have left its exception (KeyboardInterrupt) behind.
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (outcome) return;
  if (outcome.status == Status::io) raise_from_errno(outcome.system_error, path);
  if (outcome.status == Status::out_of_memory) {
    PyErr_SetString(PyExc_MemoryError, outcome.message.c_str());
    throw py::error_already_set();
  }
  const char* name_of_class = class_name(outcome.status);
  if (name_of_class == nullptr) throw py::value_error(outcome.message);
  const py::object cls = py::module_::import("dctdecode.errors").attr(name_of_class);
  const py::object error =
      cls(outcome.message, py::arg("path") = path, py::arg("reason") = name(outcome.status),
          py::arg("offset_bytes") = outcome.offset_bytes);
  PyErr_SetObject(cls.ptr(), error.ptr());
  throw py::error_already_set();
}

}  // namespace dctdecode::binding
