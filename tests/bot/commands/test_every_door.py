"""Whatever starts a painting keeps to the limits, as `/paint` does.

Each door is tried with everything in its way, one after the other, and then without; many doors
share a bot. Beside them is a look through the sources for a door that is not tried here.
"""

import ast
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.model import Interaction, Message, User
from tests.kit.clips import GIF, button_label
from tests.kit.pictures import gradient_picture
from tests.kit.world import PHOTO, PHOTO_AND_STYLE, World, has_result, text_of

BOT = Path(__file__).resolve().parents[3] / "bot"
Go = Callable[[], Awaitable[Interaction]]
Door = Callable[[World, User], Awaitable[Go]]
SIZE = {"size": 128}
DOORS: dict[str, Door] = {}
NO_QUESTION = frozenset({"a photograph alone"})
"""What ends in a question and not in a job."""
ASKS_NO_SIZE = frozenset(
    {
        "Try 5 styles", "/styles, Paint with this", "/styles, Try these", "Try it now",
        "Paint this", "Paint this, one of several", "Paint this, all of several", "Use as style",
        "ten photographs", "Paint the avatar", "the gallery", "the style of the week",
        "what moves, decided",
    }
)  # fmt: skip
"""Where nobody chooses size and quality, so that they are lowered to what is allowed."""


def door(name: str) -> Callable[[Door], Door]:
    def keep(one: Door) -> Door:
        DOORS[name] = one
        return one

    return keep


def photos(count: int = 1) -> dict[str, list[tuple[str, bytes]]]:
    made = [gradient_picture((64 + number, 48)) for number in range(count)]
    return {"content": [(f"{number}.png", data) for number, data in enumerate(made)]}


async def painted(world: World, user: User, **options: Any) -> Message:
    return await world.paint_and_wait({**SIZE, **options}, user=user.name.casefold())


def pressing(world: World, user: User, message: Message, text: str) -> Go:
    return lambda: world.discord.press(user, message, label=text)


def submitting(
    world: World,
    open_form: Go,
    values: dict[str, Any] | None = None,
    files: dict[str, list[tuple[str, bytes]]] | None = None,
) -> Go:
    async def go() -> Interaction:
        opened = await open_form()
        await opened.wait(lambda i: i.modal is not None)
        return await world.discord.submit_modal(opened, values or {}, files or {})

    return go


def paints(name: str, options: dict[str, Any], attachments: dict[str, Any]) -> None:
    async def made(world: World, user: User) -> Go:
        return lambda: world.discord.slash(user, "paint", {**SIZE, **options}, attachments)

    DOORS[name] = made


paints("/paint", {}, PHOTO_AND_STYLE)
paints("/paint with versions", {"variants": 4}, PHOTO_AND_STYLE)
paints(
    "/paint with styles to choose from", {"vary": "style", "preset": "the-scream"}, PHOTO_AND_STYLE
)
paints("/paint of what moves", {"moving": True}, {**GIF})
paints("a photograph alone", {}, PHOTO)


async def question(world: World, user: User) -> Message:
    asked = await world.discord.slash(user, "paint", SIZE, PHOTO)
    return await world.wait_for_text(asked, "Which style")


@door("a swatch")
async def _swatch(world: World, user: User) -> Go:
    return pressing(world, user, await question(world, user), "The Starry Night")


@door("Surprise me")
async def _surprise(world: World, user: User) -> Go:
    return pressing(world, user, await question(world, user), "Surprise me")


@door("Try 5 styles")
async def _trial(world: World, user: User) -> Go:
    return pressing(world, user, await question(world, user), "Try 5 styles")


@door("a saved style")
async def _saved(world: World, user: User) -> Go:
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(user, "style save", {"name": "Mine"}, attachments=picture)
    message = await question(world, user)
    return lambda: world.discord.select(user, message, ["Mine"])


@door("All styles, Paint with this")
async def _all_styles(world: World, user: User) -> Go:
    opened = await world.discord.press(user, await question(world, user), label="All styles")
    return pressing(
        world, user, await world.wait_for_text(opened, "Styles to paint in"), "Paint with this"
    )


@door("/styles, Paint with this")
async def _styles(world: World, user: User) -> Go:
    message = await world.slash(user, "styles")
    return submitting(world, pressing(world, user, message, "Paint with this"), {}, photos())


@door("/styles, Try these")
async def _try_these(world: World, user: User) -> Go:
    message = await world.slash(user, "styles")
    return submitting(world, pressing(world, user, message, "Try these on my photo"), {}, photos())


@door("Try it now")
async def _try_it_now(world: World, user: User) -> Go:
    form = pressing(world, user, await world.slash(user, "help"), "Try it now")
    asked = await submitting(world, form, {}, photos())()
    return pressing(world, user, await world.wait_for_text(asked, "Which style"), "The Scream")


