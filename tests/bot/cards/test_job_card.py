"""The card of a job in each of its states."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from discord import ui

from bot.cards.descriptions import descriptions
from bot.cards.job_card import gallery_card, job_card, plain_card
from bot.cards.small_print import NOTES_LIMIT, Attached, duration, notes, settings_line
from bot.texts import texts_for
from bot.wire.uploads import ALT_TEXT_LIMIT
from common.options import ClipInput, PaintInputs, PaintOptions, StyleInput
from common.sentences import sentence
from jobs.management.audit import SERVER_LEFT
from jobs.model import Job, JobState, PaintReport, Progress, QueuePosition, Reply
from tests.kit.samples import failure, make_job

NOW = datetime.now(UTC)
T = texts_for("en-US")
REPORT = PaintReport("lite", "cpu", "fp32", 512, 384, 12.0, 300, 7)


def versions_of_job(count: int, **options: Any) -> dict[str, Any]:
    return {
        "options": PaintOptions(size_px=512, variants=count, **options),
        "report": replace(REPORT, variants=tuple(f"{n}.png" for n in range(count))),
        "result_key": "0.png",
    }


def attached(*places: int) -> Attached:
    first, *more = [Attached(b"", f"atelier-4-{place + 1}.png", place=place) for place in places]
    return replace(first, more=tuple(more))


def words_of(card: ui.LayoutView) -> str:
    shown = [part.content for part in card.walk_children() if isinstance(part, ui.TextDisplay)]
    return "\n".join(shown)


def actions_of(card: ui.LayoutView) -> list[str]:
    pressed: list[Any] = [part for part in card.walk_children() if hasattr(part, "item")]
    return [part.item.custom_id.split(":")[2] for part in pressed]


def alt_texts_of(card: ui.LayoutView) -> list[str | None]:
    galleries = [part for part in card.walk_children() if isinstance(part, ui.MediaGallery)]
    return [item.description for gallery in galleries for item in gallery.items]


READY = QueuePosition(2, NOW + timedelta(hours=2), 1, paused=False)


def test_waiting_card_shows_a_time_only_while_the_queue_moves() -> None:
    waiting = make_job(JobState.QUEUED)
    assert "Place 2, expected <t:" in words_of(job_card(T, waiting, READY))
    assert "Place 1" in words_of(job_card(T, waiting, replace(READY, place=0)))
    obstacles: list[tuple[dict[str, Any], str]] = [
        ({"paused": True, "engines_alive": 0}, "is paused"),
        ({"engine_starting": True, "engines_alive": 0}, "is starting"),
        ({"engines_alive": 0}, "is not running"),
    ]
    for obstacle, expected in obstacles:
        shown = words_of(job_card(T, waiting, replace(READY, **obstacle)))
        assert expected in shown
        assert "<t:" not in shown
    cancelling = job_card(T, replace(waiting, cancel_requested=True), replace(READY, paused=True))
    assert "Cancelling…" in words_of(cancelling)
    assert "paused" not in words_of(cancelling)


def test_running_card_shows_the_progress_bar_and_one_cancel_button() -> None:
    def painting(fraction: float, **other: Any) -> Job:
        progress = Progress(1, 2, fraction, **other.pop("progress", {}))
        return make_job(JobState.RUNNING, progress=progress, **other)

    for fraction, full in ((-0.1, 0), (0.5, 7), (1.0, 14), (1.3, 14)):
        assert words_of(job_card(T, painting(fraction), None)).count("▰") == full
    assert actions_of(job_card(T, painting(0.5), None)) == ["cancel"]
    assert not actions_of(job_card(T, painting(0.5, cancel_requested=True), None))
    clip: dict[str, Any] = {"frames": 9, "note": "loading"}
    halfway = words_of(job_card(T, painting(0.5, progress=clip | {"frame": 4}), None))
    assert "50% · frame 4 of 9\n▰▰▰▰▰▰▰▱▱▱▱▱▱▱\n" in halfway, (
        "text before the bar, for screen readers"
    )
    assert "put together" not in halfway
    last = words_of(job_card(T, painting(1.0, progress=clip | {"frame": 9}), None))
    assert "put together" in last
    assert "Getting ready" not in last


def test_card_offers_the_actions_that_apply() -> None:
    done = make_job(JobState.DONE, report=REPORT, result_key="a.png")
    one = attached(0)
    offered = actions_of(job_card(T, done, None, one))
    assert offered[-1] == "delete"
    assert "timelapse" in offered
    assert "gallery" not in offered
    assert actions_of(job_card(T, done, None, one, has_gallery=True))[-2:] == ["gallery", "delete"]
    clip = ClipInput(picture="a.clip", frames=9, seconds=1.0)
    moving = replace(done, inputs=done.inputs.model_copy(update={"clip": clip}))
    assert "timelapse" not in actions_of(job_card(T, moving, None, one))
    assert not actions_of(job_card(T, done, None)), "no picture is attached"
    for state in (JobState.FAILED, JobState.CANCELLED):
        assert actions_of(job_card(T, make_job(state), None)) == [
            "again",
            "change",
            "style",
            "delete",
        ]


def test_pictures_keep_their_numbers_if_one_is_missing() -> None:
    job = make_job(JobState.DONE, **versions_of_job(4))
    card = job_card(T, job, None, attached(0, 2, 3))
    assert actions_of(card)[:4] == ["first", "third", "fourth", "again"]
    assert [str(alt_text)[:2] for alt_text in alt_texts_of(card)] == ["1:", "3:", "4:"]
    assert alt_texts_of(card) == alt_texts_of(plain_card(T, job, attached(0, 2, 3)))
    assert "are painted, but cannot be shown" in words_of(job_card(T, job, None))
    deleted = replace(job, result_key=None, pictures_deleted_at=NOW)
    assert "These pictures were deleted" in words_of(job_card(T, deleted, None))


def test_alt_text_names_the_style_unless_set_by_the_member() -> None:
    styles = tuple(StyleInput(name=name, picture="a.png") for name in ("Reed", "Moss"))
    many = versions_of_job(2, vary="style") | {"inputs": PaintInputs(content="c", styles=styles)}
    job = make_job(JobState.DONE, **many)
    both = descriptions(T, job, 2)
    assert [("Reed" in one, "Moss" in one) for one in both] == [(True, False), (False, True)]
    described = replace(job, reply=replace(job.reply, alt_text="A cat"))
    assert descriptions(T, described, 2) == ["1: A cat", "2: A cat"]
    assert descriptions(T, described, 1) == ["A cat"]
    assert descriptions(T, job, 1) == ["A photo in the style of “Reed”"], "the first, so far"


@pytest.mark.parametrize("alt_text", ["A cat.", "A cat, ", "A\ncat:", "A cat"])
def test_alt_text_of_a_photo_is_continued_after_its_last_word(alt_text: str) -> None:
    inputs = PaintInputs(
        content="c", styles=(StyleInput(preset="the-scream"),), alt_texts=(alt_text,)
    )
    (said,) = descriptions(T, make_job(JobState.DONE, inputs=inputs), 1)
    assert said == "A cat, in the style of “The Scream”"


def test_long_right_to_left_alt_text_of_a_photo_does_not_reorder_the_style() -> None:
    style = StyleInput(preset="the-scream")
    inputs = PaintInputs(content="c", styles=(style,), alt_texts=("כלב " * 256,))
    (said,) = descriptions(T, make_job(JobState.DONE, inputs=inputs), 1)
    assert len(said) <= ALT_TEXT_LIMIT
    assert said.endswith("…\u2069, in the style of “The Scream”")


def test_alt_text_describes_previews_and_clips() -> None:
    style = StyleInput(preset="the-scream")
    clip = ClipInput(picture="a.clip", frames=9, seconds=1.0)
    moving = PaintInputs(content="c", styles=(style,), clip=clip)
    painted = make_job(JobState.RUNNING, inputs=moving)
    assert alt_texts_of(job_card(texts_for("de"), painted, None, attached(0))) == [
        "Vorschau: Eine Animation im Stil von „Der Schrei“"
    ]
    described = replace(painted, reply=replace(painted.reply, alt_text="A cat"))
    assert alt_texts_of(job_card(T, described, None, attached(0))) == ["Preview: A cat"]
    own = PaintInputs(content="c", styles=(StyleInput(picture="a.png"),))
    assert descriptions(T, make_job(JobState.DONE, inputs=own), 1) == ["A painted photo"]


def test_ended_card_states_the_finished_count_and_the_reason() -> None:
    progress = Progress(1, 2, 0.5, done=("0.png", "1.png"))
    many = {"options": PaintOptions(size_px=512, variants=4), "progress": progress}
    failed = make_job(JobState.FAILED, failure=failure(), **many)
    shown = words_of(job_card(T, failed, None, attached(0, 1)))
    assert "2 of 4 pictures were finished" in shown
    assert "(error e-1)" in shown
    assert "What is finished cannot be shown here" in words_of(job_card(T, failed, None))
    for by, who in ((9, "<@9> cancelled it"), (0, "An admin"), (-1, "The operator of this bot")):
        assert who in words_of(job_card(T, make_job(JobState.CANCELLED, cancelled_by=by), None)), by
    left = make_job(JobState.CANCELLED, cancelled_by=SERVER_LEFT)
    assert "I was removed from the server" in words_of(job_card(T, left, None))
    cleared = make_job(JobState.CANCELLED, cancelled_by=9, back_until=NOW)
    assert "cleared the queue" in words_of(job_card(T, cleared, None))
    by_itself = words_of(job_card(T, make_job(JobState.CANCELLED), None))
    assert "cancelled it" not in by_itself


@pytest.mark.parametrize("by_name", [False, True])
def test_gallery_card_names_the_member_only_on_request(by_name: bool) -> None:
    done = make_job(JobState.DONE, report=REPORT, result_key="a.png")
    card = gallery_card(T, done, attached(0), title="Dusk", by_name=by_name, spoiler=True)
    assert ("<@3>" in words_of(card)) is by_name
    assert "Ada" not in words_of(card)
    assert alt_texts_of(card) == ["A photo in the style of “the-starry-night”"]
    (gallery,) = [part for part in card.walk_children() if isinstance(part, ui.MediaGallery)]
    assert gallery.items[0].spoiler


def test_notes_are_deduplicated_and_limited_in_length() -> None:
    long = [sentence("{word}", word=str(n) * 299) for n in range(9)]
    job = make_job(JobState.QUEUED, reply=Reply(1, 1, "t", NOW, notes=(long[0], *long)))
    shown = notes(T, job)
    assert shown == [str(n) * 299 for n in range(NOTES_LIMIT // 299)]


def test_card_shows_the_painted_size_and_rounded_durations() -> None:
    done = make_job(JobState.DONE, report=REPORT)
    assert "512 × 384 px" in settings_line(T, done)
    photos = replace(done, options=PaintOptions(size_px=512, variants=2, vary="photo"))
    assert " · 512 px · " in settings_line(T, photos), "photos may differ in shape"
    spans = [duration(T, seconds) for seconds in (0.2, 89.4, 90, 180)]
    assert spans == ["1 s", "89 s", "2 min", "3 min"]
