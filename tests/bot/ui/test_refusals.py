"""Refusals and failures are worded in the user's language."""

from datetime import UTC, datetime, timedelta
from typing import cast

import discord
import pytest
from pydantic import TypeAdapter

from bot.cards.job_card import failure_words
from bot.texts import texts_for
from bot.ui.refusals import refusal_words
from bot.wire.errors import explain
from common.limits import LIMITS
from common.pictures import DecoderPool, PictureError
from common.sentences import Sentence, sentence
from jobs.model import Failure, FailureKind
from jobs.outcomes import BLOCKED, Refusal
from tests.kit.pictures import plain_picture

EN, DE = texts_for("en"), texts_for("de")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 400_000, UTC)


@pytest.mark.parametrize("limit", [BLOCKED, *LIMITS])
def test_every_refusal_has_english_and_german_wording(limit: str) -> None:
    allowed = LIMITS[limit].default if limit in LIMITS else ()
    refusal = Refusal(limit, allowed, 17, MOMENT)
    english, german = refusal_words(EN, refusal), refusal_words(DE, refusal)
    assert english != german
    ready = f"<t:{int(MOMENT.timestamp()) + 1}:R>"
    assert ready in english
    assert ready in german


def test_refusal_names_the_allowed_and_the_requested_value() -> None:
    refusal = Refusal("max_quality", "draft", "fine")
    assert "„Entwurf“" in refusal_words(DE, refusal)
    assert "„fein“" in refusal_words(DE, refusal)


def test_refusal_says_whether_operator_or_server_set_the_limit() -> None:
    operators = Refusal("max_per_day", 3, 3, MOMENT)
    servers = Refusal("max_per_day", 3, 3, MOMENT, set_by_server=True)
    assert refusal_words(EN, operators).endswith("set by the operator of this bot.)")
    assert refusal_words(EN, servers).endswith("set by the admins of this server.)")


@pytest.mark.parametrize(
    ("limit", "allowed", "current", "expected"),
    [
        ("max_per_day", 1, 1, "You have started 1 picture in 24 hours, and the limit is 1."),
        ("cooldown_seconds", 1, 0, "You have to wait 1 second between two pictures."),
        ("painter_role_ids", (1,), "", "Painting here needs the role <@&1>;"),
        ("painter_role_ids", (1, 2), "", "needs one of the roles <@&1>, <@&2>;"),
    ],
)
def test_refusal_uses_the_singular_for_one(
    limit: str, allowed: int | tuple[int, ...], current: int, expected: str
) -> None:
    assert expected in refusal_words(EN, Refusal(limit, allowed, current))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 of yours are waiting"),
        (1, "1 of yours is waiting"),
        (2, "2 of yours are waiting"),
    ],
)
def test_batch_refusal_uses_the_singular_for_one_waiting_picture(count: int, expected: str) -> None:
    refusal = Refusal("max_waiting_per_user", 3, count, asked=4)
    assert expected in refusal_words(EN, refusal)
    german = refusal_words(DE, refusal)
    assert f"{count} von dir {'wartet' if count == 1 else 'warten'} oder" in german


def test_waiting_count_above_the_limit_is_shown_as_the_limit() -> None:
    assert "(3 of 3)" in refusal_words(EN, Refusal("max_waiting_per_user", 3, 4))


def test_predicted_time_seconds_away_reads_any_moment_now() -> None:
    soon = discord.utils.utcnow() + timedelta(seconds=2)
    refusal = Refusal("max_waiting_per_user", 3, 3, soon, is_predicted=True)
    assert "Expected: any moment now." in refusal_words(EN, refusal)
    assert "<t:" not in refusal_words(EN, refusal)


def test_failure_is_translated_with_its_reason_and_error_id() -> None:
    reason = sentence("the server was silent for too long")
    fetching = sentence(
        "The scan of {painting} could not be downloaded: {reason}.",
        painting="The Scream <@123456789012345678>",
        reason=reason,
    )
    problem = sentence(
        "{problem} Choose another preset, or attach a picture of it.", problem=fetching
    )
    failure = Failure.of(FailureKind.STYLE_MISSING, problem, "abcd")
    kept = TypeAdapter(Failure).validate_json(TypeAdapter(Failure).dump_json(failure))
    assert kept == failure
    english, german = failure_words(EN, kept), failure_words(DE, kept)
    assert english.endswith(
        "too long. Choose another preset, or attach a picture of it. (error abcd)"
    )
    assert "Der Server blieb zu lange stumm" in german
    assert german.endswith("(Fehler abcd)")
    assert "<@123456789012345678>" not in english + german


def test_failure_written_by_an_older_version_is_shown_verbatim() -> None:
    row = '{"kind": "engine", "message": "The {old} sentence.", "error_id": "abcd"}'
    failure = TypeAdapter(Failure).validate_json(row)
    assert failure_words(DE, failure) == "The {old} sentence. (Fehler abcd)"


def test_unknown_sentence_is_shown_untranslated() -> None:
    assert DE.say(Sentence("A sentence that {this} version lacks.", {})) == (
        "A sentence that {this} version lacks."
    )
    assert DE.say(Sentence("The mask of {style}", {"wrong": 1})) == "The mask of {style}"


async def test_picture_error_keeps_its_values_across_the_decoder_pipe() -> None:
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureError, match="not a picture I can read") as caught:
            await pool.normalize(b"notes")
        text = DE.say(explain(caught.value).sentence)
        assert text.startswith("Diese Datei ist kein Bild, das ich lesen kann")
        with pytest.raises(PictureError, match="That picture has only 3 × 2 pixels") as caught:
            await pool.normalize(plain_picture((3, 2)))
        text = DE.say(explain(caught.value).sentence)
        assert text.startswith("Dieses Bild hat nur 3 × 2 Pixel")


class FakeGuild:
    """A server in the bot's cache, with role 1 and channel 5 only."""

    unavailable = False

    def get_role(self, role_id: int) -> object:
        return role_id == 1 or None

    def get_channel_or_thread(self, channel_id: int) -> object:
        return channel_id == 5 or None


@pytest.mark.parametrize(
    ("limit", "allowed", "expected"),
    [
        ("painter_role_ids", (1, 2), "Painting here needs the role <@&1>; please ask an admin"),
        ("painter_role_ids", (2,), "needs a role that was deleted; please ask an admin to choose"),
        ("channel_ids", (5, 6), "Painting is allowed in <#5> only; please use the command there."),
        ("channel_ids", (6, 7), "only in channels that were deleted or archived; please ask an"),
    ],
)
def test_refusal_omits_deleted_roles_and_channels(
    limit: str, allowed: tuple[int, ...], expected: str
) -> None:
    guild = cast("discord.Guild", FakeGuild())
    assert expected in refusal_words(EN, Refusal(limit, allowed, ""), guild)
    guild.unavailable = True  # its roles and channels are unknown
    assert f"{allowed[-1]}>" in refusal_words(EN, Refusal(limit, allowed, ""), guild)
