// dctdecode._core.Batch: many images, opened and decoded on threads, one status each.
#include "dctdecode/batch.h"

#include <pybind11/stl.h>

#include <deque>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "errors.h"
#include "extent.h"
#include "held_buffer.h"
#include "lease.h"
#include "register.h"
#include "signals.h"

namespace py = pybind11;

namespace dctdecode::binding {
namespace {

// (path in the file system's encoding or None, name for messages or None, bytes-like object or None)
using SourceTuple = std::tuple<std::optional<py::bytes>, py::object, py::object>;
using Grid = std::optional<std::pair<int, int>>;

thread_local std::uint64_t queue_of_thread = 0;

class Batch {
 public:
  Batch(const std::vector<SourceTuple>& sources, const Limits& limits, int threads)
      : items_(sources.size()), limits_(limits), threads_(threads) {
    if (threads < 1) throw py::value_error("threads must be at least 1");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto& [path, shown, exporter] = sources[i];
      shown_.push_back(shown);
      if (path) {
        items_[i].path = static_cast<std::string>(*path);
        if (items_[i].path->find('\0') != std::string::npos)
          throw py::value_error("embedded null byte in path");
      } else {
        items_[i].bytes = held_.emplace_back(exporter).bytes();
      }
    }
    run([this](const BatchRun& how) { open_batch(items_, how); });
  }

  // Of each sound image, None for the others.
  std::vector<std::optional<Extent>> extents() const {
    std::vector<std::optional<Extent>> extents;
    for (const BatchItem& item : items_) {
      extents.push_back(item.outcome ? std::optional(extent_of(item.header)) : std::nullopt);
    }
    return extents;
  }

  // How each image is laid out; one without a geometry keeps its native grid.
  void set_geometries(const std::vector<std::optional<Geometry>>& geometries) {
    if (geometries.size() != items_.size()) throw py::value_error("one geometry per image");
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!geometries[i] || !items_[i].outcome) continue;
      require_inside(items_[i].header, *geometries[i]);
      items_[i].geometry = *geometries[i];
    }
  }

  // Output's grid of each sound image, None for the others.
  std::vector<Grid> grids() const {
    std::vector<Grid> grids;
    for (const BatchItem& item : items_) {
      if (item.outcome) {
        grids.emplace_back(std::in_place, item.geometry.vertical.out_blocks,
                           item.geometry.horizontal.out_blocks);
      } else {
        grids.emplace_back();
      }
    }
    return grids;
  }

  // The items that would exceed the memory limit become failures.
  void check_memory(std::uint64_t bytes_per_block) {
    dctdecode::check_memory(items_, limits_, bytes_per_block);
  }

  void read_into(const Plan& plan, std::uintptr_t address, std::size_t stride_bytes) {
    run([&](BatchRun how) {
      how.queue = queue_of_thread;
      read_batch(items_, plan, {reinterpret_cast<void*>(address)}, stride_bytes, how);
    });
  }

  // (index, exception) of each image that failed so far.
  std::vector<std::pair<int, py::object>> failures() const {
    std::vector<std::pair<int, py::object>> failures;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const int index = static_cast<int>(i);
      if (!items_[i].outcome) failures.emplace_back(index, error_of(items_[i].outcome, shown_[i], index));
    }
    return failures;
  }

  // (index, warnings) of each damaged image that was read all the same.
  std::vector<std::pair<int, std::vector<std::string>>> warnings() const {
    std::vector<std::pair<int, std::vector<std::string>>> warnings;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const std::vector<std::string>& said = items_[i].report.warnings;
      if (items_[i].outcome && !said.empty()) warnings.emplace_back(static_cast<int>(i), said);
    }
    return warnings;
  }

 private:
  template <class Stage>
  void run(Stage stage) {
    {
      SignalPoll signals;
      const py::gil_scoped_release no_gil;
      const Lease decoder;
      stage(BatchRun{threads_, limits_, signals.poll(), decoder.get()});
    }
    raise_unless_ok({}, py::none());  // what a signal handler raised
  }

  std::vector<BatchItem> items_;
  std::vector<py::object> shown_;
  std::deque<HeldBuffer> held_;  // a deque: these do not move
  Limits limits_;
  int threads_;
};

}  // namespace

void register_batch(py::module_& module) {
  py::class_<Batch>(module, "Batch")
      .def(py::init<const std::vector<SourceTuple>&, const Limits&, int>(), py::arg("sources"),
           py::arg("limits"), py::arg("threads"))
      .def("set_geometries", &Batch::set_geometries, py::arg("geometries"))
      .def("check_memory", &Batch::check_memory, py::arg("bytes_per_block"))
      .def("read_into", &Batch::read_into, py::arg("plan"), py::arg("address"), py::arg("stride_bytes"))
      .def("failures", &Batch::failures)
      .def("warnings", &Batch::warnings)
      .def_property_readonly("extents", &Batch::extents)
      .def_property_readonly("grids", &Batch::grids);
  module.def("enter_queue", [](std::uint64_t queue) { queue_of_thread = queue; }, py::arg("queue"));
}

}  // namespace dctdecode::binding
