"""What every loader of a benchmark has to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

import dctdecode

__all__ = ["NORMALIZE", "Draw", "Files", "Job"]

NORMALIZE = (0.0, 8.0)  # any costs the same; with this one the answers can be told from what comes out


class Draw(NamedTuple):
    """Crop and flip of one image: (top, left, height, width) in px."""

    box: tuple[int, int, int, int]
    flip: bool


@dataclass(frozen=True)
class Job:
    """An epoch: RandomResizedCrop and a flip of every file, in order, in whole batches.

    Attributes:
        paths: as many as whole batches need; a file may come several times, with another crop each time.
        sizes: (height, width) of each, px.
        channels: of the coefficients.
        size: px of the coefficients' square; RGB loaders give half as much (a network on coefficients begins where
            one on pixels has halved its resolution once).
        batch_size: images a batch.
        threads: of loaders that use threads.
        workers: processes of loaders that use processes.
        seed: of crops and flips.
    """

    paths: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    channels: dctdecode.ChannelSet
    size: int
    batch_size: int
    threads: int
    workers: int
    seed: int

    @property
    def side(self) -> int:
        """px of the RGB loaders' square."""
        return self.size // 2

    def random(self, index: int) -> Any:
        """Where the image at ``index`` draws from, in every epoch."""
        return dctdecode.transforms.CounterRandom(self.seed, 0, index)

    def draw(self, index: int, height: int, width: int) -> Draw:
        random = self.random(index)
        box = dctdecode.transforms.RandomResizedCrop(self.size).box(height, width, random)
        return Draw(box, random.uniform() < 0.5)

    def target(self, index: int) -> int:
        """A number to go along, as a class would."""
        return index % 1000


class Files(dctdecode.DCTImageFolder):
    """The files of a job as `DCTImageFolder` reads them; crops drawn by index under a plain DataLoader too."""

    def __init__(self, job: Job) -> None:
        self._job = job
        compose = dctdecode.transforms.Compose(
            [
                dctdecode.transforms.RandomResizedCrop(job.size),
                dctdecode.transforms.RandomHorizontalFlip(),
            ]
        )
        super().__init__(Path.cwd(), compose, channels=job.channels, normalize=NORMALIZE)

    def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
        return [], {}

    def make_dataset(self, directory: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return [(path, self._job.target(index)) for index, path in enumerate(self._job.paths)]

    def __getitems__(self, indices: Any) -> list[tuple[Tensor, Any]]:
        return self._samples_at(indices, [self._job.random(index) for index in indices])
