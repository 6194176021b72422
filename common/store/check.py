"""Whether a picture store does what is needed of it."""

import contextlib
import uuid
from typing import Protocol

from common.store.errors import PictureMissingError, StorageUnavailableError


class CheckedStore(Protocol):
    """What is tried."""

    async def put(self, data: bytes, suffix: str) -> str:
        """Store these bytes and return their key."""

    async def get(self, key: str) -> bytes:
        """Return the bytes of a key."""

    async def delete(self, key: str) -> None:
        """Delete a key."""

    async def exists(self, key: str) -> bool:
        """Whether the store has the key."""

    async def absence(self) -> str:
        """What to say if the store itself is missing; empty if it is there."""


async def check_store(store: CheckedStore, size_bytes: int) -> None:
    """Write, read and delete a file of at least this size, and find that it is gone.

    Raises:
        StorageUnavailableError: when one of them fails.
    """
    # A unique file, as other processes may check at the same moment.
    data = f"Atelier looks whether it can write here: {uuid.uuid4()}.".encode().ljust(size_bytes)
    try:
        key = await store.put(data, "check")
        found = await store.get(key)
        await store.delete(key)
        # A bucket's key may be allowed all this, but not to learn that a picture is missing.
        is_left = await store.exists(key)
    except PictureMissingError:
        found, is_left = b"", False
    except StorageUnavailableError as error:
        if isinstance(error.__cause__, PermissionError):
            said = ""
            with contextlib.suppress(StorageUnavailableError):  # it may say less than this one
                said = await store.absence()
            if said:  # some servers forbid what they do not have
                raise StorageUnavailableError(said) from error
        raise
    if found != data:
        raise StorageUnavailableError("The picture store does not give back what it was given.")
    if is_left:
        raise StorageUnavailableError("The picture store does not delete what it should.")
