"""The rights to look at, post and delete a picture, by origin and role."""

from pathlib import Path

import pytest

from bot.cards.job_buttons import TAKES, Action
from bot.commands.rights import TABLE, AskerRole, Origin, Right
from bot.monitor import page
from tests.bot.commands.rights.origins import MAKE_JOB, MEMBERS, press_delete, press_forged_button
from tests.kit.world import World

DOCUMENT = Path(__file__).parents[4] / "docs" / "security.md"


def test_rights_table_matches_the_security_document() -> None:
    written: dict[str, list[set[str]]] = {}
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        origin = cells[0].partition(":")[0]
        if len(cells) == 4 and origin in set(Origin):
            written[origin] = [
                set(AskerRole) if cell == "everybody" else set(cell.split(", ")) - {"nobody"}
                for cell in cells[1:]
            ]
    assert written == {
        origin: [rights[right] for right in (Right.LOOK, Right.POST, Right.DELETE)]
        for origin, rights in TABLE.items()
    }


# Moderators and admins have their roles in one server only.
OUTSIDE_THIS_SERVER = {Origin.DIRECT_MESSAGE, Origin.OTHER_SERVER}


def allowed(origin: Origin, right: Right, role: AskerRole) -> bool:
    if origin in OUTSIDE_THIS_SERVER and role in {AskerRole.MODERATOR, AskerRole.ADMIN}:
        role = AskerRole.MEMBER
    return role in TABLE[origin][right]


@pytest.mark.parametrize("origin", Origin)
async def test_look_and_post_follow_the_rights_table(world: World, origin: Origin) -> None:
    """The owner's page has no login, so it shows only what is public in its server."""
    job = await MAKE_JOB[origin](world, world.user("ada"))
    fresh, is_open = await world.reload(job), origin in {Origin.PUBLIC, Origin.OTHER_SERVER}
    assert page.is_for_everybody(world.bot, fresh) == is_open
    for role, name in MEMBERS.items():
        user = world.user(name)
        shown = await world.slash(user, "show", {"picture": job.id}, channel="talk")
        assert bool(shown.attachments) == allowed(origin, Right.LOOK, role), (role, "look")
        assert shown.ephemeral
        options = {"picture": job.id, "everybody": True}
        posted = await world.slash(user, "show", options, channel="talk")
        assert bool(posted.attachments) == allowed(origin, Right.POST, role), (role, "post")
        assert posted.ephemeral != allowed(origin, Right.POST, role), (role, "post")


@pytest.mark.parametrize("origin", Origin)
async def test_delete_and_undo_follow_the_rights_table_without_publishing(
    world: World, origin: Origin
) -> None:
    job = await MAKE_JOB[origin](world, world.user("ada"))
    for role, name in MEMBERS.items():
        user = world.user(name)
        before = public_pictures(world)
        pressed = await press_delete(world, user, job)
        if not allowed(origin, Right.DELETE, role):
            if role is AskerRole.ADMIN:  # of the server where the button is
                await pressed.wait(lambda i: i.followups)
                assert "stays with the member it belongs to" in await world.answer_text(pressed), (
                    role
                )
            else:
                assert "only they can do that" in await world.answer_text(pressed), role
            assert (await world.reload(job)).pictures_deleted_at is None
            continue
        await pressed.wait(lambda i: i.followups)
        assert (await world.reload(job)).pictures_deleted_at is not None
        undone = await world.discord.press(user, pressed.followups[0], label="Undo")
        await undone.wait(lambda i: i.message is not None and i.message.attachments)
        assert (await world.reload(job)).pictures_deleted_at is None
        assert public_pictures(world) - before == (origin is Origin.PUBLIC), role
        job = await MAKE_JOB[origin](world, world.user("ada"))


def public_pictures(world: World) -> int:
    """The number of messages in #talk with a picture that everybody sees."""
    shown = world.discord.messages("talk")
    return sum(bool(message.attachments) and not message.ephemeral for message in shown)


OWNER_ACTIONS = (
    Action.STRONGER,
    Action.SOFTER,
    Action.LARGER,
    Action.CHANGE,
    Action.TIMELAPSE,
    Action.SAVE,
    Action.GALLERY,
    Action.REST,
    TAKES[0],
)
VIEWER_ACTIONS = (Action.AGAIN, Action.OTHER_STYLE, Action.COMPARE)


def test_tests_cover_every_picture_button() -> None:
    other_takes = {*TAKES[1:]}
    tested_elsewhere = {Action.DETAILS, Action.DELETE, Action.CANCEL, Action.SAME_STYLE}
    assert {*OWNER_ACTIONS, *VIEWER_ACTIONS, *other_takes, *tested_elsewhere} == {*Action, *TAKES}


@pytest.mark.parametrize("origin", Origin)
async def test_buttons_grant_no_more_than_the_rights_table(world: World, origin: Origin) -> None:
    job = await MAKE_JOB[origin](world, world.user("ada"))
    for role, name in MEMBERS.items():
        if role is AskerRole.OWNER:
            continue
        user = world.user(name)
        for action in OWNER_ACTIONS:
            pressed = await press_forged_button(world, user, job, action)
            text = await world.answer_text(pressed)
            assert "only they can do that" in text, (role, action)
        for action in VIEWER_ACTIONS:
            pressed = await press_forged_button(world, user, job, action)
            if not allowed(origin, Right.POST, role):
                assert "only they can do that" in await world.answer_text(pressed), (role, action)
            elif action is Action.OTHER_STYLE:
                await pressed.wait(lambda i: i.modal is not None)
            else:
                await pressed.wait(lambda i: i.message is not None)
                assert "only they" not in pressed.message.text  # type: ignore[union-attr]
        looked = await press_forged_button(world, user, job, Action.DETAILS)
        is_refused = "only they can do that" in await world.answer_text(looked)
        assert is_refused != allowed(origin, Right.LOOK, role), (role, "details")
        same_style = await press_forged_button(world, user, job, Action.SAME_STYLE)
        assert "is no longer in the gallery" in await world.answer_text(same_style)
