"""CMake stops where there is no libjpeg-turbo 2.1, and names the package to install."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
PACKAGES = ("libjpeg62-turbo-dev", "libjpeg-turbo-devel", "brew install jpeg-turbo", "conda-forge libjpeg-turbo")


def program(name: str) -> str:
    """Path of cmake or ninja: the environment's, else the system's."""
    path = shutil.which(name, path=str(SCRIPTS)) or shutil.which(name)
    assert path is not None, f"{name} comes with the extra `test`"
    return path


@pytest.fixture
def configure(tmp_path):
    """Options -> (exit code, what CMake printed with its line breaks taken out)."""

    def run(*options: str) -> tuple[int, str]:
        command = [program("cmake"), "-S", ROOT, "-B", tmp_path / "build", "-G", "Ninja"]
        command += [f"-DCMAKE_MAKE_PROGRAM={program('ninja')}", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


@pytest.fixture
def fake_libjpeg(tmp_path):
    """Version line of jconfig.h -> a prefix with just enough of a libjpeg to be found and linked."""

    def make(version_line: str) -> Path:
        prefix = tmp_path / "prefix"
        (prefix / "include").mkdir(parents=True)
        (prefix / "lib").mkdir()
        (prefix / "include" / "jpeglib.h").write_text(
            f"{version_line}\n#define JPEG_LIB_VERSION 62\nvoid *jpeg_std_error(void *);\n"
        )
        source = prefix / "jpeg.c"
        source.write_text("void *jpeg_std_error(void *p) { return p; }\n")
        library = prefix / "lib" / "libjpeg.so"
        subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
        return prefix

    return make


def test_without_any_libjpeg(configure):
    code, text = configure("-DCMAKE_DISABLE_FIND_PACKAGE_JPEG=ON")  # CMake's way to make it missing
    assert code != 0
    assert "No libjpeg was found." in text
    for package in PACKAGES:
        assert package in text


@pytest.mark.parametrize(
    "version_line",
    ["", "#define LIBJPEG_TURBO_VERSION_NUMBER 2000006"],
    ids=["another libjpeg", "libjpeg-turbo 2.0.6"],
)
def test_a_libjpeg_that_will_not_do(configure, fake_libjpeg, version_line):
    prefix = fake_libjpeg(version_line)
    code, text = configure(f"-DCMAKE_PREFIX_PATH={prefix}")
    assert code != 0
    assert f"The libjpeg found ({prefix}/include) is not libjpeg-turbo 2.1 or newer." in text
    for package in PACKAGES:
        assert package in text


def test_the_oldest_that_will_do(configure, fake_libjpeg):
    prefix = fake_libjpeg("#define LIBJPEG_TURBO_VERSION_NUMBER 2001000")
    code, text = configure(f"-DCMAKE_PREFIX_PATH={prefix}")
    assert code == 0, text
