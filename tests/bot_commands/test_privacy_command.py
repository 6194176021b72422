import io
import json
import random
import zipfile

import pytest

from bot.privacy_command.parts import split_export
from jobs.model import JobState
from sandbox.model import Message
from tests.bot_commands.house import House, answer, picture


async def test_what_is_kept_is_told_with_the_days(house: House) -> None:
    message = await house.slash(house.user(), "privacy")
    assert message.ephemeral
    assert "Pictures, yours and mine, are deleted after 30 days." in message.text
    await house.queue.set_limits(house.guild_id, {"retention_days": 1}, 1)
    assert "after 1 day." in (await house.slash(house.user(), "privacy")).text


async def test_a_copy_of_ones_data_comes_as_a_file_that_only_its_owner_sees(house: House) -> None:
    ada = house.user("ada")
    job = await house.painted(ada)
    await house.painted(house.user("grace"))
    message = await house.slash(ada, "privacy", context="bot_dm")
    pressed = await house.discord.press(ada, message, label="Send me my data")
    sent = await answer(pressed)
    assert sent is not message
    assert sent.ephemeral
    with zipfile.ZipFile(io.BytesIO(house.discord.attachment_bytes(sent))) as archive:
        data = json.loads(archive.read("data.json"))
        assert [each["id"] for each in data["jobs"]] == [job.id]
        assert f"pictures/{job.result_key}" in archive.namelist()


async def press_erase(house: House, message: Message, label: str) -> None:
    ada = house.user("ada")
    await house.press(ada, message, "Erase my data…")
    assert "cannot be undone" in message.text
    await house.press(ada, message, label)


async def test_everything_is_erased_after_a_question(house: House) -> None:
    ada, grace = house.user("ada"), house.user("grace")
    done, foreign = await house.painted(ada), await house.painted(grace)
    await house.job(ada)
    key = await house.queue.store.put(picture(), ".png")
    await house.queue.save_style("user", ada.id, "Mine", key, ada.id)
    message = await house.slash(ada, "privacy")
    await press_erase(house, message, "Keep everything")
    assert "Your data" in message.text
    assert (await house.fresh(done)).result_key is not None
    await press_erase(house, message, "Erase everything")
    assert "Everything is erased: 2 jobs," in message.text
    assert not await house.queue.jobs_of_user(ada.id)
    assert not await house.queue.styles_for(ada.id, None)
    assert await house.state(foreign) is JobState.DONE


def archive_of(sizes: list[int], *, left_out: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, size in enumerate(sizes):
            archive.writestr(f"pictures/{number}.png", random.Random(number).randbytes(size))
        archive.writestr("data.json", json.dumps({"pictures_left_out": ["x"] * left_out}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sizes", "parts", "left_out"),
    [
        ([1000], 1, 0),
        ([40_000, 40_000, 10_000], 1, 0),
        ([40_000, 40_000, 40_000, 40_000], 2, 0),
        ([90_000] * 5, 4, 1),
        ([200_000, 1000], 1, 1),
    ],
)
async def test_a_large_export_is_split_into_archives_that_fit(
    sizes: list[int], parts: int, left_out: int
) -> None:
    found, missing = await split_export(archive_of(sizes), 100_000, 4)
    assert (len(found), missing) == (parts, left_out)
    names: list[str] = []
    for part in found:
        assert part.getbuffer().nbytes <= 100_000
        with zipfile.ZipFile(part) as archive:
            assert archive.testzip() is None
            names += archive.namelist()
    assert names[0] == "data.json" or parts == 1
    assert len(names) == len(set(names)) == len(sizes) + 1 - left_out


async def test_pictures_that_the_queue_left_out_are_counted() -> None:
    _parts, missing = await split_export(archive_of([10], left_out=3), 100_000, 4)
    assert missing == 3
