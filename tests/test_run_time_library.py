"""Another libjpeg than the one compiled against answers at run time: an ImportError of our own says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dctdecode
import pytest
from dctdecode import _core

LIBRARY = dctdecode.__libjpeg_turbo_found__.rsplit(", ", 1)[-1]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD"),
    pytest.mark.skipif(_core.__file__ == LIBRARY, reason="libjpeg-turbo is linked into the extension"),
]

# Each stands before the system's library and passes the call on, changed in one respect.
CREATE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
typedef void create(void*, int, size_t);
void jpeg_CreateDecompress(void* cinfo, int version, size_t size) {{
  ((create*)dlsym(RTLD_NEXT, "jpeg_CreateDecompress"))(cinfo, {version}, {size});
}}
"""
COPYRIGHT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
typedef struct jpeg_error_mgr* standard(struct jpeg_error_mgr*);
struct jpeg_error_mgr* jpeg_std_error(struct jpeg_error_mgr* errors) {
  static const char* table[JMSG_LASTMSGCODE + 1];
  ((standard*)dlsym(RTLD_NEXT, "jpeg_std_error"))(errors);
  memcpy(table, errors->jpeg_message_table, sizeof table);
  table[JMSG_COPYRIGHT] = "Copyright (C) of another libjpeg";
  errors->jpeg_message_table = table;
  return errors;
}
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CREATE.format(version="version", size="size"), None),
        (CREATE.format(version="version + 10", size="size"), "Wrong JPEG library version: library is "),
        (CREATE.format(version="version", size="size + 8"), "JPEG parameter struct mismatch: library thinks "),
        (COPYRIGHT, "(Copyright (C) of another libjpeg, {fake}): it is not libjpeg-turbo"),
    ],
    ids=["the same", "another ABI", "another struct", "another libjpeg"],
)
def test_mismatch_is_named(code, said, tmp_path):
    source, fake = tmp_path / "fake.c", tmp_path / "libfake.so"
    source.write_text(code)
    command = ["cc", "-shared", "-fPIC", source, "-o", fake, "-Wl,--no-as-needed", Path(LIBRARY).resolve(), "-ldl"]
    subprocess.run(command, check=True)
    environment = {**os.environ, "LD_PRELOAD": str(fake)}
    done = subprocess.run(
        [sys.executable, "-c", "import dctdecode"], env=environment, capture_output=True, text=True, check=False
    )
    if said is None:  # what is put before does no harm by itself
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    compiled = dctdecode.__libjpeg_turbo_version__
    assert last.startswith(f"ImportError: dctdecode was compiled against libjpeg-turbo {compiled} but another ")
    assert said.format(fake=fake) in last
    assert last.endswith("Rebuild it here: pip install --no-cache-dir --force-reinstall dctdecode")
