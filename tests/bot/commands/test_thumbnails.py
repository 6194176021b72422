"""Thumbnails of the catalogue's scans."""

import os
from pathlib import Path

import pytest

from bot.commands.thumbnails import Thumbnails, thumbnail_of
from common.catalogue import load_catalogue
from common.catalogue.catalogue import scan_path
from common.pictures import DecoderPool, NormalizedPicture
from tests.kit.pictures import gradient_picture, plain_picture
from tests.kit.world import World


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The files that a child process has decoded."""
    decoded: list[bytes] = []
    normalize = DecoderPool.normalize

    async def counted(pool: DecoderPool, data: bytes) -> NormalizedPicture:
        decoded.append(data)
        return await normalize(pool, data)

    monkeypatch.setattr(DecoderPool, "normalize", counted)
    return decoded


async def shown(world: World) -> bytes:
    """The thumbnail of a painting with a scan."""
    found = await thumbnail_of(world.bot, next(iter(load_catalogue())), "style")
    assert found is not None
    return found.fp.read()


async def test_scan_is_decoded_once_until_it_changes(world: World, decodings: list[bytes]) -> None:
    scan = scan_path(next(iter(load_catalogue())), world.settings.styles_dir)
    scan.parent.mkdir(parents=True, exist_ok=True)
    first, second = gradient_picture((640, 480)), plain_picture(color="olive")
    scan.write_bytes(first)
    picture = await shown(world)
    assert await shown(world) == picture
    assert decodings == [first]
    scan.write_bytes(second)
    os.utime(scan, (1, 1))
    assert await shown(world) != picture
    assert decodings == [first, second]


async def test_damaged_scan_is_tried_again(
    world: World, decodings: list[bytes], tmp_path: Path
) -> None:
    scan, thumbnails = tmp_path / "scan.jpg", world.bot.service(Thumbnails)
    assert await thumbnails.of_scan(scan) is None
    scan.write_bytes(b"no picture")
    for _ in range(2):
        assert await thumbnails.of_scan(scan) is None
    assert decodings == [b"no picture"] * 2
