"""Pruning of whole trees of files, on one machine or many: what stands behind ``dctdecode prune``."""

from dctdecode.trees.atomic import TargetError
from dctdecode.trees.batches import prune_batch
from dctdecode.trees.options import PruneOptions
from dctdecode.trees.summary import Reading, Summary
from dctdecode.trees.tree import Progress, PruneError, prune_tree

__all__ = [
    "Progress",
    "PruneError",
    "PruneOptions",
    "Reading",
    "Summary",
    "TargetError",
    "prune_batch",
    "prune_tree",
]
