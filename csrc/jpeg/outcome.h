// The C side's codes in C++ words.
#pragma once

#include "dctdecode/status.h"
#include "jpeg/reader.h"

namespace dctdecode::jpeg {

Outcome outcome_of(const dctd_result& result);

}  // namespace dctdecode::jpeg
