"""Choosing or making the file of a picture that fits the upload limit."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.cards.fit_upload import fitted_result
from bot.cards.small_print import Attached
from bot.pictures.encoded import Encoded
from bot.texts import texts_for
from bot.wire.uploads import MOST_BYTES
from common.store import PictureMissingError
from jobs.model import JobState, PaintedClip
from tests.bot.cards.test_job_card import REPORT, versions_of_job
from tests.kit.samples import make_job

MIB = 2**20
T = texts_for("en-US")


class FakeFiles:
    """Store, encoder and queue at once: files of given sizes, and a record of what is encoded."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = {name.replace("_", "."): size for name, size in sizes.items()}
        self.asked: list[tuple[str, int]] = []
        self.store, self.encoder = self, self
        self.queue = self

    async def get(self, key: str) -> bytes:
        if key not in self.sizes:
            raise PictureMissingError(key)
        return bytes(self.sizes[key])

    async def total_bytes(self, keys: list[str]) -> int:
        return sum(self.sizes.get(key, 0) for key in keys)

    async def make(self, what: str, limit: int, data: bytes, *, is_result: bool) -> Encoded:
        assert is_result
        self.asked.append((what, limit))
        return Encoded(b"small", ".jpg", 90, 400, 300, is_smaller=len(data) > 20 * MIB)

    async def fit(self, job: Any, limit: int) -> Attached | None:
        client: Any = SimpleNamespace(queue=self, encoder=self)
        return await fitted_result(T, client, job, limit, is_result=True)


async def test_picture_too_large_to_upload_is_reduced_with_a_note() -> None:
    job = make_job(JobState.DONE, report=REPORT, result_key="a.png")
    assert await FakeFiles().fit(make_job(JobState.DONE), MIB) is None
    unchanged = await FakeFiles(a_png=MIB).fit(job, MIB)
    assert unchanged == Attached(bytes(MIB), "atelier-4.png")
    smaller = await FakeFiles(a_png=MIB + 1).fit(job, MIB)
    assert smaller is not None
    assert (smaller.data, smaller.filename) == (b"small", "atelier-4.jpg")
    assert "Shown as JPEG (quality 90): the PNG is 1.0 MiB, more than the 1 MiB" in str(
        smaller.note
    )
    assert "reduced" not in str(smaller.note)
    too_large = FakeFiles(a_png=30 * MIB)
    assert "reduced to 400 × 300 px" in str(getattr(await too_large.fit(job, 50 * MIB), "note", ""))
    assert too_large.asked == [("fit", MOST_BYTES)], "a request is limited below the server's limit"


async def test_pictures_share_the_upload_limit_and_missing_ones_are_named() -> None:
    job = make_job(JobState.DONE, **versions_of_job(4))
    files_in_store = FakeFiles(**{"0_png": 7 * MIB, "2_png": 3, "3_png": 3})
    found = await files_in_store.fit(job, 10 * MIB)
    assert found is not None
    assert files_in_store.asked == [("fit", MOST_BYTES // 4)]
    assert [(one.place, one.filename) for one in found.all] == [
        (0, "atelier-4-1.jpg"),
        (2, "atelier-4-3.png"),
        (3, "atelier-4-4.png"),
    ]
    assert str(found.note).endswith("\n-# Picture 2 is no longer kept.")
    first_gone = await FakeFiles(**{"2_png": 3}).fit(job, MIB)
    assert first_gone is not None
    assert first_gone.note == "Pictures 1, 2, 4 are no longer kept."
    with pytest.raises(PictureMissingError):
        await FakeFiles().fit(job, MIB)


@pytest.mark.parametrize(
    ("plays", "has_alpha", "best"), [(0, False, "gif"), (1, False, "mp4"), (1, True, "gif")]
)
async def test_clip_is_shown_in_the_best_format_that_fits(
    plays: int, has_alpha: bool, best: str
) -> None:
    files = {kind: f"a.{kind}" for kind in ("mp4", "gif", "webp")}
    clip = PaintedClip("a.clip", 9, 1.0, plays, files, has_alpha)
    job = make_job(JobState.DONE, report=replace(REPORT, clip=clip), result_key="a.png")
    sizes = {"a_mp4": 2, "a_gif": 2, "a_webp": 2, "a_clip": 9}
    found = await FakeFiles(**sizes).fit(job, 5)
    assert found == Attached(bytes(2), f"atelier-4.{best}")
    second = await FakeFiles(**sizes | {f"a_{best}": 6 * MIB}).fit(job, 5 * MIB)
    assert second is not None
    assert second.filename == "atelier-4.webp"
    format_name = {"gif": "GIF", "mp4": "MP4"}[best]
    assert f"Shown as WebP: the {format_name} is 6.0 MiB, more than the 5 MiB" in str(second.note)
    left = {name: size for name, size in sizes.items() if name != f"a_{best}"}
    assert await FakeFiles(**left).fit(job, 5) == Attached(bytes(2), "atelier-4.webp")
    none_fits = FakeFiles(**dict.fromkeys(sizes, 9))
    made = await none_fits.fit(job, 5)
    assert made is not None
    assert none_fits.asked == [("fit_clip", 5)]
    assert "smaller video of 400 × 300 px" in str(made.note)
