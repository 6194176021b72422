"""Every entry point that starts a painting enforces the limits, as `/paint` does.

Each entry point is tried under each restriction, one after the other, and then without; many
share a bot. A search through the sources finds entry points that are not tried here.
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
Start = Callable[[], Awaitable[Interaction]]
EntryPoint = Callable[[World, User], Awaitable[Start]]
SIZE = {"size": 128}
ENTRY_POINTS: dict[str, EntryPoint] = {}
QUEUES_NO_JOB = frozenset({"/paint without a style"})
"""Entry points that end in a question and not in a job."""
ASKS_NO_SIZE = frozenset(
    {
        "Try 5 styles", "/styles, Paint with this", "/styles, Try these", "Try it now",
        "Paint this", "Paint this, one of several", "Paint this, all of several", "Use as style",
        "ten photos", "Paint the avatar", "the gallery", "the style of the week",
        "moving picture question",
    }
)  # fmt: skip
"""Entry points without a choice of size and quality, which are lowered to the limits."""


def entry_point(name: str) -> Callable[[EntryPoint], EntryPoint]:
    def register(one: EntryPoint) -> EntryPoint:
        ENTRY_POINTS[name] = one
        return one

    return register


def photos(count: int = 1) -> dict[str, list[tuple[str, bytes]]]:
    made = [gradient_picture((64 + number, 48)) for number in range(count)]
    return {"content": [(f"{number}.png", data) for number, data in enumerate(made)]}


async def painted(world: World, user: User, **options: Any) -> Message:
    return await world.paint_and_wait({**SIZE, **options}, user=user.name.casefold())


def press(world: World, user: User, message: Message, text: str) -> Start:
    return lambda: world.discord.press(user, message, label=text)


def submit_form(
    world: World,
    open_form: Start,
    values: dict[str, Any] | None = None,
    files: dict[str, list[tuple[str, bytes]]] | None = None,
) -> Start:
    async def start() -> Interaction:
        opened = await open_form()
        await opened.wait(lambda i: i.modal is not None)
        return await world.discord.submit_modal(opened, values or {}, files or {})

    return start


def add_paint_command(name: str, options: dict[str, Any], attachments: dict[str, Any]) -> None:
    async def prepare(world: World, user: User) -> Start:
        return lambda: world.discord.slash(user, "paint", {**SIZE, **options}, attachments)

    ENTRY_POINTS[name] = prepare


add_paint_command("/paint", {}, PHOTO_AND_STYLE)
add_paint_command("/paint with versions", {"variants": 4}, PHOTO_AND_STYLE)
add_paint_command(
    "/paint with styles to choose from", {"vary": "style", "preset": "the-scream"}, PHOTO_AND_STYLE
)
add_paint_command("/paint of a moving picture", {"moving": True}, {**GIF})
add_paint_command("/paint without a style", {}, PHOTO)


async def ask_for_style(world: World, user: User) -> Message:
    interaction = await world.discord.slash(user, "paint", SIZE, PHOTO)
    return await world.wait_for_text(interaction, "Which style")


@entry_point("style question, a swatch")
async def _swatch(world: World, user: User) -> Start:
    return press(world, user, await ask_for_style(world, user), "The Starry Night")


@entry_point("Surprise me")
async def _surprise(world: World, user: User) -> Start:
    return press(world, user, await ask_for_style(world, user), "Surprise me")


@entry_point("Try 5 styles")
async def _trial(world: World, user: User) -> Start:
    return press(world, user, await ask_for_style(world, user), "Try 5 styles")


@entry_point("style question, a saved style")
async def _saved(world: World, user: User) -> Start:
    picture = {"picture": ("mine.png", gradient_picture((40, 40)))}
    await world.slash(user, "style save", {"name": "Mine"}, attachments=picture)
    message = await ask_for_style(world, user)
    return lambda: world.discord.select(user, message, ["Mine"])


@entry_point("All styles, Paint with this")
async def _all_styles(world: World, user: User) -> Start:
    opened = await world.discord.press(user, await ask_for_style(world, user), label="All styles")
    return press(
        world, user, await world.wait_for_text(opened, "Styles to paint in"), "Paint with this"
    )


@entry_point("/styles, Paint with this")
async def _styles(world: World, user: User) -> Start:
    message = await world.slash(user, "styles")
    return submit_form(world, press(world, user, message, "Paint with this"), {}, photos())


@entry_point("/styles, Try these")
async def _try_these(world: World, user: User) -> Start:
    message = await world.slash(user, "styles")
    return submit_form(world, press(world, user, message, "Try these on my photo"), {}, photos())


@entry_point("Try it now")
async def _try_it_now(world: World, user: User) -> Start:
    form = press(world, user, await world.slash(user, "help"), "Try it now")
    interaction = await submit_form(world, form, {}, photos())()
    return press(world, user, await world.wait_for_text(interaction, "Which style"), "The Scream")


def post(world: World, count: int = 1) -> Message:
    return world.discord.post(world.user("grace"), "look", photos(count)["content"])


@entry_point("Paint this")
async def _paint_this(world: World, user: User) -> Start:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Paint this", message)  # noqa: E731
    return submit_form(world, form, {"preset": ["great-wave"]})


@entry_point("Paint this, one of several")
async def _paint_one(world: World, user: User) -> Start:
    interaction = await world.discord.message_command(user, "Paint this", post(world, 3))
    message = await world.wait_for_text(interaction, "Which of these pictures")
    return submit_form(
        world,
        press(world, user, message, button_label(message, "2")),
        {"preset": ["great-wave"]},
    )


@entry_point("Paint this, all of several")
async def _paint_all(world: World, user: User) -> Start:
    interaction = await world.discord.message_command(user, "Paint this", post(world, 3))
    message = await world.wait_for_text(interaction, "Which of these pictures")
    return submit_form(
        world,
        press(world, user, message, button_label(message, "All")),
        {"preset": ["great-wave"]},
    )


@entry_point("Use as style")
async def _use_as_style(world: World, user: User) -> Start:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Use as style", message)  # noqa: E731
    return submit_form(world, form, {}, photos())


@entry_point("ten photos")
async def _ten(world: World, user: User) -> Start:
    message = post(world)
    form = lambda: world.discord.message_command(user, "Use as style", message)  # noqa: E731
    return submit_form(world, form, {}, photos(10))


@entry_point("Paint the avatar")
async def _avatar(world: World, user: User) -> Start:
    grace = world.user("grace")
    form = lambda: world.discord.user_command(user, "Paint the avatar", grace)  # noqa: E731
    return submit_form(world, form, {"preset": ["great-wave"]})


def remix_button(text: str, **options: Any) -> EntryPoint:
    async def prepare(world: World, user: User) -> Start:
        return press(world, user, await painted(world, user, **options), text)

    return prepare


for _button in ("Again", "Stronger", "Softer", "Larger", "Time-lapse"):
    ENTRY_POINTS[_button] = remix_button(_button)
ENTRY_POINTS["Again, on several versions"] = remix_button("Again", variants=2)


@entry_point("Other style")
async def _other_style(world: World, user: User) -> Start:
    form = press(world, user, await painted(world, user), "Other style")
    return submit_form(world, form, {"preset": ["great-wave"]})


@entry_point("Change…")
async def _change(world: World, user: User) -> Start:
    message = await painted(world, user)
    return submit_form(world, press(world, user, message, "Change…"))


@entry_point("Again, on a picture of another member")
async def _others(world: World, user: User) -> Start:
    return press(world, user, await painted(world, world.user("grace")), "Again")


@entry_point("Other style, on a picture of another member")
async def _others_style(world: World, user: User) -> Start:
    form = press(world, user, await painted(world, world.user("grace")), "Other style")
    return submit_form(world, form, {"preset": ["great-wave"]})


@entry_point("Again, on a picture from the history")
async def _history(world: World, user: User) -> Start:
    await painted(world, user)
    message = await world.slash(user, "history")
    (menu,) = message.selects
    opened = await world.discord.select(user, message, [menu["options"][0]["value"]])
    await opened.wait(lambda i: i.message is not None and has_result(i.message))
    assert opened.message is not None
    return press(world, user, opened.message, "Again")


@entry_point("the gallery")
async def _gallery(world: World, user: User) -> Start:
    talk = world.discord.channel("talk")
    await world.queue.limits.set(world.guild_id, {"gallery_channel_id": talk.id}, 1)
    message = await painted(world, world.user("grace"))
    form = press(world, world.user("grace"), message, "Post to gallery")
    await world.wait_for_text(await submit_form(world, form)(), "It is in the gallery")
    posted = world.discord.messages("talk")[-1]
    return submit_form(world, press(world, user, posted, "Paint with this"), {}, photos())


@entry_point("the style of the week")
async def _weekly(world: World, user: User) -> Start:
    await world.slash(world.user("admin"), "style-of-the-week", {"style": "the-scream"})
    # It is posted in the gallery channel where one is set.
    messages = [*world.discord.messages(), *world.discord.messages("talk")]
    (posted,) = [each for each in messages if "Style of the week" in each.text]
    return submit_form(world, press(world, user, posted, "Paint with this"), {}, photos())


@entry_point("moving picture question")
async def _moving(world: World, user: User) -> Start:
    interaction = await world.discord.slash(user, "paint", {}, GIF)
    message = await world.wait_for_text(interaction, "or only its first frame?")
    return press(world, user, message, button_label(message, "All of it"))


EntryPoints = dict[str, Start]
PARTS = 4


async def prepared(world: World, user: User, names: list[str]) -> EntryPoints:
    """Prepare these entry points, so that each needs only to be started."""
    return {name: await ENTRY_POINTS[name](world, user) for name in names}


@contextlib.contextmanager
def noting(name: str) -> Iterator[None]:
    """Add the name of the entry point to an error."""
    try:
        yield
    except Exception as error:
        error.add_note(f"entry point: {name}")
        raise


async def assert_all_refused(
    world: World, user: User, entry_points: EntryPoints, words: str
) -> None:
    """Check that each is refused with this text, and that nothing is queued."""
    before = [job.id for job in await world.queue.jobs.of_user(user.id)]
    for name, start in entry_points.items():
        with noting(name):
            await (await start()).wait(lambda i: words in text_of(i))
    assert [job.id for job in await world.queue.jobs.of_user(user.id)] == before


@pytest.mark.parametrize("part", range(PARTS))
async def test_every_way_to_start_a_painting_obeys_every_limit(world: World, part: int) -> None:
    await world.start_engine()
    ada, guild_id, limits = world.user("ada"), world.guild_id, world.queue.limits
    await painted(world, ada)  # uses up a daily limit of 1
    entry_points = await prepared(world, ada, [*ENTRY_POINTS][part::PARTS])
    kept = dict(await limits.of_server(guild_id))
    role = world.user("admin").role_ids[0]
    elsewhere = (await world.discord.open_channel("elsewhere", 0)).id

    await world.queue.blocks.add(guild_id, ada.id, 1, reason="for a test")
    await assert_all_refused(world, ada, entry_points, "for a test")
    await world.queue.blocks.remove(guild_id, ada.id, 1)
    with_size = {name: start for name, start in entry_points.items() if name not in ASKS_NO_SIZE}
    for change, words, tried in (
        ({"max_size_px": 64}, "64 px", with_size),
        ({"painter_role_ids": [role]}, "Painting here needs the role", entry_points),
        ({"channel_ids": [elsewhere]}, f"Painting is allowed in <#{elsewhere}> only", entry_points),
        ({"max_per_day": 1}, "the limit is 1", entry_points),
        ({"cooldown_seconds": 3600}, "between two pictures", entry_points),
    ):
        await limits.set(guild_id, change, 1)
        await assert_all_refused(world, ada, tried, words)
        await limits.reset(guild_id, 1)
        await limits.set(guild_id, kept, 1)

    await world.queue.pauses.pause(guild_id, 1)
    newest = (await world.make_job(ada)).id
    await limits.set(guild_id, {"max_waiting_per_user": 1}, 1)
    await assert_all_refused(world, ada, entry_points, "(1 of 1)")
    await limits.reset(guild_id, 1)
    await limits.set(guild_id, kept, 1)
    for name, start in entry_points.items():
        if name in QUEUES_NO_JOB:
            continue
        with noting(name):
            await (await start()).wait(lambda i: "The queue is paused at the moment" in text_of(i))
            before, newest = newest, (await world.queue.jobs.of_user(ada.id))[0].id
            assert newest > before


async def test_unchosen_size_and_quality_are_lowered_to_the_limits(world: World) -> None:
    engine = await world.start_engine()
    ada, guild_id = world.user("ada"), world.guild_id
    entry_points = await prepared(world, ada, sorted(ASKS_NO_SIZE))
    engine.may_finish.clear()
    kept = dict(await world.queue.limits.of_server(guild_id))
    await world.queue.limits.set(guild_id, {**kept, "max_size_px": 64, "max_quality": "draft"}, 1)
    known = {job.id for job in await world.queue.jobs.of_user(ada.id)}
    for name, start in entry_points.items():
        with noting(name):
            await (await start()).wait(lambda i: "64 px" in text_of(i))
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
    """A new call that starts an intake needs an entry point above, and its place here."""
    found = set()
    for path in sorted(BOT.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            called = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
            if called not in {"begin", "begin_with", "finish", "decide"}:
                continue
            receiver = ast.unparse(call.func).rpartition(".")[0]
            starts_intake = receiver == "intake" or receiver.endswith("service(IntakeService)")
            if starts_intake or called == "begin_with":
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
