"""Whether a picture store does what is needed of it."""

import contextlib
import uuid
from typing import TYPE_CHECKING

from common.store.errors import PictureMissingError, StorageUnavailableError

if TYPE_CHECKING:
    from common.store.picture_store import PictureStore


async def check_store(store: "PictureStore", size_bytes: int) -> None:
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
