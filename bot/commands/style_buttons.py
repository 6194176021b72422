"""Buttons that paint in one style: a photograph that was kept, or one that a form asks for."""

import random
import re
from typing import Any, Self

import discord
from discord import ui

from bot.commands.style_form import PhotoForm
from bot.intake.request import StyleWish
from bot.intake.service import IntakeService
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts
from bot.ui.buttons import USER, PersistentItem, check_owner, custom_id, template
from bot.ui.plain import shorten
from bot.ui.words import at_hand_first, catalogue, is_at_hand
from common.catalogue import Painting

NO_WISH = 0
"""In the place of a wish's interaction, where no photograph waits for its style."""
SURPRISE = "surprise"
STYLES_TRIED = 6
NEAR = "near"
"""The paintings that can be tried at once; see `near`."""
SIX = "six"
"""Before a colon and a page of the catalogue, all of whose paintings are to be tried."""
TRIAL = {"size_px": 256, "quality": "draft", "vary": "style", "timelapse": False}
"""Options for a first look at several styles: small and quick."""
LABEL_LIMIT = 80
WISH = r"(?P<wish>\d{1,20})"


class StyleButton(
    PersistentItem["ui.Button[Any]"],
    template=template("in", USER, WISH, r"(?P<style>[\w:-]{1,60})"),
):
    """Paints in one style."""

    user_id: int
    """Who may press it."""
    wish_id: int
    """The interaction that brought the photograph; `NO_WISH`: a form asks for one."""
    style: str
    """As a preset of `/paint`, or `SURPRISE`, `NEAR`, or `SIX` with a page."""

    def __init__(
        self, user_id: int, wish_id: int, style: str, label: str, emoji: str | None = None
    ) -> None:
        super().__init__(
            ui.Button(
                label=shorten(label, LABEL_LIMIT),
                emoji=emoji,
                custom_id=custom_id("in", user_id, wish_id, style),
            )
        )
        self.user_id, self.wish_id, self.style = user_id, wish_id, style

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        return cls(int(match["user"]), int(match["wish"]), match["style"], "…")

    async def act(self, interaction: Interaction, t: Texts) -> None:
        """Paint, or ask for the photograph."""
        check_owner(interaction, self.user_id)
        styles, changes = _chosen(interaction, self.style)
        if self.wish_id == NO_WISH:
            title = t("Paint with this")
            await interaction.response.send_modal(PhotoForm(t, title, styles, changes))
        else:
            await interaction.client.service(IntakeService).finish(
                interaction, self.wish_id, styles, **changes
            )


def near(client: Bot) -> list[Painting]:
    """Up to six paintings to try at once: none that is fetched first, where two are at hand."""
    offered = at_hand_first(client)
    here = [each for each in offered if is_at_hand(each, client.settings)]
    return (here if len(here) > 1 else offered)[:STYLES_TRIED]


def _chosen(interaction: Interaction, style: str) -> tuple[tuple[StyleWish, ...], dict[str, Any]]:
    """The styles that a button stands for, and the options that come with them."""
    client = interaction.client
    paintings = at_hand_first(client)
    if style == SURPRISE:
        here = [each for each in paintings if is_at_hand(each, client.settings)]
        return (StyleWish(preset=random.choice(here or paintings).id),), {}  # noqa: S311 - for fun
    if style == NEAR:
        return _tried(near(client))
    kind, _colon, page = style.partition(":")
    if kind != SIX or not page.isdecimal():
        return (StyleWish(preset=style),), {}
    shown = _beside(interaction.message)
    return _tried(shown or paintings[int(page) * STYLES_TRIED :][:STYLES_TRIED] or near(client))


def _beside(message: discord.Message | None) -> list[Painting]:
    """The paintings that a message has a button for: what can be had may be others by now."""
    view = None if message is None else ui.LayoutView.from_message(message, timeout=None)
    ids = (
        []
        if view is None
        else [str(getattr(each, "custom_id", "")) for each in view.walk_children()]
    )
    pattern = StyleButton.__discord_ui_compiled_template__
    found = [match["style"] for each in ids if (match := pattern.fullmatch(each))]
    return [painting for each in found if (painting := catalogue().get(each)) is not None]


def _tried(paintings: list[Painting]) -> tuple[tuple[StyleWish, ...], dict[str, Any]]:
    styles = tuple(StyleWish(preset=each.id, weight=1 / len(paintings)) for each in paintings)
    return styles, {**TRIAL, "variants": len(paintings)}


FEATURE = Feature(buttons=(StyleButton,))
