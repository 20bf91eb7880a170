"""Small detectors, and what they learn from. Needs torchvision."""

from __future__ import annotations

import torch
from dctdecode import models
from torch import nn

FEW = {"rpn_pre_nms_top_n_test": 50, "rpn_post_nms_top_n_test": 20, "box_detections_per_img": 5}
SMALL = {
    "num_classes": 3, "width": 0.25, "pyramid_maps": 16, "rpn_pre_nms_top_n_train": 100,
    "rpn_post_nms_top_n_train": 50, "box_batch_size_per_image": 16,
}  # fmt: skip


def small(name: str = "maskrcnn_resnet18_fpn", channels=24, **options) -> nn.Module:
    torch.manual_seed(0)
    return models.create_model(name, channels, **{**SMALL, **options})


def targets(size: tuple[int, int] = (96, 128)) -> list[dict]:
    masks = torch.zeros(2, *size, dtype=torch.uint8)
    masks[0, 10:50, 20:80] = 1
    masks[1, 30:90, 60:120] = 1
    boxes = torch.tensor([[20.0, 10, 80, 50], [60, 30, 120, 90]])
    return [{"boxes": boxes, "labels": torch.tensor([1, 2]), "masks": masks}]
