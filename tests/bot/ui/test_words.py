"""The wording of the expected time of a picture."""

from datetime import timedelta

import discord
import pytest

from bot.texts import texts_for
from bot.ui.words import ready_words

ENGLISH = texts_for("en-US")


@pytest.mark.parametrize("seconds", [-3600.0, 0.0, 2.0])
def test_past_or_imminent_ready_time_reads_any_moment_now(seconds: float) -> None:
    moment = discord.utils.utcnow() + timedelta(seconds=seconds)
    assert ready_words(ENGLISH, moment) == "ready any moment now"


def test_future_ready_time_is_shown_as_a_countdown() -> None:
    moment = discord.utils.utcnow() + timedelta(minutes=3)
    assert ready_words(ENGLISH, moment) == f"expected <t:{int(moment.timestamp())}:R>"
