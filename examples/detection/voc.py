"""Annotations of Pascal VOC's form (a file of XML for each image) as one file of COCO's.

python examples/detection/voc.py Annotations --split ImageSets/Main/train.txt --output train.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree


def convert(folder: Path, names: Sequence[str], classes: Sequence[str]) -> dict[str, Any]:
    """Image ids count from 1 in the order of ``names``, category ids in that of ``classes``.

    VOC counts px from 1 and its boxes include their last px, so that xmin 1 stands for 0.
    """
    images, annotations = [], []
    for image_id, name in enumerate(names, 1):
        root = ElementTree.parse(folder / f"{name}.xml").getroot()
        height, width = (int(root.findtext(f"size/{side}", "")) for side in ("height", "width"))
        file_name = root.findtext("filename", "")
        images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        for thing in root.iter("object"):
            x1, y1, x2, y2 = (
                float(thing.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            x1, y1 = max(0.0, x1 - 1), max(0.0, y1 - 1)
            box = [x1, y1, min(x2, width) - x1, min(y2, height) - y1]
            if min(box[2:]) <= 0:
                continue
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": classes.index(thing.findtext("name", "")) + 1,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def find_classes(folder: Path) -> list[str]:
    """Of all files in the folder, so that every split has the same numbers."""
    found = {
        thing.findtext("name", "")
        for path in folder.glob("*.xml")
        for thing in ElementTree.parse(path).getroot().iter("object")
    }
    return sorted(found)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the XML files")
    parser.add_argument("--split", type=Path, required=True, help="names of images, one a line")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    names = options.split.read_text("utf-8").split()
    options.output.write_text(json.dumps(convert(options.folder, names, find_classes(options.folder))), "utf-8")


if __name__ == "__main__":
    main()
