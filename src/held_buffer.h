// Bytes of a Python object that stay where they are: while its buffer is held, the exporter refuses to
// resize.
#pragma once

#include <pybind11/pybind11.h>

#include "dctdecode/bytes.h"

namespace dctdecode::binding {

class HeldBuffer {
 public:
  explicit HeldBuffer(const pybind11::object& exporter) {
    if (PyObject_GetBuffer(exporter.ptr(), &view_, PyBUF_SIMPLE) != 0) throw pybind11::error_already_set();
  }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;
  ~HeldBuffer() { PyBuffer_Release(&view_); }

  Bytes bytes() const {
    return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

}  // namespace dctdecode::binding
