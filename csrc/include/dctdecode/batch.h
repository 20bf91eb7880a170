// Many images at once, on threads that are kept between batches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dctdecode/bytes.h"
#include "dctdecode/decode.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "dctdecode/plan.h"
#include "dctdecode/status.h"

namespace dctdecode {

// One image of a batch: where its bytes are, and what became of it. Images do not affect one another.
struct BatchItem {
  std::optional<std::string> path;     // read if there is one, else `bytes` is the image
  Bytes bytes;                         // caller's memory, or `contents` once the file is read
  std::vector<std::uint8_t> contents;  // of the file
  Header header;
  Geometry geometry;  // native_geometry once opened; to be replaced before stage 2 where another is wanted
  Outcome outcome;    // the first thing that went wrong; the later stages leave such an item alone
  Report report;
};

// How a batch runs. The calling thread works too, with `decoder`, and is the only one that asks `poll`;
// when that says stop, every other thread stops at its next row, and unfinished items are `cancelled`.
struct BatchRun {
  int threads = 1;
  Limits limits;
  Poll poll;
  Decoder* decoder = nullptr;
  std::uint64_t queue = 0;  // stage 3 of batches of one queue follows one another; 0: of none
};

// Stage 1: reads the files and all headers; CMYK images fail here, as in Decoder::read.
void open_batch(std::vector<BatchItem>& items, const BatchRun& run);

// Stage 2: images fail whose coefficients, and output of so many bytes for each block of its geometry's grid,
// exceed the memory limit. To be called before the output is allocated.
void check_memory(std::vector<BatchItem>& items, const Limits& limits, std::uint64_t bytes_per_block);

// Stage 3: decodes item i into `output` + i * stride_bytes. The caller has seen to it that the grids of all
// sound items fit. The memory of an item that fails is set to zero. Frees the files, so it comes once.
void read_batch(std::vector<BatchItem>& items, const Plan& plan, OutputView output, std::size_t stride_bytes,
                const BatchRun& run);

}  // namespace dctdecode
