"""What goes wrong with the picture store, whatever keeps it, in words of ours."""

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
"""What is said where one of them is forbidden: others may be allowed."""
_OF_KEYS = ("credentials", "access key", "signature")
_S3_PACKAGES = frozenset({"botocore", "aiobotocore", "aiohttp"})


class PictureMissingError(AtelierError):
    """The store has no picture of this key (any more)."""


class StorageUnavailableError(AtelierError):
    """The store cannot be written or read at the moment: full, forbidden, unreachable."""


@contextlib.contextmanager
def translated(operation: str) -> Iterator[None]:
    """Name the file systems' many errors; a missing file stays a FileNotFoundError.

    Args:
        operation: what is done meanwhile, as the store counts it, such as `put`.

    Raises:
        StorageUnavailableError: for all other errors of a file system.
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
        # S3's client has errors of its own, and is not there to be imported on most machines.
        is_address = isinstance(error, ValueError) and "endpoint" in str(error)
        if type(error).__module__.partition(".")[0] not in _S3_PACKAGES and not is_address:
            raise
        words = " ".join(str(error).split())
        raise StorageUnavailableError(f"{_USED}: {_with_hint(words)}.") from error


def _with_hint(words: str) -> str:
    """What a bucket said, and where its keys come from if these are what it does not like."""
    words = words.rstrip(".")
    if _is_of_keys(words):
        words += "; keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return words


def _is_of_keys(words: str) -> bool:
    return any(each in words.lower() for each in _OF_KEYS)
