"""Errors of the picture store, whatever its backend."""

import contextlib
import errno
import re
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
_KEYS = (
    "keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and the address of a server "
    "other than Amazon's from AWS_ENDPOINT_URL"
)
_CLOCK = "this machine's clock differs from the server's"
_UNSAID = (
    "the server says no more here: look at the key in AWS_ACCESS_KEY_ID, at what it may do in this "
    "bucket, and at this machine's clock"
)
_HINTS = tuple(
    (re.compile(pattern, re.IGNORECASE), hint)
    for pattern, hint in (
        ("RequestTimeTooSkewed|request time", _CLOCK),
        ("credentials|access ?key|signature|(expired|invalid)token", _KEYS),
        (
            "certificate_verify_failed|x509|no such file",
            "AWS_CA_BUNDLE can name a file with the certificate to trust",
        ),
        (
            "region|AuthorizationHeaderMalformed|Redirect|moved",
            "the region is read from AWS_DEFAULT_REGION",
        ),
        ("^PermissionError 403 ", _UNSAID),
        (
            "^OSError (413|EntityTooLarge) ",
            "what is between here and the bucket refuses large files (nginx: client_max_body_size)",
        ),
        (
            "endpoint|ssl|ResponseParserError|MethodNotAllowed",
            "the server's address is read from AWS_ENDPOINT_URL",
        ),
    )
)
"""What a bucket's errors are about, by their name, code or message; the first that fits."""
_DENIED = (
    "the key in AWS_ACCESS_KEY_ID must be allowed to list the bucket, and to read, write and "
    "delete in it"
)
_PATH = re.compile(r"(https?://[^/\s\"]+)/[^\s\"]*")
"""The path in an address is that of a picture: without it, equal errors have equal messages."""
_S3_PACKAGES = frozenset({"botocore", "aiobotocore", "aiohttp"})


class PictureMissingError(AtelierError):
    """The store has no picture with this key (any more)."""


class StorageUnavailableError(AtelierError):
    """The store cannot be used at the moment: full, denied, unreachable."""


def absence(place: str, *, is_folder: bool) -> str:
    """What to say and do if the store's folder or bucket is not there."""
    if is_folder:
        kind, advice = "folder", "mount its disk, or correct ATELIER_STORAGE_URL"
    else:
        kind = "bucket"
        advice = (
            "create it, or correct ATELIER_STORAGE_URL (s3://bucket/prefix) or AWS_ENDPOINT_URL "
            "(the server's address, without the bucket)"
        )
    return f"The picture store's {kind} {place} is not there: {advice}."


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
        words, hint = _explained(error)
        forbidden = isinstance(error, PermissionError) or error.errno == errno.EROFS
        what = _REFUSED[operation] if forbidden and hint not in {_KEYS, _CLOCK} else _USED
        if isinstance(error, PermissionError) and error.errno is None:
            hint = hint or _DENIED  # a bucket's, as a folder's has a number
        raise StorageUnavailableError(_sentence(what, words, hint)) from error
    except Exception as error:
        # The S3 client's own errors cannot be imported on most machines.
        is_address = isinstance(error, ValueError) and "endpoint" in str(error)
        if type(error).__module__.partition(".")[0] not in _S3_PACKAGES and not is_address:
            raise
        raise StorageUnavailableError(_sentence(_USED, *_explained(error))) from error


def _explained(error: Exception) -> tuple[str, str]:
    """What an error says, and what the owner should look at, if that is known."""
    said = error.strerror if isinstance(error, OSError) else None
    # Servers may leave out the message (Ceph), and what is before them the code as well (nginx).
    response = getattr(error.__cause__, "response", None) or {}
    answer, status = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = answer.get("Code") or str(status.get("HTTPStatusCode", ""))
    words = answer.get("Message") or (f"HTTP {code}" if code.isdigit() else code)
    words = words or said or str(error) or ("timed out" if isinstance(error, TimeoutError) else "")
    words = _PATH.sub(r"\1", " ".join(words.split())).rstrip(".")
    if isinstance(error, OSError) and error.errno is not None and not code:
        return words, ""  # a folder's
    named = f"{type(error).__name__} {code} {words}"
    return words, next((hint for pattern, hint in _HINTS if pattern.search(named)), "")


def _sentence(what: str, words: str, hint: str) -> str:
    return f"{what}: {words}{hint and '; '}{hint}."