def post(world: World, count: int = 1) -> Message:
    return world.discord.post(world.user("grace"), "look", photos(count)["content"])


@door("Paint this")
async def _paint_this(world: World, user: User) -> Go:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Paint this", message)  # noqa: E731
    return submitting(world, form, {"preset": ["great-wave"]})


@door("Paint this, one of several")
async def _paint_one(world: World, user: User) -> Go:
    asked = await world.discord.message_command(user, "Paint this", post(world, 3))
    message = await world.wait_for_text(asked, "Which of these pictures")
    return submitting(
        world,
        pressing(world, user, message, button_label(message, "2")),
        {"preset": ["great-wave"]},
    )


@door("Paint this, all of several")
async def _paint_all(world: World, user: User) -> Go:
    asked = await world.discord.message_command(user, "Paint this", post(world, 3))
    message = await world.wait_for_text(asked, "Which of these pictures")
    return submitting(
        world,
        pressing(world, user, message, button_label(message, "All")),
        {"preset": ["great-wave"]},
    )


@door("Use as style")
async def _use_as_style(world: World, user: User) -> Go:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Use as style", message)  # noqa: E731
    return submitting(world, form, {}, photos())


@door("ten photographs")
async def _ten(world: World, user: User) -> Go:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Use as style", message)  # noqa: E731
    return submitting(world, form, {}, photos(10))


@door("Paint the avatar")
async def _avatar(world: World, user: User) -> Go:
    grace = world.user("grace")
    form = lambda: world.discord.user_command(user, "Paint the avatar", grace)  # noqa: E731
    return submitting(world, form, {"preset": ["great-wave"]})


def remix(text: str, **options: Any) -> Door:
    async def made(world: World, user: User) -> Go:
        return pressing(world, user, await painted(world, user, **options), text)

    return made


for _button in ("Again", "Stronger", "Softer", "Larger", "Time-lapse"):
    DOORS[_button] = remix(_button)
DOORS["Again, of several versions"] = remix("Again", variants=2)


@door("Other style")
async def _other_style(world: World, user: User) -> Go:
    form = pressing(world, user, await painted(world, user), "Other style")
    return submitting(world, form, {"preset": ["great-wave"]})


@door("Change…")
async def _change(world: World, user: User) -> Go:
    message = await painted(world, user)
    return submitting(world, pressing(world, user, message, "Change…"))


@door("Again, of somebody else's picture")
async def _others(world: World, user: User) -> Go:
    return pressing(world, user, await painted(world, world.user("grace")), "Again")


@door("Other style, of somebody else's picture")
async def _others_style(world: World, user: User) -> Go:
    form = pressing(world, user, await painted(world, world.user("grace")), "Other style")
    return submitting(world, form, {"preset": ["great-wave"]})


@door("a picture of the history")
async def _history(world: World, user: User) -> Go:
    await painted(world, user)
    message = await world.slash(user, "history")
    (menu,) = message.selects
    opened = await world.discord.select(user, message, [menu["options"][0]["value"]])
    await opened.wait(lambda i: i.message is not None and has_result(i.message))
    assert opened.message is not None
    return pressing(world, user, opened.message, "Again")


@door("the gallery")
async def _gallery(world: World, user: User) -> Go:
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": talk.id}, 1)
    message = await painted(world, world.user("grace"))
    form = pressing(world, world.user("grace"), message, "Post to gallery")
    await world.wait_for_text(await submitting(world, form)(), "It is in the gallery")
    posted = world.discord.messages("talk")[-1]
    return submitting(world, pressing(world, user, posted, "Paint with this"), {}, photos())


@door("the style of the week")
async def _weekly(world: World, user: User) -> Go:
    await world.slash(world.user("admin"), "style-of-the-week", {"style": "the-scream"})
    messages = [*world.discord.messages(), *world.discord.messages("talk")]  # that of the gallery
    (posted,) = [each for each in messages if "Style of the week" in each.text]
    return submitting(world, pressing(world, user, posted, "Paint with this"), {}, photos())


@door("what moves, decided")
async def _moving(world: World, user: User) -> Go:
    asked = await world.discord.slash(user, "paint", {}, GIF)
    message = await world.wait_for_text(asked, "or only its first frame?")
    return pressing(world, user, message, button_label(message, "All of it"))


Doors = dict[str, Go]
PARTS = 4


async def opened(world: World, user: User, names: list[str]) -> Doors:
    """These doors, each ready to be gone through."""
    return {name: await DOORS[name](world, user) for name in names}


@contextlib.contextmanager
def through(name: str) -> Iterator[None]:
    """Says by which door it was, when that fails."""
    try:
        yield
    except Exception as error:
        error.add_note(f"the door: {name}")
        raise


