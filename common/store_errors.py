"""Errors of the picture store, whatever its backend."""

import contextlib
import errno
from collections.abc import Iterator

from common.errors import AtelierError

_USED = "The picture store cannot be used"
_REFUSED = {
    "put": "The picture store cannot be written",
    "get": "The picture store cannot be read",
    "size": "The picture store cannot be read",
    "exists": "The picture store cannot be read",
    "list": "The picture store cannot be listed",
    "delete": "Nothing can be deleted from the picture store",
}
"""Messages for each operation that is denied, since others may be allowed."""
_OF_KEYS = ("credentials", "access key", "signature")
_S3_PACKAGES = frozenset({"botocore", "aiobotocore", "aiohttp"})


class PictureMissingError(AtelierError):
    """The store has no picture with this key (any more)."""


class StorageUnavailableError(AtelierError):
    """The store cannot be used at the moment: full, denied, unreachable."""


@contextlib.contextmanager
def translated(operation: str) -> Iterator[None]:
    """Translate file system errors; a missing file remains a FileNotFoundError.

    Args:
        operation: the store's operation, such as `put`.

    Raises:
        StorageUnavailableError: for any other error of the file system.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        words = " ".join((error.strerror or str(error)).split())
        forbidden = isinstance(error, PermissionError) or error.errno == errno.EROFS
        what = _REFUSED[operation] if forbidden and not _is_of_keys(words) else _USED
        raise StorageUnavailableError(f"{what}: {_with_hint(words)}.") from error
    except Exception as error:
        # The S3 client's own errors cannot be imported on most machines.
        is_address = isinstance(error, ValueError) and "endpoint" in str(error)
        if type(error).__module__.partition(".")[0] not in _S3_PACKAGES and not is_address:
            raise
        words = " ".join(str(error).split())
        raise StorageUnavailableError(f"{_USED}: {_with_hint(words)}.") from error


def _with_hint(words: str) -> str:
    """A bucket's message, with a hint at the credentials if it is about them."""
    words = words.rstrip(".")
    if _is_of_keys(words):
        words += "; keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return words


def _is_of_keys(words: str) -> bool:
    return any(each in words.lower() for each in _OF_KEYS)
