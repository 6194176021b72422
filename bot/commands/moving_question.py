"""What asks whether a photograph that moves is painted as such, with what either costs."""

import re
from typing import Any, Self

from discord import ui

from bot.cards.small_print import duration
from bot.commands.style_buttons import WISH
from bot.intake.moving import moving_options
from bot.intake.service import IntakeService
from bot.intake.taken import Undecided
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts, texts_for
from bot.ui.buttons import USER, PersistentItem, check_owner, custom_id, template
from bot.ui.container import Page, card, row_of

MOVING, STILL = "yes", "no"


class MovingQuestion:
    """Asks; see `IntakeService.moving_question`."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        client.service(IntakeService).moving_question = self.ask

    async def start(self) -> None:
        """Nothing to begin: it is asked by the intake."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def ask(self, undecided: Undecided) -> Page:
        """The question that stands in the answer to a wish with a photograph that moves."""
        wish, clip = undecided.request, undecided.moving.clip
        t, user_id, wish_id = (
            texts_for(wish.reply.locale),
            wish.asker.user_id,
            wish.reply.interaction_id,
        )
        aspect = None if wish.content is None else wish.content.aspect
        seconds = self._client.queue.standings.painting_seconds
        moving = await seconds(moving_options(wish, undecided.moving), aspect, frames=clip.frames)
        still = await seconds(wish.options, aspect)
        words = t("This moves. Shall I paint all of it, or its first picture?")
        about = t(
            "-# {count} frames in {seconds:.1f} s. The times are those of painting alone; your "
            "file is kept for a day.",
            count=clip.frames,
            seconds=clip.seconds,
        )
        notes = "\n".join(f"-# {t.say(note)}" for note in undecided.moving.notes)
        row = row_of(
            MovingButton(
                user_id,
                wish_id,
                MOVING,
                t("Moving (about {time})", time=duration(t, moving)),
            ),
            MovingButton(
                user_id,
                wish_id,
                STILL,
                t("First picture (about {time})", time=duration(t, still)),
            ),
        )
        return Page(card(f"### 🎞️ {words}", notes or None, row, about))


class MovingButton(
    PersistentItem["ui.Button[Any]"],
    template=template("moving", USER, WISH, rf"(?P<moving>{MOVING}|{STILL})"),
):
    """Paints what moves, or its first picture."""

    def __init__(self, user_id: int, wish_id: int, moving: str, label: str) -> None:
        super().__init__(
            ui.Button(
                label=label[:80],
                emoji="🎞️" if moving == MOVING else "🖼️",
                custom_id=custom_id("moving", user_id, wish_id, moving),
            )
        )
        self.user_id, self.wish_id, self.moving = user_id, wish_id, moving

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        return cls(int(match["user"]), int(match["wish"]), match["moving"], "…")

    async def act(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Paint."""
        check_owner(interaction, self.user_id)
        await interaction.client.service(IntakeService).decide(
            interaction, self.wish_id, moving=self.moving == MOVING
        )


FEATURE = Feature(buttons=(MovingButton,), services=(MovingQuestion,))
