// Which instructions may be used. Scalar C++ is the truth; the other version is compiled from the same text
// (or tested equal), chosen at run time, and switched off by DCTDECODE_FORCE_SCALAR=1 in the environment.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define DCTDECODE_X86_VECTORS 1
#define DCTDECODE_TARGET_VECTORS __attribute__((target("avx2,bmi,bmi2,lzcnt")))
#else
#define DCTDECODE_X86_VECTORS 0
#define DCTDECODE_TARGET_VECTORS
#endif

namespace dctdecode::entropy {

// Looked up once per process.
bool use_vectors() noexcept;

}  // namespace dctdecode::entropy
