"""JPEGs of every kind, made out of known coefficients by libjpeg-turbo (tests/oracle/generate.c).

A `Recipe` says what file to make; `coefficients` draws its content from the recipe's seed, so a test knows
the truth without decoding anything.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

Blocks = npt.NDArray[np.int16]  # (Hb, Wb, 8, 8), [row, column, v, u]

NO_SUBSAMPLING = ((1, 1), (1, 1), (1, 1))
SUBSAMPLINGS = {  # (v, h) of each component
    "444": NO_SUBSAMPLING,
    "422": ((1, 2), (1, 1), (1, 1)),
    "440": ((2, 1), (1, 1), (1, 1)),
    "420": ((2, 2), (1, 1), (1, 1)),
    "411": ((1, 4), (1, 1), (1, 1)),
    "410": ((2, 4), (1, 1), (1, 1)),
    "441": ((4, 1), (1, 1), (1, 1)),
    "mixed": ((2, 2), (1, 2), (2, 1)),
    "3:2": ((1, 3), (1, 2), (1, 2)),
    "3:2 both ways": ((3, 1), (2, 1), (1, 1)),
    "luma of 2x2 to 1x2": ((2, 2), (1, 2), (1, 2)),
    "chroma larger": ((1, 1), (1, 2), (2, 1)),
    "all 2x2": ((2, 2), (2, 2), (2, 2)),  # 12 blocks: separate scans only
}


@dataclass(frozen=True)
class Recipe:
    """What to generate. The worked image is 37 x 21 px (width x height), 4:2:0.

    Attributes:
        factors: (v, h) of each component.
        color: "gray", "ycbcr", "rgb", "cmyk", "ycck" or "unknown".
        process: "p" progressive, "a" arithmetic, "o" optimised Huffman tables; letters combine.
        restart: MCUs between restart markers; 0 for none.
        script: scans "COMPONENTS:SS,SE,AH,AL;..."; "-" for libjpeg's choice.
        extreme: values up to the ends of what the format holds, where an image has smaller ones.
        wide: 16-bit quantisation tables.
    """

    height: int = 21
    width: int = 37
    factors: tuple[tuple[int, int], ...] = SUBSAMPLINGS["420"]
    color: str = "ycbcr"
    process: str = ""
    restart: int = 0
    script: str = "-"
    extreme: bool = False
    wide: bool = False
    seed: int = 0

    def __str__(self) -> str:
        factors = ",".join(f"{v}{h}" for v, h in self.factors)
        parts = [f"{self.width}x{self.height}", self.color, factors]
        parts += [part for part, on in ((self.process, self.process), ("extreme", self.extreme)) if on]
        parts += [part for part, on in ((f"rst{self.restart}", self.restart), ("wide", self.wide)) if on]
        parts += ["scripted"] * (self.script != "-")
        return "-".join(parts)

    @property
    def grids(self) -> list[tuple[int, int]]:
        """(Hb, Wb) of each component, T.81 A.1.1 with A.2.4: blocks that hold a sample."""
        v_max, h_max = (max(pair) for pair in zip(*self.factors, strict=True))
        return [(-(-self.height * v // (8 * v_max)), -(-self.width * h // (8 * h_max))) for v, h in self.factors]

    @property
    def blocks_in_mcu(self) -> int:
        return sum(v * h for v, h in self.factors)


@dataclass(frozen=True)
class Made:
    """A generated file and the truth about it."""

    recipe: Recipe
    data: bytes
    quantized: list[Blocks]
    tables: list[npt.NDArray[np.uint16]]  # (8, 8) of each component

    def dequantized(self, component: int) -> npt.NDArray[np.int64]:
        return self.quantized[component].astype(np.int64) * self.tables[component]


def separate(recipe: Recipe) -> Recipe:
    """The same with one scan for each component."""
    scans = ";".join(f"{c}:0,63,0,0" for c in range(len(recipe.factors)))
    return replace(recipe, script=scans)


def coefficients(recipe: Recipe) -> tuple[npt.NDArray[np.uint16], list[Blocks]]:
    """The recipe's four quantisation tables (4, 8, 8), and its quantised blocks."""
    rng = np.random.default_rng([recipe.seed, recipe.height, recipe.width, len(recipe.factors)])
    top = 65535 if recipe.wide else 255 if recipe.extreme else 16
    tables = rng.integers(1, top, (4, 8, 8), endpoint=True, dtype=np.uint16)
    draw = _extreme_blocks if recipe.extreme else _image_blocks
    return tables, [draw(rng, grid, tables[c]) for c, grid in enumerate(recipe.grids)]


def _extreme_blocks(rng: np.random.Generator, grid: tuple[int, int], _: npt.NDArray[np.uint16]) -> Blocks:
    """All lengths of runs and codes: empty blocks, lone last coefficients, every size up to 10 bits."""
    shape = (*grid, 64)
    bits = rng.integers(0, 10, shape, endpoint=True)
    values = rng.integers(-(2**bits) + 1, 2**bits)
    density = rng.choice([0.0, 0.02, 0.2, 1.0], grid)[..., None]
    values[rng.random(shape) >= density] = 0
    values[..., 63] = np.where(rng.random(grid) < 0.3, -1, values[..., 63])  # long runs of zeros before it
    return values.reshape(*grid, 8, 8).astype(np.int16)


def _image_blocks(rng: np.random.Generator, grid: tuple[int, int], table: npt.NDArray[np.uint16]) -> Blocks:
    """What a busy image may hold: AC falls with frequency, DC stays within the range of 8-bit samples."""
    spread = 60.0 / (1 + np.add.outer(np.arange(8), np.arange(8))) ** 1.2
    values = rng.normal(0.0, spread, (*grid, 8, 8))
    values[..., 0, 0] = rng.uniform(-900, 900, grid)
    return np.rint(values / table).astype(np.int16)


@dataclass(frozen=True)
class Generator:
    """Makes files with the compiled tests/oracle/generate.c."""

    program: Path

    def __call__(self, recipe: Recipe) -> Made:
        return self.write(recipe, *coefficients(recipe))

    def write(self, recipe: Recipe, tables: npt.NDArray[np.uint16], blocks: list[Blocks]) -> Made:
        """A file of the recipe's kind with this content."""
        components = [f"{h},{v},{c}" for c, (v, h) in enumerate(recipe.factors)]
        words = [recipe.width, recipe.height, recipe.color, recipe.process or "-", recipe.restart, recipe.script]
        content = b"".join([tables.tobytes(), *(b.tobytes() for b in blocks)])
        command = [self.program, *map(str, words), *components]
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        if done.returncode != 0 or not done.stdout:
            raise RuntimeError(f"cannot generate {recipe}: {done.stderr.decode()}")
        return Made(recipe, done.stdout, blocks, [tables[c] for c in range(len(blocks))])
