"""Who may look at a picture, show it to others, delete it: by role, by where it was shown."""

from pathlib import Path

import pytest

from bot.cards.job_buttons import TAKES, Action
from bot.commands.rights import TABLE, AskerRole, Origin, Right
from bot.monitor import page
from tests.bot.commands.rights.origins import MAKE, PEOPLE, delete, press_in_a_copy
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


# Moderators and admins are that of one server only.
ELSEWHERE = {Origin.DIRECT_MESSAGE, Origin.OTHER_SERVER}


def allowed(origin: Origin, right: Right, role: AskerRole) -> bool:
    if origin in ELSEWHERE and role in {AskerRole.MODERATOR, AskerRole.ADMIN}:
        role = AskerRole.MEMBER
    return role in TABLE[origin][right]


@pytest.mark.parametrize("origin", Origin)
async def test_look_and_post_follow_the_rights_table(world: World, origin: Origin) -> None:
    """The owner's page asks nobody who they are; what another server sees is open there."""
    job = await MAKE[origin](world, world.user("ada"))
    fresh, is_open = await world.reload(job), origin in {Origin.PUBLIC, Origin.OTHER_SERVER}
    assert page.is_for_everybody(world.bot, fresh) == is_open
    for role, name in PEOPLE.items():
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
    job = await MAKE[origin](world, world.user("ada"))
    for role, name in PEOPLE.items():
        user = world.user(name)
        before = shown_to_all(world)
        pressed = await delete(world, user, job)
        if not allowed(origin, Right.DELETE, role):
            if role is AskerRole.ADMIN:  # of the server in which the copy stands
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
        assert shown_to_all(world) - before == (origin is Origin.PUBLIC), role
        job = await MAKE[origin](world, world.user("ada"))


def shown_to_all(world: World) -> int:
    """How many messages of #talk have a picture that all see."""
    shown = world.discord.messages("talk")
    return sum(bool(message.attachments) and not message.ephemeral for message in shown)


OWNERS = (
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
FOR_WHOM_IT_IS_SHOWN = (Action.AGAIN, Action.OTHER_STYLE, Action.COMPARE)


def test_tests_cover_every_picture_button() -> None:
    takes = {*TAKES[1:]}
    elsewhere = {Action.DETAILS, Action.DELETE, Action.CANCEL, Action.SAME_STYLE}
    assert {*OWNERS, *FOR_WHOM_IT_IS_SHOWN, *takes, *elsewhere} == {*Action, *TAKES}


@pytest.mark.parametrize("origin", Origin)
async def test_buttons_grant_no_more_than_the_rights_table(world: World, origin: Origin) -> None:
    job = await MAKE[origin](world, world.user("ada"))
    for role, name in PEOPLE.items():
        if role is AskerRole.OWNER:
            continue
        user = world.user(name)
        for action in OWNERS:
            pressed = await press_in_a_copy(world, user, job, action)
            said = await world.answer_text(pressed)
            assert "only they can do that" in said, (role, action)
        for action in FOR_WHOM_IT_IS_SHOWN:
            pressed = await press_in_a_copy(world, user, job, action)
            if not allowed(origin, Right.POST, role):
                assert "only they can do that" in await world.answer_text(pressed), (role, action)
            elif action is Action.OTHER_STYLE:
                await pressed.wait(lambda i: i.modal is not None)
            else:
                await pressed.wait(lambda i: i.message is not None)
                assert "only they" not in pressed.message.text  # type: ignore[union-attr]
        looked = await press_in_a_copy(world, user, job, Action.DETAILS)
        is_refused = "only they can do that" in await world.answer_text(looked)
        assert is_refused != allowed(origin, Right.LOOK, role), (role, "details")
        none_of_the_gallery = await press_in_a_copy(world, user, job, Action.SAME_STYLE)
        assert "is no longer in the gallery" in await world.answer_text(none_of_the_gallery)
