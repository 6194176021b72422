"""The form that asks for a style: a painting from a list, one by name, or an upload."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.intake.request import Source, StyleWish
from bot.intake.wishes import NO_STYLE_CHOSEN
from bot.kit import Interaction
from bot.texts import Texts, _
from bot.ui.reporting import ReportingModal
from bot.ui.words import at_hand_first
from bot.wire.errors import UserProblem
from common.settings import Settings

LISTED = 25
LABEL_LIMIT = 100

STRENGTHS: dict[str, tuple[str, float]] = {
    "light": (_("light"), 0.3),
    "medium": (_("medium"), 0.5),
    "strong": (_("strong"), 0.7),
    "all": (_("all style"), 0.9),
}


@dataclass(frozen=True)
class Chosen:
    """What was filled in."""

    styles: tuple[StyleWish, ...]
    strength: float | None


OnChosen = Callable[[Interaction, Chosen], Awaitable[None]]


class StyleForm(ReportingModal):
    """Asks for a style, and if wanted for the strength."""

    def __init__(
        self,
        t: Texts,
        settings: Settings,
        title: str,
        on_chosen: OnChosen,
        *,
        asks_strength: bool = False,
    ) -> None:
        super().__init__(title=title)
        self._on_chosen = on_chosen
        self._painting: ui.Select[Any] = ui.Select(
            custom_id="preset",
            placeholder=t("Choose a painting"),
            required=False,
            min_values=0,
            options=[
                discord.SelectOption(
                    label=painting.name[:LABEL_LIMIT],
                    value=painting.id,
                    description=f"{painting.artist}, {painting.year}"[:LABEL_LIMIT],
                )
                for painting in at_hand_first(settings, LISTED)
            ],
        )
        self._name: ui.TextInput[Any] = ui.TextInput(
            custom_id="name", required=False, max_length=100, placeholder="Starry Night"
        )
        self._upload: ui.FileUpload[Any] = ui.FileUpload(
            custom_id="style", required=False, min_values=0, max_values=1
        )
        self._strength: ui.Select[Any] = ui.Select(
            custom_id="strength",
            required=False,
            options=[
                discord.SelectOption(label=t(label), value=value, default=value == "medium")
                for value, (label, _strength) in STRENGTHS.items()
            ],
        )
        self.add_item(ui.Label(text=t("A painting"), component=self._painting))
        self.add_item(ui.Label(text=t("or one by its name"), component=self._name))
        self.add_item(ui.Label(text=t("or a style picture of your own"), component=self._upload))
        if asks_strength:
            self.add_item(ui.Label(text=t("Strength of the style"), component=self._strength))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Hand on what was chosen."""
        wishes = [StyleWish(picture=Source.attachment(file)) for file in self._upload.values[:1]]
        typed = self._name.value.strip()
        if not wishes and typed:
            wishes = [StyleWish(preset=typed)]
        if not wishes:
            wishes = [StyleWish(preset=value) for value in self._painting.values[:1]]
        if not wishes:
            raise UserProblem(NO_STYLE_CHOSEN)
        strength = next((STRENGTHS[value][1] for value in self._strength.values), None)
        await self._on_chosen(interaction, Chosen(tuple(wishes), strength))
