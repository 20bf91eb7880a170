"""Published geometries by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dctdecode.transforms.compose import Compose
from dctdecode.transforms.geometric import CenterCrop, RandomHorizontalFlip, RandomResizedCrop, Resize

__all__ = ["RECIPES", "Recipe", "list_recipes", "recipe"]


class Recipe(NamedTuple):
    """One row of `RECIPES`.

    Attributes:
        resize_px: shorter side before the middle is cropped, for evaluation.
        crop_px: side of the square that the network gets; the grid has crop_px / 8 blocks a side.
        antialias: what ``read(antialias=)`` has to be for the published filter.
        source: where the numbers come from.
    """

    resize_px: int
    crop_px: int
    antialias: bool
    source: str


_DCTNET = "Xu et al., CVPR 2020: calmevtime/DCTNet@6a84f1e classification/datasets/dataloader_imagenet_dct.py"

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # 8 x 8 blocks of a picture twice as large: each stands for 4 x 4 px of torchvision's 224, the stride
        # at which a ResNet's first stage works.
        "default": Recipe(512, 448, True, "torchvision's 256 and 224 px, doubled"),
        "torchvision": Recipe(256, 224, True, "torchvision's 256 and 224 px, as they are"),
        "resnet50": Recipe(512, 448, False, _DCTNET),
        "mobilenet_v2": Recipe(1024, 896, False, _DCTNET),
    }
)
"""Resize and crop of whole pipelines. Training: RandomResizedCrop to the crop's size, flip with probability
0.5."""


def list_recipes() -> tuple[str, ...]:
    """Names that `recipe` knows.

    Example:
        >>> from dctdecode.transforms import list_recipes
        >>> list_recipes()
        ('default', 'torchvision', 'resnet50', 'mobilenet_v2')
    """
    return tuple(RECIPES)


def recipe(name: str = "default", *, train: bool = False) -> Compose:
    """A named geometry as plan transforms.

    Filters are options of `read`: ``RECIPES[name].antialias`` says which one was used.

    Raises:
        ValueError: there is no such recipe.

    Example:
        >>> from dctdecode.transforms import recipe
        >>> recipe("resnet50")
        Compose(
            Resize(size=512)
            CenterCrop(size=(448, 448))
        )
        >>> recipe("mobilenet_v2", train=True).geometry(375, 500).size
        (896, 896)
    """
    row = RECIPES.get(name)
    if row is None:
        raise ValueError(f"no recipe {name!r}; there are {', '.join(map(repr, RECIPES))}")
    if train:
        return Compose([RandomResizedCrop(row.crop_px), RandomHorizontalFlip()])
    return Compose([Resize(row.resize_px), CenterCrop(row.crop_px)])
