"""What can go wrong with a file. Bad arguments are plain ``ValueError`` and ``TypeError``."""

from __future__ import annotations

__all__ = [
    "CorruptJpegError",
    "CorruptJpegWarning",
    "DctDecodeError",
    "LimitExceededError",
    "UnsupportedJpegError",
]


def printable(path: str) -> str:
    """A path that any stream can print: undecodable bytes and control characters become escapes."""
    text = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class DctDecodeError(Exception):
    """Base of all errors that a file causes.

    Attributes:
        message: one sentence about what is wrong, without the path.
        path: the file, or ``None`` where the source was no path.
        reason: the class of fault in one word: ``"not_jpeg"``, ``"truncated"``, ``"corrupt"``,
            ``"unsupported"`` or ``"limit"``.
        offset_bytes: about where in the file the fault was noticed.
        index: place in the batch, or ``None`` outside one.

    Example:
        >>> import dctdecode
        >>> try:
        ...     dctdecode.read(b"GIF89a")
        ... except dctdecode.errors.DctDecodeError as error:
        ...     print(error.reason, "|", error)
        not_jpeg | not a JPEG: begins with 47 49 instead of FF D8
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        reason: str = "",
        offset_bytes: int = 0,
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.reason = reason
        self.offset_bytes = offset_bytes
        self.index = index

    def __str__(self) -> str:
        place = "" if self.index is None else f" (index {self.index} of the batch)"
        where = (
            f"{printable(self.path)}{place}: " if self.path is not None else f"{place.strip()}: " if place else ""
        )
        offset = f" (at byte {self.offset_bytes})" if self.offset_bytes else ""
        return f"{where}{self.message}{offset}"

    def __reduce__(self) -> tuple[object, ...]:
        state = {
            "path": self.path,
            "reason": self.reason,
            "offset_bytes": self.offset_bytes,
            "index": self.index,
        }
        return (_rebuild, (type(self), self.message, state))


def _rebuild(cls: type[DctDecodeError], message: str, state: dict[str, object]) -> DctDecodeError:
    """Unpickles an error: keyword arguments do not survive ``BaseException.__reduce__``."""
    return cls(message, **state)  # type: ignore[arg-type]


class CorruptJpegError(DctDecodeError, OSError):
    """The file is not a JPEG, is cut short, or is damaged. Also an ``OSError``, as Pillow's users expect."""


class UnsupportedJpegError(DctDecodeError):
    """A sound JPEG of a kind that is refused by name: 12-bit, lossless, hierarchical, CMYK in ``read``, ..."""


class LimitExceededError(DctDecodeError):
    """A ceiling of :class:`dctdecode.Limits` was reached. ``limits=`` raises it for files that you trust."""


class CorruptJpegWarning(UserWarning):
    """``strict=False`` returned what could be saved of a damaged file."""
