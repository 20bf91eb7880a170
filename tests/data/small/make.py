"""Makes the small JPEG files of this folder: every process that is read, many samplings, 37 x 21 px.

Needs Pillow, and cjpeg and jpegtran of libjpeg-turbo. Run it only to change the set: the files are kept, so
that the numbered mutants made from them (tests/faults.py, tests/cpp/damage_test.cpp) stay the same.
"""

import io
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
HEIGHT, WIDTH = 21, 37

SCANS = {
    "per-component": "0;1;2;",
    "spectral": "0 1 2: 0-0, 0, 0; 0: 1-9, 0, 0; 1: 1-63, 0, 0; 2: 1-63, 0, 0; 0: 10-63, 0, 0;",
}


def picture(bands: int) -> Image.Image:
    """Waves and a little noise: all frequencies occur, nothing is copied from a photograph."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(5).integers(-20, 20, (HEIGHT, WIDTH, bands))
    waves = [128 + 90 * np.sin(0.1 * (c + 1) * x + 0.2 * y) * np.cos(0.07 * x * (c + 1)) for c in range(bands)]
    values = np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(values.squeeze(), {1: "L", 3: "RGB", 4: "CMYK"}[bands])


def tool(command: list[str], data: bytes) -> bytes:
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def cjpeg(*arguments: str, bands: int = 3, scans: str | None = None) -> bytes:
    stream = io.BytesIO()
    picture(bands).save(stream, "PPM")
    command = ["cjpeg", *arguments]
    if scans is not None:
        script = HERE / "scans.tmp"
        script.write_text(SCANS[scans])
        command += ["-scans", str(script)]
    data = tool(command, stream.getvalue())
    (HERE / "scans.tmp").unlink(missing_ok=True)
    return data


def cmyk() -> bytes:
    stream = io.BytesIO()
    picture(4).save(stream, "JPEG", quality=50)
    return stream.getvalue()


def main() -> None:
    files = {
        "baseline-420": cjpeg("-quality", "80"),
        "baseline-444-q100": cjpeg("-quality", "100", "-sample", "1x1"),
        "baseline-q1": cjpeg("-quality", "1"),
        "gray": cjpeg("-gray", bands=1),
        "gray-2x2": cjpeg("-gray", "-sample", "2x2", bands=1),
        "restart-420": cjpeg("-restart", "1B"),
        "multiscan-422": cjpeg("-sample", "2x1", scans="per-component"),
        "progressive-420": cjpeg("-progressive", "-optimize"),
        "progressive-444": cjpeg("-progressive", "-sample", "1x1", "-quality", "90"),
        "progressive-restart": cjpeg("-progressive", "-restart", "2B"),
        "progressive-spectral": cjpeg("-progressive", scans="spectral"),
        "progressive-gray": cjpeg("-progressive", "-gray", bands=1),
        "arithmetic-420": cjpeg("-arithmetic"),
        "arithmetic-restart": cjpeg("-arithmetic", "-restart", "1B"),
        "arithmetic-progressive": cjpeg("-arithmetic", "-progressive"),
        "rgb": cjpeg("-rgb", "-sample", "1x1"),
        "cmyk": cmyk(),
        "cmyk-progressive": tool(["jpegtran", "-progressive"], cmyk()),
    }
    for sampling in ("4x1", "1x2", "1x4", "3x1", "3x2", "2x1,1x2,1x1", "1x1,1x1,2x2", "2x2,2x1,1x2"):
        files["sampling-" + sampling.replace(",", "_")] = cjpeg("-quality", "60", "-sample", sampling)
    for name, data in files.items():
        (HERE / f"{name}.jpg").write_bytes(data)


if __name__ == "__main__":
    main()
