#include "dct/dispatch.h"

namespace dctdecode::dct {

const Kernels* avx2_kernels() noexcept { return nullptr; }

}  // namespace dctdecode::dct
