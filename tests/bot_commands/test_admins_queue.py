"""What admins do with the queue, and the figures that they see."""

import io

from PIL import Image

from jobs.model import JobState
from tests.bot_commands.house import House


async def test_the_queue_is_paused_and_resumed(house: House) -> None:
    admin = house.user("admin")
    await house.slash(admin, "queue-admin pause")
    assert (await house.queue.standings.overview(house.guild_id)).paused
    assert "paused already" in (await house.slash(admin, "queue-admin pause")).text
    await house.slash(admin, "queue-admin resume")
    assert not (await house.queue.standings.overview(house.guild_id)).paused
    assert "not paused" in (await house.slash(admin, "queue-admin resume")).text


async def test_clear_tells_the_number_and_asks_first(house: House) -> None:
    admin, ada = house.user("admin"), house.user("ada")
    assert "Nothing waits" in (await house.slash(admin, "queue-admin clear")).text
    jobs = [await house.job(ada) for _ in range(3)]
    private = await house.job(ada, in_guild=False)
    message = await house.slash(admin, "queue-admin clear")
    assert "Cancel 3 waiting pictures?" in message.text
    await house.press(admin, message, "Change nothing")
    assert await house.state(jobs[0]) is JobState.QUEUED
    message = await house.slash(admin, "queue-admin clear")
    await house.press(admin, message, "Cancel them all")
    assert "3 waiting pictures are cancelled." in message.text
    assert {await house.state(job) for job in jobs} == {JobState.CANCELLED}
    assert await house.state(private) is JobState.QUEUED
    assert [entry.action for entry in await house.queue.audit.read(house.guild_id)] == ["clear"]


async def test_remove_and_front_act_on_this_servers_jobs_only(house: House) -> None:
    admin, ada = house.user("admin"), house.user("ada")
    first, second = await house.job(ada), await house.job(house.user("grace"))
    private = await house.job(ada, in_guild=False)
    offered = await house.discord.autocomplete(admin, "queue-admin front", "picture", "")
    assert {choice["value"] for choice in offered} == {first.id, second.id}
    await house.slash(admin, "queue-admin front", {"picture": second.id})
    assert [job.id for job in await house.queue.standings.waiting(house.guild_id)] == [
        second.id,
        first.id,
    ]
    message = await house.slash(admin, "queue-admin remove", {"picture": first.id})
    assert f"#{first.id} of <@{ada.id}> is cancelled." in message.text
    assert await house.state(first) is JobState.CANCELLED
    for name in ("queue-admin remove", "queue-admin front"):
        for job in (private, first):
            refused = await house.slash(admin, name, {"picture": job.id})
            assert f"no waiting picture #{job.id}" in refused.text
    assert await house.state(private) is JobState.QUEUED


async def test_stats_come_in_figures_and_as_a_picture(house: House) -> None:
    admin, ada = house.user("admin"), house.user("ada")
    await house.painted(ada)
    await house.painted(house.user("grace"))
    await house.fail(await house.job(ada))
    message = await house.slash(admin, "stats")
    for line in ("2 pictures painted", "2 members asked", "1 failure", "The last 14 days"):
        assert line in message.text
    with Image.open(io.BytesIO(message.attachments[0].data)) as plot:
        assert plot.format == "PNG"


async def test_the_operator_sees_the_figures_of_all_servers(house: House) -> None:
    admin, ada = house.user("admin"), house.user("ada")
    await house.painted(ada)
    await house.painted(ada, in_guild=False)
    assert "1 picture painted" in (await house.slash(admin, "stats")).text
    refused = await house.slash(admin, "stats", {"everywhere": True})
    assert refused.text == "Only those who run this bot may see the figures of all servers."
    house.client.settings = house.settings.model_copy(update={"atelier_owner_ids": (admin.id,)})
    message = await house.slash(admin, "stats", {"everywhere": True})
    assert "2 pictures painted" in message.text
    assert "All servers" in message.text


async def test_stats_of_a_server_without_pictures(house: House) -> None:
    message = await house.slash(house.user("admin"), "stats", {"days": 1})
    assert "0 pictures painted" in message.text
    assert "The last 1 day" in message.text


async def test_in_german(house: House) -> None:
    admin = house.user("admin", locale="de")
    message = await house.slash(admin, "limits set", {"size": 512})
    assert "Größte Größe: 512 px" in message.text
    await house.press(admin, message, "Rückgängig")
    assert (await house.queue.limits.in_force(house.guild_id)).max_size_px == 2048
