"""Store errors name the operation, the cause and what to check."""

import errno
from pathlib import Path

import pytest
from aiobotocore.response import AioReadTimeoutError
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from fsspec.exceptions import FSTimeoutError
from s3fs.errors import translate_boto_error

from common.store import PictureStore, StorageUnavailableError
from common.store.errors import translated


def stalled() -> Exception:
    """What fsspec makes of a body that does not come to its end."""
    error: Exception = FSTimeoutError()
    error.__cause__ = AioReadTimeoutError(endpoint_url="http://minio:9000/a", error="")
    return error


def refused(code: str, message: str | None = None, status: int = 400) -> Exception:
    """What s3fs makes of a server's answer."""
    error_body = {"Error": {"Code": code, "Message": message}}
    answer = ClientError(error_body | {"ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")
    error = translate_boto_error(answer)
    assert isinstance(error, Exception)
    return error


def test_missing_s3_keys_error_names_their_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StorageUnavailableError, match="AWS_ACCESS_KEY_ID and AWS_SEC"):
        PictureStore("s3://bucket/pictures").put_sync(b"x", "png")


def test_invalid_s3_endpoint_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "banana")
    with pytest.raises(StorageUnavailableError, match=r"endpoint: banana; .*AWS_ENDPOINT_URL"):
        PictureStore("s3://bucket/pictures").put_sync(b"x", "png")


@pytest.mark.parametrize(
    ("operation", "error", "text"),
    [
        ("put", PermissionError("Access Denied"), "store cannot be written: Access Denied; .* key"),
        ("get", PermissionError("Access Denied"), "store cannot be read: Access Denied; .* key"),
        ("delete", PermissionError("Access Denied"), "be deleted from the picture store: Access"),
        ("put", PermissionError(errno.EACCES, "Denied"), r"store cannot be written: Denied\.$"),
        ("put", OSError(errno.EROFS, "Read-only file system"), "cannot be written: Read-only"),
        ("put", OSError(errno.EIO, "I/O error"), r"store cannot be used: I/O error\.$"),
        ("put", refused("", "", 413), "cannot be used: HTTP 413; .* client_max_body_size"),
        ("get", refused("403", "Forbidden"), "cannot be read: Forbidden; the server says no more"),
        ("get", stalled(), r"cannot be used: timed out\."),
        ("put", refused("QuotaExceeded"), r"cannot be used: QuotaExceeded\.$"),
        ("put", refused("AccessDenied"), "cannot be written: AccessDenied; .* AWS_ACCESS_KEY_ID"),
        ("put", refused("SignatureDoesNotMatch"), "cannot be used: .*; keys are read from AWS_AC"),
        ("put", refused("ExpiredToken", "It has expired."), "used: It has expired; keys are read"),
        (
            "put",
            refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist."),
            "cannot be used: .* does not exist; keys are read from .* from AWS_ENDPOINT_URL",
        ),
        (
            "put",
            refused("RequestTimeTooSkewed", "The difference is too large."),
            "cannot be used: The difference is too large; this machine's clock",
        ),
        (
            "put",
            refused("AuthorizationHeaderMalformed", "unexpected scope, expected: garage"),
            "cannot be used: .*garage; the region is read from AWS_DEFAULT_REGION",
        ),
        (
            "put",
            EndpointConnectionError(endpoint_url="http://minio:9000/atelier/ab/abcd.png"),
            '"http://minio:9000"; the server\'s address is read from AWS_ENDPOINT_URL',
        ),
        (
            "put",
            SSLError(endpoint_url="https://minio/a", error="CERTIFICATE_VERIFY_FAILED"),
            "https://minio CERTIFICATE_VERIFY_FAILED; AWS_CA_BUNDLE can name",
        ),
    ],
)
def test_store_errors_name_the_operation_the_cause_and_the_setting(
    operation: str, error: Exception, text: str
) -> None:
    with pytest.raises(StorageUnavailableError, match=text), translated(operation):
        raise error
