"""Animations and videos are recognized without decoding them."""

import pytest

from common.pictures.readers.formats import may_move
from tests.common.clips.files import RED, encode_frames, plain_image
from tests.common.clips.test_process import FILES


@pytest.mark.parametrize("name", FILES)
def test_may_move_accepts_every_moving_format(name: str) -> None:
    assert may_move(FILES[name])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_may_move_rejects_still_pictures(kind: str) -> None:
    assert not may_move(encode_frames([plain_image(RED)], kind))


def test_may_move_rejects_other_data() -> None:
    assert not may_move(b"")
    assert not may_move(b"acTL ANIM avis")