async def refuse(world: World, user: User, doors: Doors, words: str) -> None:
    """Each is refused with these words, and nothing is queued."""
    before = [job.id for job in await world.queue.jobs.of_user(user.id)]
    for name, go in doors.items():
        with through(name):
            await (await go()).wait(lambda i: words in text_of(i))
    assert [job.id for job in await world.queue.jobs.of_user(user.id)] == before


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_way_to_start_a_painting_obeys_every_limit(world: World, part: int) -> None:
    await world.start_engine()
    ada, guild_id, limits = world.user("ada"), world.guild_id, world.queue.limits
    await painted(world, ada)  # so that a day's limit can be full
    doors = await opened(world, ada, [*DOORS][part::PARTS])
    kept = dict(await limits.of_server(guild_id))
    role = world.user("admin").role_ids[0]
    elsewhere = (await world.discord.open_channel("elsewhere", 0)).id

    await world.queue.blocks.add(guild_id, ada.id, 1, reason="for a test")
    await refuse(world, ada, doors, "for a test")
    await world.queue.blocks.remove(guild_id, ada.id, 1)
    with_size = {name: go for name, go in doors.items() if name not in ASKS_NO_SIZE}
    for change, words, tried in (
        ({"max_size_px": 64}, "64 px", with_size),
        ({"painter_role_ids": [role]}, "Painting here needs the role", doors),
        ({"channel_ids": [elsewhere]}, f"Painting is allowed in <#{elsewhere}> only", doors),
        ({"max_per_day": 1}, "the limit is 1", doors),
        ({"cooldown_seconds": 3600}, "between two pictures", doors),
    ):
        await limits.set(guild_id, change, 1)
        await refuse(world, ada, tried, words)
        await limits.reset(guild_id, 1)
        await limits.set(guild_id, kept, 1)

    await world.queue.pauses.pause(guild_id, 1)
    newest = (await world.make_job(ada)).id
    await limits.set(guild_id, {"max_waiting_per_user": 1}, 1)
    await refuse(world, ada, doors, "(1 of 1)")
    await limits.reset(guild_id, 1)
    await limits.set(guild_id, kept, 1)
    for name, go in doors.items():
        if name in NO_QUESTION:
            continue
        with through(name):
            await (await go()).wait(lambda i: "The queue is paused at the moment" in text_of(i))
            before, newest = newest, (await world.queue.jobs.of_user(ada.id))[0].id
            assert newest > before


async def test_unchosen_size_and_quality_are_lowered_to_the_limits(world: World) -> None:
    engine = await world.start_engine()
    ada, guild_id = world.user("ada"), world.guild_id
    doors = await opened(world, ada, sorted(ASKS_NO_SIZE))
    engine.may_finish.clear()
    kept = dict(await world.queue.limits.of_server(guild_id))
    await world.queue.limits.set(guild_id, {**kept, "max_size_px": 64, "max_quality": "draft"}, 1)
    known = {job.id for job in await world.queue.jobs.of_user(ada.id)}
    for name, go in doors.items():
        with through(name):
            await (await go()).wait(lambda i: "64 px" in text_of(i))
            jobs = await world.queue.jobs.of_user(ada.id)
            (job,) = [job for job in jobs if job.id not in known]
            assert (job.options.size_px, job.options.quality) == (64, "draft")
            known.add(job.id)
    engine.may_finish.set()


@pytest.mark.parametrize("change", [None, {"painter_role_ids": [1]}, {"channel_ids": [1]}])
async def test_version_chosen_by_a_member_barred_from_painting_is_ephemeral(
    world: World, change: dict[str, Any] | None
) -> None:
    await world.start_engine()
    ada = world.user("ada")
    message = await painted(world, ada, variants=2)
    if change is None:
        await world.queue.blocks.add(world.guild_id, ada.id, 1)
    else:
        await world.queue.limits.set(world.guild_id, change, 1)
    taken = await world.wait_finished(await world.discord.press(ada, message, label="Choose 2"))
    assert taken.ephemeral


def test_tests_cover_every_way_to_start_a_painting() -> None:
    """Who adds a call that takes a wish in adds its door above, and its place here."""
    found = set()
    for path in sorted(BOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            called = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
            if called not in {"begin", "begin_with", "finish", "decide"}:
                continue
            of = ast.unparse(call.func).rpartition(".")[0]
            takes_in = of == "intake" or of.endswith("service(IntakeService)")
            if takes_in or called == "begin_with":
                found.add(f"{path.relative_to(BOT / 'commands')}: {called}")
    assert found == {
        "paint.py: begin",
        "paint_this.py: begin_with",
        "picture_buttons/change.py: begin",
        "picture_buttons/remix.py: begin",
        "questions.py: decide",
        "questions.py: finish",
        "style_buttons.py: finish",
        "style_form.py: begin",
        "style_form.py: begin_with",
    }
