"""What asks for the style of a photograph that was sent alone: swatches, and one click."""

from typing import Any

import discord
from discord import ui

from bot.commands.style_buttons import NEAR, SURPRISE, WISH, near, style_button
from bot.commands.styles import all_styles_button
from bot.commands.thumbnails import offered_paintings
from bot.intake.request import PaintRequest, StyleWish
from bot.intake.service import IntakeService
from bot.intake.wishes import OWN_STYLE
from bot.kit import Bot, Feature, Interaction, Service
from bot.texts import Texts, texts_for
from bot.ui.choices import CHOICES
from bot.ui.components import USER, Page, PersistentItem, card, persistent, row_of
from bot.ui.words import is_at_hand, shorten

OFFERED = 6
IN_A_ROW = 3
OPTION_LABEL_LIMIT = 100


class StylePicker(Service):
    """Asks; see `IntakeService.question`."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        client.service(IntakeService).question = self.ask

    async def ask(self, request: PaintRequest) -> Page:
        """The question that stands in the answer to a wish that lacks its style."""
        t, asker = texts_for(request.reply.locale), request.asker
        wish = asker.user_id, request.reply.interaction_id
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
            style_button.button(
                painting.title(t.language), *wish, painting.id, emoji=None if at_hand else "⬇️"
            )
            for (painting, _picture), at_hand in zip(offered, here, strict=True)
        ]
        rows = [
            row_of(*buttons[first : first + IN_A_ROW]) for first in range(0, len(buttons), IN_A_ROW)
        ]
        saved = await self._client.queue.styles.visible_to(asker.user_id, asker.guild_id)
        if saved:
            options = [
                discord.SelectOption(
                    label=shorten(style.name, OPTION_LABEL_LIMIT), value=f"{OWN_STYLE}{style.id}"
                )
                for style in saved[:CHOICES]
            ]
            menu = saved_styles_menu.menu(t("A saved style…"), options, *wish)
            rows.append(row_of(menu))
        count = len(near(self._client))
        several = t.plural("Try {count} style", "Try {count} styles", count=count)
        rows.append(
            row_of(
                style_button.button(t("Surprise me"), *wish, SURPRISE, emoji="🎲"),
                style_button.button(several, *wish, NEAR, emoji="🧪"),
                all_styles_button.of(t, *wish),
            )
        )
        words = t("I have your photograph. In which style shall I paint it?")
        notes = "\n".join(f"-# {t.say(note)}" for note in request.reply.notes)
        small = t("-# Each click paints another picture of it; it is kept for a day.")
        if not all(here):
            small += "\n" + t("-# What is marked ⬇ is fetched first.")
        layout = card(f"### 🎨 {words}", notes or None, gallery if pictures else None, *rows, small)
        return Page(layout, tuple(pictures))


@persistent("in-saved", USER, WISH)
async def saved_styles_menu(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Paint in a saved style."""
    item.check_owner(interaction)
    await interaction.client.service(IntakeService).finish(
        interaction, int(item.parts["wish"]), (StyleWish(preset=item.chosen[0]),)
    )


FEATURE = Feature(buttons=(saved_styles_menu,), services=(StylePicker,))
