"""Which files may move is seen without decoding them."""

import pytest

from common.pictures.readers.formats import may_move
from tests.common.clips.files import RED, plain, saved
from tests.common.clips.test_process import FILES


@pytest.mark.parametrize("name", FILES)
def test_what_moves_may_move(name: str) -> None:
    assert may_move(FILES[name])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_still_pictures_may_not(kind: str) -> None:
    assert not may_move(saved([plain(RED)], kind))


def test_nor_what_is_no_picture() -> None:
    assert not may_move(b"")
    assert not may_move(b"acTL ANIM avis")
