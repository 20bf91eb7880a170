"""What each decoder answers, before anything is timed.

RGB decoders are compared with the first of them (Pillow where it is installed), our channels with the stored
coefficients and, through `dctdecode.preview`, with the same pixels, other coefficient readers with ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import dctdecode
from dctdecode.bench.contenders import Contender, Decoder, Pixels
from dctdecode.bench.corpus import Photo

__all__ = ["PIXEL_TOLERANCE", "Answers", "Checked", "check"]

PIXEL_TOLERANCE = 1.0  # mean absolute difference over an image, gray levels


@dataclass
class Answers:
    """How a decoder's answers compare over all files that were checked.

    Attributes:
        against: what they were compared with.
        files: number of files compared.
        differing: per group, files whose answer is another.
        mean_difference: the largest, over files, of the mean absolute difference in gray levels; 0 for
            coefficients, which must be equal.
    """

    against: str
    files: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    mean_difference: float = 0.0

    @property
    def agree(self) -> bool:
        return not self.differing

    def add(self, group: str, difference: float, tolerance: float) -> None:
        """Counts a file whose answer is `difference` away (`inf`: another shape, or other coefficients)."""
        self.files += 1
        if difference > tolerance:
            self.differing[group] += 1
        else:
            self.mean_difference = max(self.mean_difference, difference)


@dataclass(frozen=True)
class Checked:
    """What the check found.

    Attributes:
        decoders: those that take part.
        photos: the files that all of them can read.
        answers: for each decoder.
        left_out: path -> "decoder: its error" of the files that one of them cannot read.
        dropped: name -> reason of the decoders that cannot read even half of the files.
    """

    decoders: dict[Contender, Decoder]
    photos: Sequence[Photo]
    answers: dict[Contender, Answers]
    left_out: dict[str, str]
    dropped: dict[str, str]


def check(
    decoders: dict[Contender, Decoder],
    photos: Sequence[Photo],
    progress: Callable[[Sequence[Photo]], Iterable[Photo]] = iter,
) -> Checked:
    """Decodes every photo once with every decoder and compares the answers."""
    reference = next((c for c in decoders if c.kind == "rgb"), None)
    answers = {contender: Answers(_against(contender, reference)) for contender in decoders}
    errors: dict[str, dict[Contender, str]] = {}
    for photo in progress(photos):
        results, failed = _decode_with_all(decoders, photo)
        if failed:
            errors[photo.path] = failed
        _compare(results, answers, photo, reference)
    failures = Counter(contender for failed in errors.values() for contender in failed)
    dropped = {
        c: f"fails on {n} of {len(photos)} files: {next(f[c] for f in errors.values() if c in f)}"
        for c, n in failures.items()
        if c.kind != "ours" and n > len(photos) / 2
    }
    left_out = {}
    for path, failed in errors.items():
        reasons = [f"{c.name}: {error}" for c, error in failed.items() if c not in dropped]
        if reasons:
            left_out[path] = reasons[0] + (f" (and {len(reasons) - 1} more)" if reasons[1:] else "")
    taking_part = {c: decoder for c, decoder in decoders.items() if c not in dropped}
    return Checked(
        taking_part,
        [photo for photo in photos if photo.path not in left_out],
        {c: answers[c] for c in taking_part},
        left_out,
        {c.name: reason for c, reason in dropped.items()},
    )


def _against(contender: Contender, reference: Contender | None) -> str:
    if contender.kind == "coefficients":
        return "the file's coefficients"
    if reference is None:
        return "the stored coefficients (no RGB decoder is installed)"
    if contender == reference:
        return "itself (what the others' pixels are compared with)"
    pixels = f"{reference.name}'s pixels"
    return pixels if contender.kind == "rgb" else f"the stored coefficients and {pixels}"


def _decode_with_all(
    decoders: dict[Contender, Decoder], photo: Photo
) -> tuple[dict[Contender, Any], dict[Contender, str]]:
    results, failed = {}, {}
    for contender, decoder in decoders.items():
        try:
            results[contender] = decoder.comparable(decoder.decode(decoder.prepare(photo.data)))
        except Exception as error:  # whatever a foreign decoder raises means that it cannot read the file
            failed[contender] = " ".join(str(error).split()) or type(error).__name__
    return results, failed


def _compare(
    results: dict[Contender, Any],
    answers: dict[Contender, Answers],
    photo: Photo,
    reference: Contender | None,
) -> None:
    """Adds this photo to the answers; needs our own results, and leaves out what has nothing to compare with."""
    try:
        planes, full = dctdecode.read_planes(photo.data), dctdecode.read(photo.data, 192)
    except dctdecode.errors.DctDecodeError:
        return  # the photo is left out on our account
    pixels = results.get(reference) if reference else None
    stored = _stored_channels(planes)
    previewed = 0.0
    if pixels is not None:
        shown = dctdecode.preview(full, 192).permute(1, 2, 0).numpy()[: photo.height, : photo.width]
        previewed = pixel_difference(shown, pixels)
    for contender, result in results.items():
        if contender.kind == "ours":
            exact = _ours_is_exact(result, full, stored, planes)
            answers[contender].add(photo.group, previewed if exact else np.inf, PIXEL_TOLERANCE)
        elif contender.kind == "coefficients":
            answers[contender].add(photo.group, 0.0 if _same_planes(result, planes) else np.inf, 0.0)
        elif pixels is not None:
            answers[contender].add(photo.group, pixel_difference(result, pixels), PIXEL_TOLERANCE)


def pixel_difference(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference in gray levels; `inf` where the shapes differ."""
    if one.shape != other.shape:
        return float("inf")
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def _stored_channels(planes: dctdecode.Planes) -> dict[int, npt.NDArray[np.int32]]:
    """Component -> (64, Hb, Wb) of those that `read` must give as they are stored."""
    info = planes.info
    if info.color_space not in ("YCbCr", "gray"):
        return {}  # converted on coefficients
    finest = (max(v for v, _ in info.sampling), max(h for _, h in info.sampling))
    return {
        i: planes.component(i).transpose(2, 3, 0, 1).reshape(64, *info.grids[i])
        for i, sampling in enumerate(info.sampling)
        if sampling == finest or info.num_components == 1
    }


def _ours_is_exact(
    result: torch.Tensor | dctdecode.Planes,
    full: torch.Tensor,
    stored: dict[int, npt.NDArray[np.int32]],
    planes: dctdecode.Planes,
) -> bool:
    if isinstance(result, dctdecode.Planes):
        same = (np.array_equal(result.quantized(i), planes.quantized(i)) for i in range(len(planes)))
        return len(result) == len(planes) and all(same)
    flat = list(dctdecode.PRESETS[len(result)].flat)
    unchanged = (np.array_equal(full[64 * i : 64 * i + 64].numpy(), plane) for i, plane in stored.items())
    return torch.equal(result, full[flat]) and all(unchanged)


def _same_planes(result: Sequence[npt.NDArray[Any]], planes: dctdecode.Planes) -> bool:
    """Whether a list of (Hb, Wb, 64) holds these planes; readers give gray files extra chroma of zeros."""
    ours = [planes.component(i) for i in range(len(planes))]
    return len(result) >= len(ours) and all(
        theirs.shape[:2] == mine.shape[:2] and np.array_equal(theirs.reshape(mine.shape), mine)
        for theirs, mine in zip(result, ours, strict=False)
    )
