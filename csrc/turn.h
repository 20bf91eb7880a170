// Quantised blocks turned by an EXIF orientation, exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "decoder_memory.h"
#include "orient.h"

namespace dctdecode {

// Whether an image of this header can be turned block by block: a side that is mirrored has to be whole
// blocks in every component, or its last, partly padded blocks would come first. Says which side is not.
Outcome check_turn(const Header& stored, int orientation);

// The upright image in `memory`: header, quantisation tables and blocks. Worked image, 37 x 21 px 4:2:0,
// orientation 5 (transposed, nothing mirrored): 21 x 37 px, luma 5 x 3 blocks.
void turn(int orientation, Header& header, Blocks& blocks, std::vector<std::int16_t>& memory);

}  // namespace dctdecode
