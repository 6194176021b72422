"""What the queue, the engine and the decoder say comes in the user's language."""

from datetime import UTC, datetime

import pytest

from bot.errors import explain
from bot.failures import failure_words
from bot.refusals import refusal_words
from bot.texts import texts_for
from jobs.model import Failure, FailureKind
from jobs.outcomes import LimitName, Refusal
from jobs.pictures import DecoderPool, PictureProblem

EN, DE = texts_for("en"), texts_for("de")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 400_000, UTC)


@pytest.mark.parametrize("limit", list(LimitName))
def test_every_refusal_is_said_in_both_languages(limit: LimitName) -> None:
    refusal = Refusal(limit, "fine", 17, MOMENT, "unused")
    english, german = refusal_words(EN, refusal), refusal_words(DE, refusal)
    assert english != german
    ready = f"<t:{int(MOMENT.timestamp()) + 1}:R>"
    assert ready in english
    assert ready in german


def test_a_refusal_says_what_is_allowed_and_what_was_asked() -> None:
    refusal = Refusal(LimitName.MAX_QUALITY, "draft", "fine", None, "unused")
    assert "„Entwurf“" in refusal_words(DE, refusal)
    assert "„fein“" in refusal_words(DE, refusal)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_failure_is_said_in_both_languages(kind: FailureKind) -> None:
    failure = Failure(kind, "The mask is <@123456789012345678> wide.", "abcd")
    english, german = failure_words(EN, failure), failure_words(DE, failure)
    assert "The mask is" in english
    assert english.endswith("(error abcd)")
    assert german.endswith("(Fehler abcd)")
    assert "<@123456789012345678>" not in english + german


async def test_a_problem_with_a_picture_keeps_its_numbers_across_the_childs_pipe() -> None:
    async with DecoderPool(processes=1) as pool:
        with pytest.raises(PictureProblem, match="not a picture I can read") as caught:
            await pool.normalise(b"notes")
    assert explain(caught.value).say(DE).startswith("Diese Datei ist kein Bild, das ich lesen kann")
    problem = PictureProblem("That picture has only {width} px.", width=3)
    assert str(problem) == "That picture has only 3 px."
