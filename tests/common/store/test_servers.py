"""S3 servers that differ from Amazon's and from moto."""

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import s3fs
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.store import PictureMissingError, PictureStore, StorageUnavailableError, bucket, key_for
from tests.common.conftest import BUCKET


async def test_server_without_checksums_of_its_own_is_written_and_read(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ceph refuses checksums in a trailer; rclone sends the checksum of the file with ranges."""
    objects: dict[str, bytes] = {}

    async def put(request: web.Request) -> web.Response:
        data = await request.read()
        has_checksum_header = any("checksum" in name.lower() for name in request.headers)
        if (
            has_checksum_header
            or request.headers["x-amz-content-sha256"] != hashlib.sha256(data).hexdigest()
        ):
            return web.Response(status=411)
        objects[request.path] = data
        return web.Response()

    async def get(request: web.Request) -> web.Response:
        body = objects[request.path][request.http_range]
        status = 200 if "Range" not in request.headers else 206
        return web.Response(status=status, body=body, headers={"x-amz-checksum-crc32": "AAAAAA=="})

    app = web.Application()
    app.router.add_put("/{path:.*}", put)
    app.router.add_get("/{path:.*}", get)  # and HEAD
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
        store = PictureStore(s3_url, default_block_size=100)
        for data in (b"a picture", b"a large picture, read in ranges" * 20):
            assert await store.put(data, "png") == key_for(data, "png")
            assert await store.get(key_for(data, "png")) == data


@pytest.mark.parametrize(
    ("is_missing", "message"),
    [(False, "must be allowed to list"), (True, "is not there: create it")],
)
async def test_check_tells_a_key_that_may_not_list_from_a_missing_bucket(
    is_missing: bool, message: str, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SeaweedFS a key may write but not list, and a missing bucket is answered by 403."""
    objects: dict[str, bytes] = {}

    async def answer(request: web.Request) -> web.Response:
        if request.path.count("/") == 1:  # the bucket or its listing
            denied = "<Error><Code>AccessDenied</Code></Error>"
            return web.Response(status=404 if is_missing else 403, text=denied)
        if is_missing:
            return web.Response(status=403)
        if request.method == "PUT":
            objects[request.path] = await request.read()
            return web.Response()
        if request.method == "DELETE":
            objects.clear()
            return web.Response(status=204)
        if request.path not in objects:
            return web.Response(status=404)
        return web.Response(body=objects[request.path])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
        with pytest.raises(StorageUnavailableError, match=message):
            await PictureStore(s3_url).check()


async def test_check_keeps_the_reason_that_only_the_upload_was_told(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        text = "<Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>"
        return web.Response(status=400, text="" if request.method == "HEAD" else text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
        with pytest.raises(StorageUnavailableError, match=r"It has expired; keys are read from"):
            await PictureStore(s3_url).check()


async def test_check_fails_while_a_bucket_refuses_files_of_the_last_size(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full bucket or a proxy's size limit may still accept the few bytes of a check."""
    store, is_full = PictureStore(s3_url), True
    pipe = store._fs.pipe_file

    def pipe_small(path: str, data: bytes) -> None:
        if is_full and len(data) > 1000:
            raise PermissionError("QuotaExceeded")
        pipe(path, data)

    monkeypatch.setattr(store._fs, "pipe_file", pipe_small)
    await store.check()
    with pytest.raises(StorageUnavailableError, match="QuotaExceeded"):
        await store.put(bytes(2000), "png")
    for _ in range(2):
        with pytest.raises(StorageUnavailableError, match="QuotaExceeded"):
            await store.check()
    await store.put(b"a small one", "png")
    with pytest.raises(StorageUnavailableError, match="QuotaExceeded"):
        await store.check()
    is_full = False
    await store.check()
    is_full = True
    await store.check()


async def test_picture_damaged_in_a_bucket_counts_as_missing(s3_url: str, tmp_path: Path) -> None:
    store, files = PictureStore(s3_url), s3fs.S3FileSystem(skip_instance_cache=True)
    key = await store.put(b"a picture", "png")
    await asyncio.to_thread(files.pipe_file, store._path(key), b"a pict")
    with pytest.raises(PictureMissingError, match="damaged"):
        await store.get(key)
    with pytest.raises(PictureMissingError, match="damaged"):
        store.get_file_sync(key, tmp_path / "back.png")
    await store.put(b"a picture", "png")
    assert await store.get(key) == b"a picture"


def test_listing_a_missing_bucket_says_that_it_is_missing(s3_url: str) -> None:
    store = PictureStore(s3_url.replace(BUCKET, "missing"))
    with pytest.raises(StorageUnavailableError, match="bucket missing is not there: create it"):
        list(store.walk_sync())


def test_walk_ends_uploads_of_dead_processes(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files, store = s3fs.S3FileSystem(skip_instance_cache=True), PictureStore(s3_url)
    prefix, key = s3_url.partition(f"{BUCKET}/")[2], key_for(b"a film", "clip")
    for name in (f"{prefix}/{key[:2]}/{key}", f"{prefix}/somebody's"):
        files.call_s3("create_multipart_upload", Bucket=BUCKET, Key=name)
    for seconds, remaining in ((1e10, 2), (bucket.UPLOAD_SECONDS, 1)):
        monkeypatch.setattr(bucket, "UPLOAD_SECONDS", seconds)
        assert list(store.walk_sync()) == []
        assert len(files.list_multipart_uploads(BUCKET)) == remaining


def test_upload_of_unknown_age_is_left_alone() -> None:
    """Not every server says when one began."""

    began = datetime(2020, 1, 1, tzinfo=UTC)
    ended: list[str] = []

    class Files:
        def call_s3(self, *_: str, **__: str) -> dict[str, Any]:
            known = {"Key": "ours/known", "UploadId": "2", "Initiated": began}
            return {"Uploads": [{"Key": "ours/unknown", "UploadId": "1"}, known]}

        def abort_mpu(self, _bucket: str, key: str, _upload_id: str) -> None:
            ended.append(key)

    bucket.end_abandoned_uploads(Files(), "bucket/ours", lambda _name: True)
    assert ended == ["ours/known"]


async def test_bucket_that_keeps_deleted_pictures_is_noticed(s3_url: str) -> None:
    files, bucket = s3fs.S3FileSystem(skip_instance_cache=True), f"{BUCKET}-versioned"
    files.mkdir(bucket)  # not the shared one, which could not be deleted with versions in it
    store = PictureStore(s3_url.replace(BUCKET, bucket))
    assert not await store.keeps_deleted()
    versioning = {"Status": "Enabled"}
    files.call_s3("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=versioning)
    assert await store.keeps_deleted()
    rule = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    files.call_s3(
        "put_bucket_lifecycle_configuration",
        Bucket=bucket,
        LifecycleConfiguration={"Rules": [rule]},
    )
    assert not await store.keeps_deleted()
    await store.check()
