"""torchvision's pair of transforms for input and target, of which datasets show the repr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["StandardTransform"]


class StandardTransform:
    """What a torchvision dataset has as ``transforms``."""

    def __init__(
        self, transform: Callable[..., Any] | None = None, target_transform: Callable[[Any], Any] | None = None
    ) -> None:
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        return (
            input if self.transform is None else self.transform(input),
            target if self.target_transform is None else self.target_transform(target),
        )

    def __repr__(self) -> str:
        return "\n".join(["StandardTransform", *self._lines()])

    def _lines(self) -> Iterator[str]:
        for title, transform in (("Transform: ", self.transform), ("Target transform: ", self.target_transform)):
            if transform is not None:
                yield title + repr(transform).replace("\n", "\n" + " " * len(title))
