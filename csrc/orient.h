// EXIF orientation on blocks: five of the eight turn rows into columns, the rest is a window mirrored.
#pragma once

#include <array>
#include <cstdint>

#include "dct/zigzag.h"
#include "dctdecode/header.h"
#include "dctdecode/plan.h"
#include "markers/scans.h"

namespace dctdecode {

// An image as its pixels lie once rows and columns have changed places where the orientation asks for it:
// what is left of the orientation is a mirrored window. Worked image, 37 x 21 px 4:2:0, orientation 6 (to be
// turned by 90 degrees clockwise): the frame is 21 x 37 px, luma 5 x 3 blocks, and upright px x is the
// frame's 21 - x.
struct Frame {
  bool transposed = false;
  Header header;      // of the frame
  Geometry geometry;  // of the frame: orientation 1
};

// `stored` is the file's header; `upright` speaks of the image as it is to be seen.
void orient(const Header& stored, const Geometry& upright, Frame& frame);

// Takes over the quantisation tables of the file's header.
void copy_tables(const Header& stored, Frame& frame);

// What is needed of one component's blocks.
struct Needs {
  markers::Band band = 0;  // bit k for zigzag position k; 0: nothing
  int row_begin = 0, row_end = 0;
  int column_begin = 0, column_end = 0;
  void add(int natural_index) { band |= markers::Band{1} << dct::kNaturalToZigzag[natural_index]; }
};
Needs transposed(const Needs& needs);

// One block, natural order.
void transpose_block(const std::int16_t* from, std::int16_t* to);

}  // namespace dctdecode
