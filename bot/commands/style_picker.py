"""What asks for the style of a photograph that was sent alone: swatches, and one click."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.commands.style_buttons import NEAR, SURPRISE, WISH, StyleButton, near
from bot.commands.style_pictures import offered_paintings
from bot.commands.styles import AllStyles
from bot.intake.request import PaintRequest, StyleWish
from bot.intake.service import IntakeService
from bot.intake.wishes import OWN_STYLE
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts, texts_for
from bot.ui.buttons import USER, PersistentItem, check_owner, custom_id, template
from bot.ui.choices import CHOICES
from bot.ui.container import Page, card, row_of
from bot.ui.plain import shorten
from bot.ui.words import is_at_hand
from jobs.changing.styles import UserStyle

OFFERED = 6
IN_A_ROW = 3
OPTION_LABEL_LIMIT = 100


class StylePicker:
    """Asks; see `IntakeService.question`."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        client.service(IntakeService).question = self.ask

    async def start(self) -> None:
        """Nothing to begin: it is asked by the intake."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def ask(self, request: PaintRequest) -> Page:
        """The question that stands in the answer to a wish that lacks its style."""
        t, asker = texts_for(request.reply.locale), request.asker
        wish_id = request.reply.interaction_id
        offered = await offered_paintings(self._client, OFFERED)
        gallery: ui.MediaGallery[Any] = ui.MediaGallery()
        pictures = [picture for _painting, picture in offered if picture is not None]
        for painting, picture in offered:
            if picture is None:
                continue
            words = f"{painting.title(t.language)}, {painting.artist}"
            gallery.add_item(media=picture, description=words[:256])
        here = [is_at_hand(painting, self._client.settings) for painting, _picture in offered]
        buttons = [
            StyleButton(
                asker.user_id,
                wish_id,
                painting.id,
                painting.title(t.language),
                emoji=None if at_hand else "⬇️",
            )
            for (painting, _picture), at_hand in zip(offered, here, strict=True)
        ]
        rows = [
            row_of(*buttons[first : first + IN_A_ROW]) for first in range(0, len(buttons), IN_A_ROW)
        ]
        saved = await self._client.queue.styles.visible_to(asker.user_id, asker.guild_id)
        if saved:
            rows.append(row_of(SavedStyleSelect(t, asker.user_id, wish_id, saved)))
        count = len(near(self._client))
        several = t.plural("Try {count} style", "Try {count} styles", count=count)
        rows.append(
            row_of(
                StyleButton(asker.user_id, wish_id, SURPRISE, t("Surprise me"), emoji="🎲"),
                StyleButton(asker.user_id, wish_id, NEAR, several, emoji="🧪"),
                AllStyles(t, asker.user_id, wish_id),
            )
        )
        words = t("I have your photograph. In which style shall I paint it?")
        notes = "\n".join(f"-# {t.say(note)}" for note in request.reply.notes)
        small = t("-# Each click paints another picture of it; it is kept for a day.")
        if not all(here):
            small += "\n" + t("-# What is marked ⬇ is fetched first.")
        layout = card(f"### 🎨 {words}", notes or None, gallery if pictures else None, *rows, small)
        return Page(layout, tuple(pictures))


class SavedStyleSelect(PersistentItem["ui.Select[Any]"], template=template("in-saved", USER, WISH)):
    """Paints in a saved style."""

    def __init__(self, t: Texts, user_id: int, wish_id: int, saved: list[UserStyle]) -> None:
        select: ui.Select[Any] = ui.Select(
            custom_id=custom_id("in-saved", user_id, wish_id),
            placeholder=t("A saved style…"),
            options=[
                discord.SelectOption(
                    label=shorten(style.name, OPTION_LABEL_LIMIT), value=f"{OWN_STYLE}{style.id}"
                )
                for style in saved[:CHOICES]
            ],
        )
        super().__init__(select)
        self.user_id, self.wish_id = user_id, wish_id

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:
        """The menu as it was packed, with what was chosen."""
        select = cls(t, int(match["user"]), int(match["wish"]), [])
        if isinstance(item, ui.Select):
            select.item = item
        return select

    async def act(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Paint."""
        check_owner(interaction, self.user_id)
        await interaction.client.service(IntakeService).finish(
            interaction, self.wish_id, (StyleWish(preset=self.item.values[0]),)
        )


FEATURE = Feature(buttons=(SavedStyleSelect,), services=(StylePicker,))
