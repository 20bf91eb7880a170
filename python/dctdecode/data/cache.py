"""An index file that spares scanning a tree again: `load` checks that nothing has changed since `store`."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dctdecode.data.index import Samples
from dctdecode.data.scanning import Scan

__all__ = ["key_of", "load", "store"]

_FORMAT = 1
# Clocks of file systems are coarse (FAT: 2 s). A folder changed so shortly before it was scanned may have changed
# again within the same tick, so its time tells nothing.
_COARSEST_CLOCK_NS = 2 * 10**9


def key_of(root: str | Path, class_to_idx: Mapping[str, int], extensions: tuple[str, ...]) -> dict[str, Any]:
    """What a cache must have been made for."""
    return {
        "format": _FORMAT,
        "root": os.fspath(root),
        "absolute": str(Path(root).absolute()),
        "class_to_idx": dict(class_to_idx),
        "extensions": list(extensions),
    }


def load(path: str | os.PathLike[str], key: dict[str, Any]) -> Scan | None:
    """What was stored for this key, or None where there is nothing, or the tree has changed.

    The times of all folders are compared: files added, removed or renamed are noticed, their contents are not
    looked at. A file that is no such cache is ignored with a warning.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(arrays.pop("header").tobytes())
        if header["key"] != key or not _unchanged(header, path):
            return None
        return Scan(
            samples=Samples.from_arrays(header["prefixes"], arrays),
            folders=list(header["changed_ns"]),
            empty=set(header["empty"]),
            ignored=header["ignored"],
            first_ignored=header["first_ignored"],
        )
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        warnings.warn(f"{os.fspath(path)} is no index of an image folder: scanning again ({error})", stacklevel=4)
        return None


def store(path: str | os.PathLike[str], key: dict[str, Any], scan: Scan, scanned_at_ns: int) -> None:
    """Writes the cache, all of it or nothing. Where that cannot be, a warning.

    Args:
        path: the file; one that is there is replaced.
        key: of `key_of`.
        scan: what was found.
        scanned_at_ns: ``time.time_ns()`` before the scan.
    """
    prefixes, arrays = scan.samples.to_arrays()
    header = {
        "key": key,
        "scanned_at_ns": scanned_at_ns,
        "prefixes": prefixes,
        "changed_ns": {folder: _changed_ns(folder) for folder in scan.folders},
        "empty": sorted(scan.empty),
        "ignored": scan.ignored,
        "first_ignored": scan.first_ignored,
    }
    arrays["header"] = np.frombuffer(json.dumps(header).encode("ascii"), np.uint8)
    target = Path(path)
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            try:
                np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's own keyword is no array
                file.close()
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        warnings.warn(f"cannot write the index of an image folder: {error}", stacklevel=4)


def _unchanged(header: dict[str, Any], path: str | os.PathLike[str]) -> bool:
    trusted_ns = header["scanned_at_ns"] - _COARSEST_CLOCK_NS
    times = dict(header["changed_ns"])
    # A root that holds the index changes as it is written. Of a root only the classes matter, which the key has.
    if Path(header["key"]["root"]).resolve() == Path(path).resolve().parent:
        del times[header["key"]["root"]]
    return all(stored_ns == _changed_ns(folder) and stored_ns < trusted_ns for folder, stored_ns in times.items())


def _changed_ns(folder: str) -> int:
    """When an entry of it was last added, removed or renamed; -1 where there is no such folder."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return -1
