// dctdecode._core.Image: one JPEG's bytes and header, decoded into memory that Python allocated.
#include "register.h"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dctdecode/decode.h"
#include "dctdecode/file.h"
#include "errors.h"
#include "extent.h"
#include "held_buffer.h"
#include "lease.h"
#include "said.h"
#include "signals.h"

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

// The image's bytes: a buffer held open, or a file's contents of our own.
struct Source {
  explicit Source(const py::object& exporter) : held(std::in_place, exporter), bytes(held->bytes()) {}
  Source(std::vector<std::uint8_t>&& file, std::size_t size)
      : contents(std::move(file)), bytes{contents.data(), size} {}

  std::optional<HeldBuffer> held;
  std::vector<std::uint8_t> contents;
  Bytes bytes;
};

struct Image {
  std::unique_ptr<Source> source;
  py::object path;  // str or None, for messages
  Header header;
  Limits limits;
};

void load_header(Image& image) {
  Outcome outcome;
  {
    const py::gil_scoped_release no_gil;
    outcome = read_header(image.source->bytes, image.limits, image.header);
  }
  raise_unless_ok(outcome, image.path);
}

// By value: where pybind11 runs out of memory halfway through taking over a pointer, both sides free it.
Image from_path(const std::string& path, const py::object& shown, const Limits& limits) {
  if (path.find('\0') != std::string::npos) throw py::value_error("embedded null byte in path");
  Image image;
  image.path = shown;
  image.limits = limits;
  std::vector<std::uint8_t> contents;
  std::size_t size = 0;
  Outcome outcome;
  {
    SignalPoll signals;
    const py::gil_scoped_release no_gil;
    outcome = read_file(path.c_str(), limits, signals.poll(), contents, size);
  }
  raise_unless_ok(outcome, shown);
  image.source = std::make_unique<Source>(std::move(contents), size);
  load_header(image);
  return image;
}

Image from_buffer(const py::object& exporter, const py::object& shown, const Limits& limits) {
  Image image;
  image.path = shown;
  image.limits = limits;
  image.source = std::make_unique<Source>(exporter);
  load_header(image);
  return image;
}

void check_memory_of(const Image& image, std::uint64_t output_bytes) {
  raise_unless_ok(check_memory(image.header, image.limits, output_bytes), image.path);
}

Said read_planes_into(Image& image, const std::vector<std::uintptr_t>& addresses, bool strict) {
  if (addresses.size() != static_cast<std::size_t>(image.header.num_components)) {
    throw py::value_error("one address per component");
  }
  std::vector<PlaneView> planes;
  for (const std::uintptr_t address : addresses) {
    planes.push_back({reinterpret_cast<std::int16_t*>(address)});
  }
  Report report;
  Outcome outcome;
  {
    SignalPoll signals;
    const py::gil_scoped_release no_gil;
    Lease decoder;
    outcome = decoder->read_planes(image.source->bytes, image.limits, strict, signals.poll(), image.header,
                                   planes, report);
  }
  raise_unless_ok(outcome, image.path);
  return said(report);
}

Said read_into(const Image& image, const Plan& plan, const Geometry& geometry, std::uintptr_t address) {
  require_inside(image.header, geometry);
  Report report;
  Outcome outcome;
  {
    SignalPoll signals;
    const py::gil_scoped_release no_gil;
    Lease decoder;
    outcome = decoder->read(image.source->bytes, image.limits, plan, geometry, signals.poll(), image.header,
                            {reinterpret_cast<void*>(address)}, report);
  }
  raise_unless_ok(outcome, image.path);
  return said(report);
}

std::pair<py::bytes, Said> prune(const Image& image, const Pruning& pruning, const Geometry* geometry) {
  if (geometry != nullptr) require_inside(image.header, *geometry);
  Report report;
  Outcome outcome;
  Bytes jpeg;
  Lease decoder;  // holds the JPEG
  {
    SignalPoll signals;
    const py::gil_scoped_release no_gil;
    outcome = decoder->prune(image.source->bytes, image.limits, pruning, geometry, signals.poll(),
                             image.header, jpeg, report);
  }
  raise_unless_ok(outcome, image.path);
  return {py::bytes(reinterpret_cast<const char*>(jpeg.data), jpeg.size), said(report)};
}

std::vector<std::pair<int, int>> per_component(const Header& header, int Component::* first,
                                               int Component::* second) {
  std::vector<std::pair<int, int>> pairs;
  for (int c = 0; c < header.num_components; ++c) {
    pairs.emplace_back(header.components[c].*first, header.components[c].*second);
  }
  return pairs;
}

// None where the table comes later in the file, or never.
std::vector<std::optional<std::vector<int>>> quant_tables(const Image& image) {
  std::vector<std::optional<std::vector<int>>> tables;
  for (int c = 0; c < image.header.num_components; ++c) {
    const Component& component = image.header.components[c];
    if (!component.has_quant) {
      tables.emplace_back();
    } else {
      tables.emplace_back(std::in_place, component.quant.begin(), component.quant.end());
    }
  }
  return tables;
}

}  // namespace

void register_image(py::module_& module) {
  py::native_enum<ColorSpace>(module, "ColorSpace", "enum.Enum")
      .value("gray", ColorSpace::gray)
      .value("ycbcr", ColorSpace::ycbcr)
      .value("rgb", ColorSpace::rgb)
      .value("cmyk", ColorSpace::cmyk)
      .value("ycck", ColorSpace::ycck)
      .value("unknown", ColorSpace::unknown)
      .finalize();

  py::class_<Image>(module, "Image")
      .def_static("from_path", &from_path, py::arg("path"), py::arg("shown"), py::arg("limits"))
      .def_static("from_buffer", &from_buffer, py::arg("buffer"), py::arg("shown"), py::arg("limits"))
      .def("check_memory", &check_memory_of, py::arg("output_bytes"))
      .def("read_planes_into", &read_planes_into, py::arg("addresses"), py::arg("strict"))
      .def("read_into", &read_into, py::arg("plan"), py::arg("geometry"), py::arg("address"))
      .def("prune", &prune, py::arg("pruning"), py::arg("geometry").none(true))
      .def_readonly("path", &Image::path)
      .def_property_readonly("extent", [](const Image& i) { return extent_of(i.header); })
      .def_property_readonly("height", [](const Image& i) { return i.header.height_px; })
      .def_property_readonly("width", [](const Image& i) { return i.header.width_px; })
      .def_property_readonly("num_components", [](const Image& i) { return i.header.num_components; })
      .def_property_readonly("color_space", [](const Image& i) { return i.header.color_space; })
      .def_property_readonly("progressive", [](const Image& i) { return i.header.progressive; })
      .def_property_readonly("arithmetic", [](const Image& i) { return i.header.arithmetic; })
      .def_property_readonly("precision", [](const Image& i) { return i.header.precision_bits; })
      .def_property_readonly("restart_interval", [](const Image& i) { return i.header.restart_interval; })
      .def_property_readonly("orientation", [](const Image& i) { return i.header.orientation; })
      .def_property_readonly("decoder", [](const Image& i) { return decoder_for(i.header); })
      .def_property_readonly("size_bytes", [](const Image& i) { return i.source->bytes.size; })
      .def_property_readonly(
          "sampling", [](const Image& i) { return per_component(i.header, &Component::v, &Component::h); })
      .def_property_readonly("grids",
                             [](const Image& i) {
                               return per_component(i.header, &Component::height_blocks,
                                                    &Component::width_blocks);
                             })
      .def_property_readonly("quant_tables", &quant_tables);
}

}  // namespace dctdecode::binding
