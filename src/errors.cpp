#include "errors.h"

#include <string>

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

// OSError picks its own subclass by errno: FileNotFoundError, IsADirectoryError, ...
py::object os_error(int code, const py::object& path, int index) {
  const py::object words = py::module_::import("os").attr("strerror")(code);
  const std::string place = index < 0 ? "" : " (index " + std::to_string(index) + " of the batch)";
  return py::handle(PyExc_OSError)(code, py::cast<std::string>(words) + place, path);
}

}  // namespace

py::object error_of(const Outcome& outcome, const py::object& path, int index) {
  if (outcome.status == Status::io) return os_error(outcome.system_error, path, index);
  const py::module_ errors = py::module_::import("dctdecode.errors");
  const py::object place = index < 0 ? py::object(py::none()) : py::int_(index);
  const char* name_of_class = class_name(outcome.status);
  if (name_of_class == nullptr) {
    const bool memory = outcome.status == Status::out_of_memory;
    return py::handle(memory ? PyExc_MemoryError : PyExc_ValueError)(errors.attr("prefix")(path, place) +
                                                                     py::str(outcome.message));
  }
  return errors.attr(name_of_class)(outcome.message, py::arg("path") = path,
                                    py::arg("reason") = name(outcome.status),
                                    py::arg("offset_bytes") = outcome.offset_bytes, py::arg("index") = place);
}

void raise_unless_ok(const Outcome& outcome, const py::object& path) {
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (outcome) return;
  const py::object error = error_of(outcome, path);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
  throw py::error_already_set();
}

}  // namespace dctdecode::binding
