"""Augmentation without pixels: what to decode, and what to do with the coefficients.

*Plan transforms* decide before decoding which part of an image comes to which size; *tensor transforms* work on
the decoded coefficients, before they are normalised. `Compose` takes both, and ``dctdecode.read(..., transform=)``
does with each what it is for.
"""

from dctdecode.transforms import functional
from dctdecode.transforms.augment import ChannelDropout, GaussianNoise, RandomErasing
from dctdecode.transforms.base import PlanTransform, TensorTransform
from dctdecode.transforms.color import ColorJitter, Grayscale, Normalize
from dctdecode.transforms.compose import Compose, RandomApply, RandomChoice
from dctdecode.transforms.geometric import (
    CenterCrop,
    GaussianBlur,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from dctdecode.transforms.mixing import CutMix, MixUp
from dctdecode.transforms.randomness import CounterRandom, Random, TorchRandom
from dctdecode.transforms.recipes import RECIPES, Recipe, list_recipes, recipe

__all__ = [
    "RECIPES",
    "CenterCrop",
    "ChannelDropout",
    "ColorJitter",
    "Compose",
    "CounterRandom",
    "CutMix",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "MixUp",
    "Normalize",
    "PlanTransform",
    "Random",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Recipe",
    "Resize",
    "TensorTransform",
    "TorchRandom",
    "functional",
    "list_recipes",
    "recipe",
]
