"""Makers of damaged and hostile JPEG files, and of the small valid ones that they start from."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

SMALL = Path(__file__).parent / "data" / "small"

SOI, EOI, SOS, DQT, DHT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
SOF0, SOF2, SOF9, SOF10 = 0xC0, 0xC2, 0xC9, 0xCA
FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}


def small(name: str) -> bytes:
    """A valid file of tests/data/small, 37 x 21 px (width x height)."""
    return (SMALL / f"{name}.jpg").read_bytes()


def small_files() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(SMALL.glob("*.jpg"))}


# --- Taking a file apart, and putting it together again ----------------------------------------------------


class Part(NamedTuple):
    """A marker segment. ``data`` begins with the FF; an SOS carries its entropy-coded data along."""

    marker: int
    data: bytes

    def patched(self, *changes: tuple[int, int]) -> Part:
        """The same with bytes replaced, by (offset from the FF, value)."""
        data = bytearray(self.data)
        for offset, value in changes:
            data[offset] = value
        return Part(self.marker, bytes(data))


def parts(jpeg: bytes) -> list[Part]:
    found = [Part(SOI, jpeg[:2])]
    at = 2
    while at < len(jpeg):
        marker = jpeg[at + 1]
        if marker == EOI:
            found.append(Part(EOI, jpeg[at : at + 2]))
            break
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == SOS:
            while jpeg[end] != 0xFF or jpeg[end + 1] == 0 or 0xD0 <= jpeg[end + 1] <= 0xD7:
                end += 1
        found.append(Part(marker, jpeg[at:end]))
        at = end
    return found


def join(pieces: Iterable[Part | bytes]) -> bytes:
    return b"".join(piece.data if isinstance(piece, Part) else piece for piece in pieces)


def edit(jpeg: bytes, change: Callable[[Part], Part | bytes | None]) -> bytes:
    """Passes every part through ``change``; None drops it."""
    changed = (change(part) for part in parts(jpeg))
    return join(piece for piece in changed if piece is not None)


def without(jpeg: bytes, *markers: int) -> bytes:
    return edit(jpeg, lambda part: None if part.marker in markers else part)


def twice(jpeg: bytes, *markers: int) -> bytes:
    return edit(jpeg, lambda part: part.data * 2 if part.marker in markers else part)


def patch(jpeg: bytes, markers: int | set[int], *changes: tuple[int, int], which: int | None = None) -> bytes:
    """Replaces bytes, by (offset from the FF, value), in all segments of a kind or in the ``which``-th."""
    wanted = {markers} if isinstance(markers, int) else markers
    seen = -1

    def change(part: Part) -> Part:
        nonlocal seen
        if part.marker not in wanted:
            return part
        seen += 1
        return part.patched(*changes) if which in (None, seen) else part

    return edit(jpeg, change)


def resized(jpeg: bytes, height: int, width: int) -> bytes:
    """Another size in the frame header, the data left as they are."""
    sizes = struct.pack(">HH", height, width)
    return patch(jpeg, FRAMES, *((5 + i, byte) for i, byte in enumerate(sizes)))


def keep_scans(jpeg: bytes, *numbers: int) -> bytes:
    """Only the scans of these numbers, from 0."""
    scan = -1

    def change(part: Part) -> Part | None:
        nonlocal scan
        scan += part.marker == SOS
        return None if part.marker == SOS and scan not in numbers else part

    return edit(jpeg, change)


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(payload)) + payload


# --- Bombs: little data, much work -------------------------------------------------------------------------

Scan = tuple[int, int, int, int]  # Ss, Se, Ah, Al


def bit_planes(first: int, last: int) -> list[Scan]:
    """A band from its highest bit plane (Al = 13, T.81 G.1.1.1.2) down to the lowest, 14 scans."""
    return [(first, last, 0, 13)] + [(first, last, bit, bit - 1) for bit in range(13, 0, -1)]


def frame(marker: int, height: int, width: int, factors: Iterable[tuple[int, int]]) -> bytes:
    """A frame header with components 1, 2, ... of these (h, v), all quantised by table 0."""
    table = b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(factors))
    return segment(marker, struct.pack(">BHHB", 8, height, width, len(table) // 3) + table)


def scan_header(components: Iterable[int], scan: Scan) -> bytes:
    ids = list(components)
    first, last, high, low = scan
    body = bytes([len(ids)]) + b"".join(bytes([i, 0]) for i in ids)
    return segment(SOS, body + bytes([first, last, high << 4 | low]))


FLAT_TABLE = segment(DQT, b"\0" + bytes([1] * 64))


def scan_bomb(height: int, width: int, plan: Iterable[Scan]) -> bytes:
    """A gray progressive file of valid scans that code nothing: DC zero, AC end-of-band runs of 2**14 blocks.

    Two one-bit codes do it: DC size 0, and EOB14 (T.81 table G.1) with 14 zero bits behind it.
    """
    blocks = -(-height // 8) * -(-width // 8)
    runs = "".join("0" + "0" * 14 for _ in range(-(-blocks // 16384)))
    runs += "1" * (-len(runs) % 8)
    ac = int(runs, 2).to_bytes(len(runs) // 8, "big")
    dc = bytes(-(-blocks // 8))
    pieces = [b"\xff\xd8", FLAT_TABLE, frame(SOF2, height, width, [(1, 1)])]
    pieces.append(segment(DHT, bytes([0x00, 1] + [0] * 15 + [0x00])))
    pieces.append(segment(DHT, bytes([0x10, 1] + [0] * 15 + [0xE0])))
    for scan in plan:
        pieces += [scan_header([1], scan), ac if scan[0] else dc]
    return b"".join([*pieces, b"\xff\xd9"])


def sequential_bomb(
    height: int, width: int, factors: list[tuple[int, int]], ac: list[int], lost: int = 0
) -> bytes:
    """A sequential file, one scan per component: ``ac[i]`` coefficients of 1 in every block of component i.

    Two bits for a block without AC coefficients; else three, and two for each, seven zeros before it. ``lost``
    bytes are missing at the end of the last scan.
    """
    h_max, v_max = (max(sizes) for sizes in zip(*factors, strict=True))
    pieces = [b"\xff\xd8", FLAT_TABLE, frame(SOF0, height, width, factors)]
    pieces.append(segment(DHT, bytes([0x00, 1] + [0] * 15 + [0x00])))
    for number, ((h, v), count) in enumerate(zip(factors, ac, strict=True)):
        codes = bytes([0x10, 1, 1] + [0] * 14) + (b"\x71\x00" if count else b"\x00\x71")
        blocks = -(-height * v // (8 * v_max)) * -(-width * h // (8 * h_max))
        block = "0" + "01" * count + "10" if count else "00"
        eight = int(block * 8, 2).to_bytes(len(block), "big")
        data = eight * -(-blocks // 8)
        data = data[: -(-blocks * len(block) // 8) - (lost if number == len(factors) - 1 else 0)]
        data = data.replace(b"\xff", b"\xff\0")
        pieces += [segment(DHT, codes), scan_header([number + 1], (0, 63, 0, 0)), data]
    return b"".join([*pieces, b"\xff\xd9"])


# --- Mutants: numbered, the same here and in tests/cpp/mutants.h -------------------------------------------

_INTERESTING = (0, 1, 2, 3, 4, 5, 9, 0x11, 0x22, 0x44, 0x7F, 0x80, 0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xFF)
_MASK = 2**64 - 1


class SplitMix:
    """Steele, Lea, Flood 2014: one 64-bit state, the same numbers in every language."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, bound: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return (z ^ (z >> 31)) % bound


def mutant(seeds: list[bytes], number: int) -> bytes:
    """1 to 4 changes of one seed: a bit, a telling byte in the header, some bytes lost or doubled, the end."""
    draw = SplitMix(number)
    data = bytearray(seeds[draw.below(len(seeds))])
    for _ in range(1 + draw.below(4)):
        if len(data) < 2:
            break
        kind = draw.below(5)
        if kind == 0:
            at = draw.below(len(data))
            data[at] ^= 1 << draw.below(8)
        elif kind == 1:
            at = draw.below(min(len(data), 700))
            data[at] = _INTERESTING[draw.below(len(_INTERESTING))]
        elif kind == 2:
            at = draw.below(len(data))
            del data[at : at + 1 + draw.below(39)]
        elif kind == 3:
            at = draw.below(len(data))
            data[at:at] = data[at : at + 1 + draw.below(39)]
        else:
            del data[1 + draw.below(len(data) - 1) :]
    return bytes(data)


def mutants(count: int) -> Iterator[bytes]:
    seeds = list(small_files().values())
    return (mutant(seeds, number) for number in range(count))
