"""Pruning as a function from a table to a table: for Ray Data, Dask, Spark and whatever else maps batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dctdecode.trees.options import PruneOptions
from dctdecode.trees.work import ERRORS

__all__ = ["prune_batch"]


def prune_batch(
    batch: Mapping[str, Sequence[Any]], options: PruneOptions, *, on_error: str = "skip"
) -> dict[str, list[Any]]:
    """Prunes a table of images. What goes wrong with one is a row, not an exception.

    Args:
        batch: columns of equal length; ``"bytes"`` holds the images. Others, such as ``"path"``, are passed on.
        options: what to keep. Can be pickled, so ``functools.partial(prune_batch, options=options)`` can be, too.
        on_error: what stands in ``"bytes"`` of an image that cannot be pruned: ``"skip"``: None, ``"copy"``: what
            was there.

    Returns:
        The columns of ``batch``, with ``"bytes"`` pruned, and ``"status"`` (``"pruned"``, ``"copied"`` or
        ``"failed"``), ``"bytes_before"``, ``"bytes_after"`` (sizes; 0 where there is nothing) and ``"error"``
        (empty if there was none).

    Raises:
        ValueError: an unknown ``on_error``.
        KeyError: no column ``"bytes"``.

    Example:
        >>> from pathlib import Path
        >>> from dctdecode.trees import PruneOptions, prune_batch
        >>> photo = Path(dctdecode_photo).read_bytes()
        >>> table = prune_batch({"path": ["a.jpg", "b.jpg"], "bytes": [photo, photo[:999]]}, PruneOptions(24))
        >>> table["path"], table["status"]
        (['a.jpg', 'b.jpg'], ['pruned', 'failed'])
        >>> table["bytes_after"][0] < table["bytes_before"][0], table["bytes"][1]
        (True, None)
    """
    if on_error not in ("skip", "copy"):
        raise ValueError(f'on_error must be "skip" or "copy", got {on_error!r}')
    rows = [_pruned(data, options, on_error) for data in batch["bytes"]]
    columns = {name: list(column) for name, column in batch.items()}
    names = ("bytes", "status", "bytes_before", "bytes_after", "error")
    return {**columns, **{name: [row[i] for row in rows] for i, name in enumerate(names)}}


def _pruned(data: Any, options: PruneOptions, on_error: str) -> tuple[bytes | None, str, int, int, str]:
    try:
        small = options.prune(data)
    except (*ERRORS, TypeError) as error:  # TypeError: a null in the table
        before = len(data) if hasattr(data, "__len__") else 0
        text = str(error) or type(error).__name__
        return (data, "copied", before, before, text) if on_error == "copy" else (None, "failed", before, 0, text)
    return small, "pruned", len(data), len(small), ""
