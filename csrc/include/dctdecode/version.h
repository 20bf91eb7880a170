// Which libjpeg-turbo this build was compiled against, and which one answers at run time.
#pragma once

#include <string>

namespace dctdecode {

struct LibjpegVersion {
  std::string compiled;  // "2.1.5"
  std::string found;     // copyright line and path of the library that was loaded
  int abi_compiled = 0;  // JPEG_LIB_VERSION: 62, 70 or 80
  std::string mismatch;  // empty when the two work together, else libjpeg's own complaint
};

LibjpegVersion libjpeg_version();

}  // namespace dctdecode
