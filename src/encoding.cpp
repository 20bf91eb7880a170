// dctdecode._core.encode: pixels to a JPEG.
#include <pybind11/stl.h>

#include "dctdecode/encode.h"
#include "errors.h"
#include "lease.h"
#include "register.h"
#include "signals.h"

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

// `address`: rows of `channels` * width bytes, `stride_bytes` apart, which the caller keeps alive.
py::bytes encode(std::uintptr_t address, std::size_t stride_bytes, int height_px, int width_px, int channels,
                 const std::array<std::uint64_t, 3>& kept, int quality,
                 const std::pair<int, int>& luma_factors) {
  const Pixels pixels{reinterpret_cast<const std::uint8_t*>(address), stride_bytes, height_px, width_px,
                      channels};
  const auto [v, h] = luma_factors;
  if (channels != 1 && channels != 3) throw py::value_error("channels must be 1 or 3");
  if (quality < 1 || quality > 100) throw py::value_error("quality must be 1 to 100");
  Outcome outcome;
  Bytes jpeg;
  const Lease<Encoder> encoder;  // holds the JPEG
  {
    SignalPoll signals;
    const py::gil_scoped_release no_gil;
    outcome = encoder->encode(pixels, {kept, quality, v, h}, signals.poll(), jpeg);
  }
  raise_unless_ok(outcome, py::none());
  return py::bytes(reinterpret_cast<const char*>(jpeg.data), jpeg.size);
}

}  // namespace

void register_encoding(py::module_& module) {
  module.def("encode", &encode, py::kw_only(), py::arg("address"), py::arg("stride_bytes"), py::arg("height"),
             py::arg("width"), py::arg("channels"), py::arg("kept"), py::arg("quality"),
             py::arg("luma_factors"));
}

}  // namespace dctdecode::binding
