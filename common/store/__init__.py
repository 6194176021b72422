"""The picture store, a content-addressed store in a folder or on S3.

References to pictures are in the database (`picture_uses`), not here. Files are written atomically:
a process that ends halfway leaves a temporary file, not half a picture.
"""

from common.store.errors import PictureMissingError, StorageUnavailableError
from common.store.keys import key_for
from common.store.picture_store import PictureStore, StoredPicture

__all__ = [
    "PictureMissingError",
    "PictureStore",
    "StorageUnavailableError",
    "StoredPicture",
    "key_for",
]
