"""What only a bucket has: whether it is there, unfinished uploads, and old versions."""

import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

UPLOAD_SECONDS = 24 * 3600.0
"""Age at which an unfinished upload is abandoned: the largest files take hours on a slow line."""


def is_there(files: Any, bucket: str) -> bool:
    """Whether a bucket exists; also true if the key may not ask.

    s3fs's own `exists` also answers with no if the server is unreachable.
    """
    try:
        files.info(bucket)
    except FileNotFoundError:
        return False
    except PermissionError:
        pass  # a bucket that is not there cannot refuse
    return True


def end_abandoned_uploads(files: Any, root: str, is_ours: Callable[[str], object]) -> None:
    """Delete the parts of large files that dead processes left: a bucket keeps them for good.

    Args:
        files: the bucket's file system.
        root: the bucket and the prefix.
        is_ours: whether a file of this name is the store's.
    """
    bucket, _, prefix = root.partition("/")
    with contextlib.suppress(OSError):  # the key may not ask, or the server has nothing like it
        answer = files.call_s3(
            "list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/" if prefix else ""
        )
        for upload in answer.get("Uploads", ()):
            key, began = upload["Key"], upload.get("Initiated")
            if not isinstance(began, datetime):  # not every server says it
                continue
            if is_ours(key.rsplit("/", 1)[-1]) and time.time() - began.timestamp() > UPLOAD_SECONDS:
                with contextlib.suppress(FileNotFoundError):  # another process has ended it
                    files.abort_mpu(bucket, key, upload["UploadId"])


def keeps_deleted(files: Any, root: str) -> bool:
    """Whether a bucket keeps deleted files for good, as old versions; false if it does not say."""
    bucket = root.partition("/")[0]
    with contextlib.suppress(OSError):
        if files.call_s3("get_bucket_versioning", Bucket=bucket).get("Status") != "Enabled":
            return False
        with contextlib.suppress(FileNotFoundError):  # it has no rules
            answer = files.call_s3("get_bucket_lifecycle_configuration", Bucket=bucket)
            return not any(
                rule.get("Status") == "Enabled" and "NoncurrentVersionExpiration" in rule
                for rule in answer.get("Rules", ())
            )
        return True
    return False
