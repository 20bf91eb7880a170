"""Datasets and loaders of a run."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import torch
from dctdecode import DCTImageFolder, DCTLoader
from dctdecode.transforms import CenterCrop, Compose, MixUp, RandomHorizontalFlip, RandomResizedCrop, Resize

from classification.pixels import PixelFolder
from classification.processes import Place


def training_loader(options: Namespace, place: Place) -> DCTLoader:
    """Random crops and flips of the training folder, in an order of (seed, epoch)."""
    crop = RandomResizedCrop(options.size, scale=(options.min_scale, 1.0))
    dataset = _dataset(options, options.train_folder, Compose([crop, RandomHorizontalFlip()]))
    mixup = MixUp(alpha=options.mixup, num_classes=len(dataset.classes)) if options.mixup else None
    return _loader(options, place, dataset, shuffle=True, drop_last=True, seed=options.seed, batch_transform=mixup)


def validation_loader(options: Namespace, place: Place) -> DCTLoader:
    """The middle of each image of the validation folder."""
    transform = Compose([Resize(options.resize), CenterCrop(options.size)])
    return _loader(options, place, _dataset(options, options.val_folder, transform))


def _dataset(options: Namespace, folder: str, transform: Compose) -> Any:
    if options.input == "rgb":
        return PixelFolder(options.data / folder, transform, options.decoder)
    return DCTImageFolder(options.data / folder, transform, channels=options.channels, normalize=options.normalize)


def _loader(options: Namespace, place: Place, dataset: Any, **more: Any) -> DCTLoader:
    if options.batch_size % place.world_size:
        raise ValueError(f"--batch-size {options.batch_size} cannot be dealt to {place.world_size} processes")
    return DCTLoader(
        dataset,
        options.batch_size // place.world_size,
        threads=options.threads,
        device=place.device if place.device.type == "cuda" else None,
        rank=place.rank,
        world_size=place.world_size,
        **more,
    )


def laid_out(images: torch.Tensor, options: Namespace) -> torch.Tensor:
    return images.to(memory_format=torch.channels_last) if options.channels_last else images
