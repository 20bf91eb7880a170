// A decode's report as Python gets it: (warnings, notes, decoder).
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "dctdecode/decode.h"

namespace dctdecode::binding {

using Said = std::tuple<std::vector<std::string>, std::vector<std::string>, std::string>;

inline Said said(const Report& report) { return {report.warnings, report.notes, report.decoder}; }

}  // namespace dctdecode::binding
