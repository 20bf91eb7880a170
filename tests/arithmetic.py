"""An arithmetic encoder (T.81 annex D) for bombs: files whose data end early and decode on for ever.

Behind the last byte of a scan a decoder reads zeros (T.81 D.2.6), silently, since encoders leave trailing
zeros out. A code word that stops exactly at the lower end of its interval therefore goes on with the likelier
symbol for as long as the frame header says: the first blocks teach the statistics what that is.
"""

from __future__ import annotations

from faults import FLAT_TABLE, SOF9, SOF10, Scan, frame, scan_header

# T.81 table D.3: Qe, next index after the less and after the more probable symbol, whether the two switch.
_TABLE = """
5a1d 1 1 1   2586 14 2 0  1114 16 3 0  080b 18 4 0  03d8 20 5 0  01da 23 6 0  00e5 25 7 0  006f 28 8 0
0036 30 9 0  001a 33 10 0 000d 35 11 0 0006 9 12 0  0003 10 13 0 0001 12 13 0 5a7f 15 15 1 3f25 36 16 0
2cf2 38 17 0 207c 39 18 0 17b9 40 19 0 1182 42 20 0 0cef 43 21 0 09a1 45 22 0 072f 46 23 0 055c 48 24 0
0406 49 25 0 0303 51 26 0 0240 52 27 0 01b1 54 28 0 0144 56 29 0 00f5 57 30 0 00b7 59 31 0 008a 60 32 0
0068 62 33 0 004e 63 34 0 003b 32 35 0 002c 33 9 0  5ae1 37 37 1 484c 64 38 0 3a0d 65 39 0 2ef1 67 40 0
261f 68 41 0 1f33 69 42 0 19a8 70 43 0 1518 72 44 0 1177 73 45 0 0e74 74 46 0 0bfb 75 47 0 09f8 77 48 0
0861 78 49 0 0706 79 50 0 05cd 48 51 0 04de 50 52 0 040f 50 53 0 0363 51 54 0 02d4 52 55 0 025c 53 56 0
01f8 54 57 0 01a4 55 58 0 0160 56 59 0 0125 57 60 0 00f6 58 61 0 00cb 59 62 0 00ab 61 63 0 008f 61 32 0
5b12 65 65 1 4d04 80 66 0 412c 81 67 0 37d8 82 68 0 2fe8 83 69 0 293c 84 70 0 2379 86 71 0 1edf 87 72 0
1aa9 87 73 0 174e 72 74 0 1424 72 75 0 119c 74 76 0 0f6b 74 77 0 0d51 75 78 0 0bb6 77 79 0 0a40 77 48 0
5832 80 81 1 4d1c 88 82 0 438e 89 83 0 3bdd 90 84 0 34ee 91 85 0 2eae 92 86 0 299a 93 87 0 2516 86 71 0
5570 88 89 1 4ca9 95 90 0 44d9 96 91 0 3e22 97 92 0 3824 99 93 0 32b4 99 94 0 2e17 93 86 0 56a8 95 96 1
4f46 101 97 0 47e5 102 98 0 41cf 103 99 0 3c3d 104 100 0 375e 99 93 0 5231 105 102 0 4c0f 106 103 0
4639 107 104 0 415e 103 99 0 5627 105 106 1 50e7 108 107 0 4b85 109 103 0 5597 110 109 0 504f 111 107 0
5a10 110 111 1 5522 112 109 0 59eb 112 111 1
"""
_FIELDS = iter(_TABLE.split())
_STATES = [
    (int(qe, 16), int(less), int(more), int(switch)) for qe, less, more, switch in zip(*[_FIELDS] * 4, strict=True)
]
_FIXED = (0x5A1D, 0, 0, 0)  # T.81 F.1.4.3.2: sign and correction bits, probability one half for ever


