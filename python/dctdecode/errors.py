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


def prefix(path: str | None, index: int | None = None) -> str:
    """What a message begins with: ``"a.jpg (index 3 of the batch): "``, or less where less is known."""
    place = "" if index is None else f"(index {index} of the batch)"
    words = [word for word in (None if path is None else printable(path), place) if word]
    return " ".join(words) + ": " if words else ""


def damage(found: list[str], path: str | None, index: int | None = None) -> str:
    """Text of a :class:`CorruptJpegWarning`."""
    more = f" (and other damage: {len(found) - 1})" if len(found) > 1 else ""
    return f"{prefix(path, index)}{found[0]}{more}"


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
        offset = f" (at byte {self.offset_bytes})" if self.offset_bytes else ""
        return f"{prefix(self.path, self.index)}{self.message}{offset}"

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
