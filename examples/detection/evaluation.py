"""Average precision by pycocotools, in px of the files."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import torch
from dctdecode import DCTCocoDetection
from torch import Tensor, nn

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of COCOeval.stats, from the first on


def detect(
    model: nn.Module, images: list[Tensor], targets: list[dict[str, Any]], dataset: DCTCocoDetection
) -> list[dict[str, Any]]:
    """Detections in pycocotools' form. Boxes and masks come back in px of the files, whatever size was read."""
    records = [dataset.coco.imgs[target["image_id"]] for target in targets]
    found = model(
        images,
        sizes=[target["size"] for target in targets],
        source_sizes=[(record["height"], record["width"]) for record in records],
    )
    results = []
    for record, one in zip(records, found, strict=True):
        one = {name: tensor.cpu() for name, tensor in one.items()}
        for place in range(len(one["boxes"])):
            x1, y1, x2, y2 = one["boxes"][place].tolist()
            result: dict[str, Any] = {
                "image_id": record["id"],
                "category_id": int(one["labels"][place]),
                "score": float(one["scores"][place]),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
            }
            if "masks" in one:
                result["segmentation"] = _run_lengths(one["masks"][place, 0] > 0.5)
            results.append(result)
    return results


def _run_lengths(mask: Tensor) -> Any:
    from pycocotools.mask import encode

    return encode(np.asfortranarray(mask.numpy().astype(np.uint8)))


def average_precision(dataset: DCTCocoDetection, results: list[dict[str, Any]]) -> dict[str, float]:
    """ "box AP", "box AP50", ... and, where there are masks, "mask AP", ...; 0 to 1, -1 where nothing is asked."""
    from pycocotools.cocoeval import COCOeval

    kinds = {"box": "bbox"}
    if any("segmentation" in result for result in results):
        kinds["mask"] = "segm"
    row = {}
    for kind, name in kinds.items():
        if not results:
            return {f"box {metric}": 0.0 for metric in METRICS}
        with contextlib.redirect_stdout(io.StringIO()):
            # A copy, for loading adds to the records the area of the kind that is evaluated.
            evaluation = COCOeval(dataset.coco, dataset.coco.loadRes([dict(r) for r in _of(results, kind)]), name)
            evaluation.params.imgIds = list(dataset.ids)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        row.update({f"{kind} {metric}": float(evaluation.stats[i]) for i, metric in enumerate(METRICS)})
    return row


def _of(results: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """pycocotools takes results that have a box for boxes, whatever else they have."""
    left_out = "bbox" if kind == "mask" else "segmentation"
    return [{name: value for name, value in result.items() if name != left_out} for result in results]


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Any, dataset: DCTCocoDetection, autocast: Any, device: torch.device
) -> Any:
    """Average precisions of the model on a data set, whose batches these are."""
    model.eval()
    results = []
    for images, targets in batches:
        with autocast:
            results += detect(model, [image.to(device) for image in images], targets, dataset)
    return average_precision(dataset, results)
