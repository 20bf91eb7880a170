# libjpeg-turbo >= 2.1 of the system, as JPEG::JPEG; anything else stops here with the package to install.
set(DCTDECODE_JPEG_HELP
    "dctdecode needs libjpeg-turbo 2.1 or newer with its headers. Install it:\n"
    "  Debian, Ubuntu   apt-get install libjpeg-dev   (libjpeg62-turbo-dev, libjpeg-turbo8-dev)\n"
    "  Fedora           dnf install libjpeg-turbo-devel\n"
    "  macOS            brew install jpeg-turbo\n"
    "  conda            conda install -c conda-forge libjpeg-turbo\n"
    "A copy elsewhere is found through -DCMAKE_PREFIX_PATH=... or JPEG_ROOT.")
string(CONCAT DCTDECODE_JPEG_HELP ${DCTDECODE_JPEG_HELP})

if(DEFINED ENV{CONDA_PREFIX})
  list(APPEND CMAKE_PREFIX_PATH "$ENV{CONDA_PREFIX}")
endif()
if(APPLE)
  list(APPEND CMAKE_PREFIX_PATH /opt/homebrew/opt/jpeg-turbo /usr/local/opt/jpeg-turbo)
endif()

find_package(JPEG)
if(NOT JPEG_FOUND)
  message(FATAL_ERROR "No libjpeg was found.\n${DCTDECODE_JPEG_HELP}")
endif()

# JPEG_VERSION is the ABI (62, 80); the release stands in jconfig.h, and only libjpeg-turbo's has it.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES JPEG::JPEG)
check_c_source_compiles("
#include <stdio.h>
#include <jpeglib.h>
#if !defined(LIBJPEG_TURBO_VERSION_NUMBER) || LIBJPEG_TURBO_VERSION_NUMBER < 2001000
#error not libjpeg-turbo 2.1
#endif
int main(void) { return jpeg_std_error == 0; }" DCTDECODE_JPEG_IS_TURBO)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT DCTDECODE_JPEG_IS_TURBO)
  # Not cached, so that a second run looks again after the right package was installed.
  unset(DCTDECODE_JPEG_IS_TURBO CACHE)
  message(FATAL_ERROR "The libjpeg found (${JPEG_INCLUDE_DIR}) is not libjpeg-turbo 2.1 or newer.\n"
                      "${DCTDECODE_JPEG_HELP}")
endif()
