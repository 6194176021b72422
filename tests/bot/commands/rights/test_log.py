"""Entries of `/limits log` about pictures of others and about limits."""

import pytest

from bot.cards.job_buttons import Action
from bot.commands.rights import Origin
from tests.bot.commands.rights.origins import MAKE_JOB, press_delete, press_forged_button
from tests.kit.world import World


@pytest.mark.parametrize("origin", [Origin.PRIVATE, Origin.MODERATED, Origin.PUBLIC])
async def test_admin_access_to_pictures_of_others_is_logged(world: World, origin: Origin) -> None:
    job = await MAKE_JOB[origin](world, world.user("ada"))
    admin = world.user("admin")
    await world.slash(admin, "show", {"picture": job.id}, channel="talk")
    await world.answer_text(await press_forged_button(world, admin, job, Action.DETAILS))
    await press_delete(world, admin, job)

    async def actions() -> list[str]:
        entries = await world.queue.audit.read(world.guild_id)
        assert all(
            entry.details == {"job": str(job.id), "user": str(job.user_id)} for entry in entries
        )
        return [entry.action for entry in entries]

    async def is_logged() -> bool:
        return "delete_picture" in await actions()

    await world.eventually(is_logged)
    looked = [] if origin is Origin.PUBLIC else ["look_at_private"] * 2  # `/show` and Details
    assert await actions() == ["delete_picture", *looked]
    log = (await world.slash(admin, "limits log")).text
    assert f"<@{admin.id}>: deleted a picture (#{job.id}, <@{job.user_id}>)" in log


async def test_cancelling_is_logged_for_admins_but_not_for_owners(world: World) -> None:
    first, second = await world.make_job(world.user("ada")), await world.make_job(world.user("ada"))
    await world.slash(world.user("ada"), "cancel", {"job": first.id})
    await world.slash(world.user("admin"), "cancel", {"job": second.id})
    (entry,) = await world.queue.audit.read(world.guild_id)
    assert (entry.action, entry.details["job"]) == ("remove", str(second.id))


async def test_log_shows_an_undo_with_the_old_and_new_values(world: World) -> None:
    admin = world.user("admin")
    message = await world.slash(admin, "limits set", {"size": 512})
    await world.press(admin, message, "Undo")
    assert "was undone" in message.text
    undo, change = (await world.slash(admin, "limits log")).text.splitlines()[1:3]
    assert "changed limits (Largest size: the operator's → 512 px)" in change
    assert "undid a change of limits (Largest size: 512 px → the operator's)" in undo
