"""What servers of S3 do that Amazon's and moto do not."""

import hashlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from common.store import PictureStore, key_for


async def test_server_without_checksums_of_its_own_is_written_and_read(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ceph refuses checksums in a trailer; rclone sends the whole file's with each range."""
    kept: dict[str, bytes] = {}

    async def put(request: web.Request) -> web.Response:
        data = await request.read()
        strange = any("checksum" in name.lower() for name in request.headers)
        if strange or request.headers["x-amz-content-sha256"] != hashlib.sha256(data).hexdigest():
            return web.Response(status=411)
        kept[request.path] = data
        return web.Response()

    async def get(request: web.Request) -> web.Response:
        part = kept[request.path][request.http_range]
        status = 200 if "Range" not in request.headers else 206
        return web.Response(status=status, body=part, headers={"x-amz-checksum-crc32": "AAAAAA=="})

    app = web.Application()
    app.router.add_put("/{path:.*}", put)
    app.router.add_get("/{path:.*}", get)  # and HEAD
    async with TestServer(app) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(server.make_url("/")))
        store = PictureStore(s3_url, default_block_size=100)
        for data in (b"a picture", b"a large picture, read in ranges" * 20):
            assert await store.put(data, "png") == key_for(data, "png")
            assert await store.get(key_for(data, "png")) == data
