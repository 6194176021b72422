import io
import json
import random
import zipfile

import pytest
from PIL import Image

from bot.commands import privacy_export
from bot.commands.privacy_export import export_parts
from bot.wire import original_response
from jobs.model import JobState
from sandbox.model import Interaction, Message
from tests.kit.pictures import plain_picture
from tests.kit.world import World, has_content, wait_for_answer


async def test_privacy_states_the_retention_days(world: World) -> None:
    message = await world.slash(world.user(), "privacy")
    assert message.ephemeral
    assert "Pictures, yours and mine, are deleted after 30 days." in message.text
    await world.queue.limits.set(world.guild_id, {"retention_days": 1}, 1)
    assert "after 1 day." in (await world.slash(world.user(), "privacy")).text


async def test_data_export_is_sent_as_an_ephemeral_file(world: World) -> None:
    ada = world.user("ada")
    job = await world.make_painted_job(ada)
    await world.make_painted_job(world.user("grace"))
    message = await world.slash(ada, "privacy", context="bot_dm")
    pressed = await world.discord.press(ada, message, label="Send me my data")
    sent = await wait_for_answer(pressed)
    assert sent is not message
    assert sent.ephemeral
    with zipfile.ZipFile(io.BytesIO(sent.attachments[0].data)) as archive:
        data = json.loads(archive.read("data.json"))
        assert [each["id"] for each in data["jobs"]] == [job.id]
        assert f"pictures/{job.result_key}" in archive.namelist()


async def press_erase(world: World, message: Message, label: str) -> None:
    ada = world.user("ada")
    await world.press(ada, message, "Erase my data…")
    assert "cannot be undone" in message.text
    await world.press(ada, message, label)
    await world.eventually(lambda: "and then I erase" not in message.text)


async def test_everything_is_erased_after_confirmation(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    done, foreign = await world.make_painted_job(ada), await world.make_painted_job(grace)
    await world.make_job(ada)
    key = await world.queue.store.put(plain_picture(), ".png")
    await world.queue.styles.save("user", ada.id, "Mine", key, ada.id)
    message = await world.slash(ada, "privacy")
    await press_erase(world, message, "Keep everything")
    assert "Your data" in message.text
    assert (await world.reload(done)).result_key is not None
    world.bot.languages[ada.id] = "en"
    await press_erase(world, message, "Erase everything")
    assert "Everything was erased: 2 pictures that you asked for," in message.text
    assert ada.id not in world.bot.languages
    assert not await world.queue.jobs.of_user(ada.id)
    assert not await world.queue.styles.visible_to(ada.id, None)
    shown = await world.slash(ada, "show", {"picture": done.id})
    assert f"There is no picture #{done.id}" in shown.text
    assert await world.state(foreign) is JobState.DONE


async def test_erasure_waits_for_a_running_job_and_reports_completion(world: World) -> None:
    painter, _ = await world.paint_halfway()
    ada, message = world.user("ada"), await world.slash(world.user("ada"), "privacy")
    await world.press(ada, message, "Erase my data…")
    await world.press(ada, message, "Erase everything")
    assert "and then I erase everything" in message.text
    assert not message.buttons, "no button can be pressed twice"
    painter.may_finish.set()
    await world.eventually(lambda: "Everything was erased" in message.text)


async def test_connection_that_is_lost_meanwhile_does_not_prevent_the_erasure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(original_response, "FILL_TRIES", 0)
    ada = world.user("ada")
    await world.make_job(ada)
    message = await world.slash(ada, "privacy")
    await world.press(ada, message, "Erase my data…")
    edits = f"/webhooks/{world.bot.application_id}/*"
    lost = world.discord.faults.add("PATCH", edits, drop=True)
    await world.press(ada, message, "Erase everything")
    await world.eventually(lambda: "Everything was erased" in message.text)
    assert lost.hits


async def test_cards_of_erased_waiting_jobs_say_cancelled(world: World) -> None:
    ada = world.user("ada")
    files = {"content": ("a.png", plain_picture()), "style": ("b.png", plain_picture(color="navy"))}
    waiting = await world.discord.slash(ada, "paint", attachments=files)
    await waiting.wait(lambda i: i.message is not None and "Place 1" in i.message.text)
    message = await world.slash(ada, "privacy")
    await press_erase(world, message, "Erase everything")
    assert "Everything was erased: 1 picture that you asked for," in message.text
    await waiting.wait(lambda i: i.message is not None and "Cancelled" in i.message.text)
    assert not await world.queue.jobs.of_user(ada.id)


async def save_pictures(world: World, user_id: int, sizes: list[int]) -> set[str]:
    """Save styles with pictures of these sizes in bytes; return their names in the export."""
    keys = set()
    for number, size in enumerate(sizes):
        key = await world.queue.store.put(random.Random(number).randbytes(size), ".png")
        await world.queue.styles.save("user", user_id, f"Style {number}", key, user_id)
        keys.add(f"pictures/{key}")
    return keys


@pytest.mark.parametrize(
    ("sizes", "count"),
    [([], 1), ([1000], 1), ([40_000] * 2, 1), ([40_000] * 4, 2), ([90_000] * 5, 5)],
)
async def test_data_export_is_split_into_archives_that_fit(
    world: World, sizes: list[int], count: int
) -> None:
    ada = world.user("ada")
    keys = await save_pictures(world, ada.id, sizes)
    found = [part async for part in export_parts(world.bot, ada.id, 100_000)]
    assert len(found) == count
    names: list[str] = []
    for part in found:
        assert part.archive.getbuffer().nbytes <= 100_000
        with zipfile.ZipFile(part.archive) as archive:
            assert archive.testzip() is None
            names += archive.namelist()
    assert names[0] == "data.json"
    assert set(names[1:]) == keys
    assert len(names) == len(set(names))
    assert (found[-1].left_out, found[-1].to_come) == (0, 0)


async def test_picture_too_large_for_the_export_becomes_a_jpeg(world: World) -> None:
    ada = world.user("ada")
    noise = Image.frombytes("RGB", (200, 200), random.Random(0).randbytes(200 * 200 * 3))
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    key = await world.queue.store.put(buffer.getvalue(), ".png")
    await world.queue.styles.save("user", ada.id, "Noise", key, ada.id)
    found = [part async for part in export_parts(world.bot, ada.id, 90_000)]
    with zipfile.ZipFile(found[-1].archive) as archive:
        (name,) = [each for each in archive.namelist() if each.startswith("pictures/")]
        assert name == f"pictures/{key.removesuffix('.png')}.jpg"
        with Image.open(io.BytesIO(archive.read(name))) as sent:
            assert (sent.format, sent.size) == ("JPEG", (200, 200))


async def test_data_export_counts_pictures_that_cannot_be_sent(world: World) -> None:
    ada = world.user("ada")
    await save_pictures(world, ada.id, [90_000])
    (part,) = [part async for part in export_parts(world.bot, ada.id, 50_000)]
    assert part.left_out == 1
    with zipfile.ZipFile(part.archive) as archive:
        assert archive.namelist() == ["data.json"]


@pytest.mark.usefixtures("immediate_retries")
@pytest.mark.parametrize("context", ["guild", "bot_dm"])
async def test_several_archives_are_sent_one_after_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch, context: str
) -> None:
    ada = world.user("ada")
    keys = await save_pictures(world, ada.id, [90_000] * 5)
    monkeypatch.setattr(privacy_export, "LARGEST_PART_BYTES", 100_000)
    message = await world.slash(ada, "privacy", context=context)
    world.discord.faults.add("POST", "/webhooks/*", carried_out=True, drop=True)  # sent once more
    pressed = await world.discord.press(ada, message, label="Send me my data")
    await pressed.wait(lambda i: len(i.followups) + has_content(i.message) >= 6)
    sent = [pressed.message, *pressed.followups]
    names: list[str] = []
    for each in sent:
        if each is not None and each.attachments:
            with zipfile.ZipFile(io.BytesIO(each.attachments[0].data)) as archive:
                names += archive.namelist()
    assert set(names) == {"data.json", *keys}


