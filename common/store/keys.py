"""Keys of stored pictures: the SHA-256 of their bytes, and a suffix."""

import hashlib
import re

KEY = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")


def key_for(data: bytes, suffix: str) -> str:
    """The key of these bytes: their SHA-256 and the suffix (without a dot)."""
    return key_of(hashlib.sha256(data).hexdigest(), suffix)


def key_of(digest: str, suffix: str) -> str:
    """The key of bytes with this SHA-256."""
    suffix = suffix.lower().removeprefix(".")
    key = f"{digest}.{suffix}"
    if not KEY.fullmatch(key):
        raise ValueError(f"{suffix!r} is no suffix for a picture's key")
    return key
