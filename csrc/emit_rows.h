// All rows of an image whose coefficients lie in memory.
#pragma once

#include <array>

#include "dct/resample.h"
#include "dctdecode/header.h"
#include "dctdecode/limits.h"
#include "dctdecode/status.h"
#include "emit.h"

namespace dctdecode {

enum class Rows {
  all,
  mixed,  // direct components were emitted before
};

Outcome emit_rows(const Header& header, const std::array<dct::Plane, kMaxComponents>& planes, Rows which,
                  Poll poll, Emitter& emitter);

// int16 was asked for, and a coefficient does not fit.
Outcome not_exact();

// Two looks at the same bytes gave the same sizes. The caller's memory was measured by the first look; bytes
// that another thread changes meanwhile may yield other values, never other sizes.
bool same_geometry(const Header& a, const Header& b);

}  // namespace dctdecode