async def test_user_installed_app_reports_pictures_that_could_not_be_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = world.user("ada")
    await save_pictures(world, ada.id, [90_000] * 6)
    monkeypatch.setattr(privacy_export, "LARGEST_PART_BYTES", 100_000)
    message = await world.slash(ada, "privacy", context="private")
    pressed = await world.discord.press(ada, message, label="Send me my data")

    def answers() -> str:
        messages = [pressed.message, *pressed.followups]
        return "\n".join(each.text for each in messages if each is not None)

    await pressed.wait(lambda _: "could not be sent" in answers())
    assert "2 pictures could not be sent" in answers()


async def test_erased_admin_is_anonymous_in_the_log(world: World) -> None:
    admin = world.user("admin")
    await world.slash(admin, "queue-admin pause")
    await world.queue.privacy.erase_user(admin.id)
    log = await world.slash(admin, "limits log")
    assert "somebody: paused the queue" in log.text


async def test_erased_photo_is_withdrawn_from_pictures_of_other_members(world: World) -> None:
    ada, grace = world.user("ada"), world.user("grace")
    await world.start_engine()
    first = await world.paint_and_wait()
    again = await world.wait_finished(await world.discord.press(grace, first, label="Again"))
    await world.stop_engine()
    waiting = await world.discord.press(grace, again, label="Again")
    await waiting.wait(lambda i: i.message is not None and "Place 1" in i.message.text)
    message = await world.slash(ada, "privacy")
    await press_erase(world, message, "Erase everything")
    await waiting.wait(lambda i: "has had their data erased" in message_text(i))
    _, painted = await world.jobs("grace")
    assert painted.result_key is not None
    assert await world.queue.store.exists(painted.result_key)
    assert again.attachments
    for label in ("Again", "Stronger", "Compare", "Other style", "Change…"):
        pressed = await world.discord.press(grace, again, label=label)
        assert "has had their data erased" in await world.answer_text(pressed), label
        assert pressed.modal is None, label
    assert len(await world.jobs("grace")) == 2
    saved = await world.discord.press(grace, again, label="Save to DMs")
    assert "in your DMs" in await world.answer_text(saved)


def message_text(interaction: Interaction) -> str:
    return "" if interaction.message is None else interaction.message.text