class Encoder:
    """Encodes decisions in named contexts. The code word is one big integer: bombs are short."""

    def __init__(self) -> None:
        self.low = 0
        self.width = 0x10000
        self.shift = 0  # bits that `low` has been moved up by
        self.contexts: dict[object, tuple[int, int]] = {}

    def put(self, context: object, bit: int) -> None:
        """``context`` None is the fixed one."""
        index, likely = self.contexts.get(context, (0, 0))
        qe, after_less, after_more, switch = _FIXED if context is None else _STATES[index]
        self.width -= qe
        if bit == likely:
            if self.width >= 0x8000:
                return
            if self.width < qe:  # conditional exchange, T.81 D.1.4
                self.low += self.width
                self.width = qe
            index = after_more
        else:
            if self.width >= qe:
                self.low += self.width
                self.width = qe
            index = after_less
            likely ^= switch
        if context is not None:
            self.contexts[context] = (index, likely)
        while self.width < 0x8000:
            self.width *= 2
            self.low *= 2
            self.shift += 1

    def code(self) -> bytes:
        """Bytes whose continuation by zeros is exactly the lower end of the interval."""
        bits = 16 + self.shift
        padding = -bits % 8
        data = (self.low << padding).to_bytes((bits + padding) // 8, "big")
        return data.rstrip(b"\0").replace(b"\xff", b"\xff\0")


def _put_magnitude(encoder: Encoder, size: int, first: object, k: int) -> None:
    """Magnitude 2**size + 2**(size - 1) + ..., all ones, T.81 F.1.4.3.2; 0 is a coefficient of +-1."""
    if size == 0:
        encoder.put(first, 0)
        return
    encoder.put(first, 1)
    encoder.put(first, int(size > 1))
    for step in range(2, size + 1):
        encoder.put(("X", k > 5, step), int(step < size))
    for _ in range(size - 1):
        encoder.put(("M", k > 5, size), 1)


def _put_band(encoder: Encoder, first: int, last: int, nonzero: range, size: int) -> None:
    """AC coefficients of a first scan, or of a sequential one (T.81 figure F.5)."""
    zeros_before = False
    for k in range(first, last + 1):
        if not zeros_before:
            encoder.put(("EOB", k), 0)
        encoder.put(("zero", k), int(k in nonzero))
        zeros_before = k not in nonzero
        if k in nonzero:
            encoder.put(None, 0)
            _put_magnitude(encoder, size, ("size", k), k)
    if zeros_before:
        raise ValueError("the last coefficient of a band must not be zero")


def _put_refinement(encoder: Encoder, first: int, last: int) -> None:
    """One that finds the last coefficient coded before, and nothing new (T.81 figure G.10)."""
    for k in range(first, last):
        encoder.put(("zero", k), 0)
    encoder.put(None, 0)


def sequential_bomb(height: int, width: int, components: int, size: int, taught: int = 300) -> bytes:
    """All 63 AC coefficients of all blocks are large."""
    encoder = Encoder()
    for _ in range(taught):
        encoder.put("DC", 0)
        _put_band(encoder, 1, 63, range(1, 64), size)
    pieces = [b"\xff\xd8", FLAT_TABLE, frame(SOF9, height, width, [(1, 1)] * components)]
    for component in range(1, components + 1):
        pieces += [scan_header([component], (0, 63, 0, 0)), encoder.code()]
    return b"".join([*pieces, b"\xff\xd9"])


def progressive_bomb(height: int, width: int, components: int, bits: int, taught: int = 300) -> bytes:
    """Only the last coefficient of a block is not zero, and is refined ``bits`` times."""
    first, refinement, dc = Encoder(), Encoder(), Encoder()
    for _ in range(taught):
        _put_band(first, 1, 63, range(63, 64), 0)
        _put_refinement(refinement, 1, 63)
        dc.put("DC", 0)
    scans: list[Scan] = [(1, 63, 0, bits)] + [(1, 63, bit, bit - 1) for bit in range(bits, 0, -1)]
    pieces = [b"\xff\xd8", FLAT_TABLE, frame(SOF10, height, width, [(1, 1)] * components)]
    pieces += [scan_header(range(1, components + 1), (0, 0, 0, 0)), dc.code()]
    for component in range(1, components + 1):
        for scan in scans:
            pieces += [scan_header([component], scan), refinement.code() if scan[2] else first.code()]
    return b"".join([*pieces, b"\xff\xd9"])
