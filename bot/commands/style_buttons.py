"""Buttons that paint in one style: a stored photograph, or one that a modal asks for."""

import random
from typing import Any

import discord
from discord import ui

from bot.commands.style_form import PhotoForm, check_style
from bot.intake.request import RequestedStyle
from bot.intake.service import IntakeService
from bot.kit import Bot, Feature, Interaction
from bot.texts import Texts
from bot.ui.components import USER, PersistentItem, persistent
from bot.ui.reporting import open_modal
from bot.ui.words import is_local, local_first
from common.catalogue import Painting, load_catalogue

NO_REQUEST = 0
"""In place of the request's interaction ID: no photograph is stored yet."""
SURPRISE = "surprise"
STYLES_TRIED = 6
NEAR = "near"
"""The paintings that can be tried at once; see `trial_paintings`."""
SIX = "six"
"""Prefix, before a colon and a catalogue page, to try all paintings of that page."""
TRIAL = {"size_px": 256, "quality": "draft", "vary": "style", "timelapse": False}
"""Options for trying several styles: small and quick."""
REQUEST_ID = r"(?P<request>\d{1,20})"


@persistent("in", USER, REQUEST_ID, r"(?P<style>[\w:-]{1,60})")
async def style_button(interaction: Interaction, t: Texts, item: PersistentItem) -> None:
    """Paint in one style, or ask for a photograph.

    `style` is a preset of `/paint`, or `SURPRISE`, `NEAR`, or `SIX` with a page; `request` is the
    interaction ID of the request with the photograph, or `NO_REQUEST`.
    """
    item.check_owner(interaction)
    styles, changes = _chosen(interaction, item.parts["style"])
    request_id = int(item.parts["request"])
    if request_id == NO_REQUEST:
        if len(styles) == 1 and styles[0].preset is not None:
            await check_style(interaction, styles[0].preset)
        title = t("Try these on my photo") if changes else t("Paint with this")
        await open_modal(interaction, PhotoForm(t, title, styles, changes))
    else:
        intake = interaction.client.service(IntakeService)
        await intake.finish(interaction, request_id, styles, **changes)


def trial_paintings(client: Bot) -> list[Painting]:
    """Up to six paintings to try at once; without those to download if two need no download."""
    offered = local_first(client)
    here = [each for each in offered if is_local(each, client.settings)]
    return (here if len(here) > 1 else offered)[:STYLES_TRIED]


def _chosen(
    interaction: Interaction, style: str
) -> tuple[tuple[RequestedStyle, ...], dict[str, Any]]:
    """The styles of a button, and the options that come with them."""
    client = interaction.client
    paintings = local_first(client)
    if style == SURPRISE:
        here = [each for each in paintings if is_local(each, client.settings)]
        return (RequestedStyle(preset=random.choice(here or paintings).id),), {}  # noqa: S311 - for fun
    if style == NEAR:
        return _as_trial(trial_paintings(client))
    kind, _colon, page = style.partition(":")
    if kind != SIX or not page.isdecimal():
        return (RequestedStyle(preset=style),), {}
    shown = _paintings_shown_on(interaction.message)
    return _as_trial(
        shown or paintings[int(page) * STYLES_TRIED :][:STYLES_TRIED] or trial_paintings(client)
    )


def _paintings_shown_on(message: discord.Message | None) -> list[Painting]:
    """The paintings that a message has buttons for; others may be on offer by now."""
    if message is None:
        return []
    view = ui.LayoutView.from_message(message, timeout=None)
    ids = [str(getattr(each, "custom_id", "")) for each in view.walk_children()]
    pattern = style_button.__discord_ui_compiled_template__
    found = [match["style"] for each in ids if (match := pattern.fullmatch(each))]
    return [painting for each in found if (painting := load_catalogue().get(each)) is not None]


def _as_trial(paintings: list[Painting]) -> tuple[tuple[RequestedStyle, ...], dict[str, Any]]:
    styles = tuple(RequestedStyle(preset=each.id, weight=1 / len(paintings)) for each in paintings)
    return styles, {**TRIAL, "variants": len(paintings)}


FEATURE = Feature(buttons=(style_button,))
