"""Checks a release wheel: libjpeg-turbo is inside _core, hidden, and its licence texts are there.

usage: python tools/check_wheel.py WHEEL
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LICENCES = ("LICENSE", "libjpeg-turbo/LICENSE.md", "libjpeg-turbo/README.ijg")
if sys.platform == "darwin":
    NEEDED, EXPORTED = ["otool", "-L"], ["nm", "-gU"]
else:
    NEEDED, EXPORTED = ["readelf", "-d"], ["nm", "-D", "--defined-only"]


def output_of(command: list[str], path: Path) -> str:
    return subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout


def faults_of(wheel: Path) -> list[str]:
    faults = []
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        faults += [
            f"no licence text {licence}"
            for licence in LICENCES
            if not any(name.endswith(f".dist-info/licenses/{licence}") for name in names)
        ]
        modules = [name for name in names if name.startswith("dctdecode/_core.") and name.endswith(".so")]
        if len(modules) != 1:
            return [*faults, f"one _core module expected, found {modules}"]
        module = Path(archive.extract(modules[0], folder))
        if "libjpeg" in output_of(NEEDED, module):
            faults.append("_core needs a libjpeg of the system")
        # The compiler's own names hold "jpeg" too (namespace dctdecode::jpeg), hence the prefix.
        exported = [line.split()[-1].lstrip("_") for line in output_of(EXPORTED, module).splitlines()]
        leaked = [name for name in exported if name.startswith(("jpeg_", "jinit_", "jsimd_"))]
        if leaked:
            faults.append(f"_core exports libjpeg's symbols: {', '.join(leaked[:3])}, ...")
    return faults


if __name__ == "__main__":
    sys.exit("\n".join(f"{sys.argv[1]}: {fault}" for fault in faults_of(Path(sys.argv[1]))) or 0)
