"""Datasets and loaders: many files, decoded batch by batch."""

from __future__ import annotations

from dctdecode.data.archive import ShardError
from dctdecode.data.coco import DCTCocoDetection
from dctdecode.data.coco_collate import collate_lists, collate_padded
from dctdecode.data.folder import DCTImageFolder
from dctdecode.data.loader import DCTLoader
from dctdecode.data.protocol import BatchDataset, PreparingDataset
from dctdecode.data.tar import DCTTarDataset
from dctdecode.data.views import collate_views

__all__ = [
    "BatchDataset",
    "DCTCocoDetection",
    "DCTImageFolder",
    "DCTLoader",
    "DCTTarDataset",
    "PreparingDataset",
    "ShardError",
    "collate_lists",
    "collate_padded",
    "collate_views",
]
