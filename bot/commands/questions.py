"""Questions of the intake to its member: which style, and whether to paint a clip."""

from bot.cards.small_print import duration
from bot.commands.style_buttons import NEAR, REQUEST_ID, SURPRISE, style_button, trial_paintings
from bot.commands.style_form import saved_options
from bot.commands.styles import all_styles_button
from bot.commands.thumbnails import thumbnail_of
from bot.intake.moving import moving_options
from bot.intake.request import PaintRequest, RequestedStyle
from bot.intake.service import IntakeService
from bot.intake.stored import Undecided
from bot.kit import Bot, Feature, Interaction, Service
from bot.texts import Texts, texts_for
from bot.ui.choices import CHOICES
from bot.ui.components import (
    USER,
    Card,
    PersistentItem,
    card,
    gallery_of,
    persistent,
    row_of,
    rows_of,
)
from bot.ui.words import is_local, local_first

OFFERED = 6
IN_A_ROW = 3
MOVING, STILL = "yes", "no"


class Questions(Service):
    """Builds the questions; see `IntakeService.questions`."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        intake = client.service(IntakeService)
        intake.questions.style, intake.questions.moving = self.ask_style, self.ask_moving

    async def ask_style(self, request: PaintRequest) -> Card:
        """The question in the response to a request without a style."""
        t, asker = texts_for(request.reply.locale), request.asker
        ids = asker.user_id, request.reply.interaction_id
        offered = [
            (painting, await thumbnail_of(self._client, painting, painting.id))
            for painting in local_first(self._client, OFFERED)
        ]
        pictures = [picture for _painting, picture in offered]
        gallery = gallery_of(
            (picture, f"{painting.title(t.language)}, {painting.artist}", False)
            for painting, picture in offered
        )
        here = [is_local(painting, self._client.settings) for painting, _picture in offered]
        buttons = [
            style_button.button(
                painting.title(t.language), *ids, painting.id, emoji=None if at_hand else "⬇️"
            )
            for (painting, _picture), at_hand in zip(offered, here, strict=True)
        ]
        rows = rows_of(buttons, IN_A_ROW)
        saved = await self._client.queue.styles.visible_to(asker.user_id, asker.guild_id)
        if saved:
            options = saved_options(t, saved[:CHOICES])
            menu = saved_styles_menu.menu(t("A saved style…"), options, *ids)
            rows.append(row_of(menu))
        count = len(trial_paintings(self._client))
        several = t.plural("Try {count} style", "Try {count} styles", count=count)
        rows.append(
            row_of(
                style_button.button(t("Surprise me"), *ids, SURPRISE, emoji="🎲"),
                style_button.button(several, *ids, NEAR, emoji="🧪"),
                all_styles_button.of(t, *ids),
            )
        )
        many = len(request.photos)
        words = t.plural(
            "I have the picture. Which style should I paint it in?",
            "I have {count} pictures. Which style should I paint them in?",
            count=many,
        )
        notes = "\n".join(f"-# {t.say(note)}" for note in request.reply.notes)
        small = t.plural(
            "-# Each click paints it once more; I keep it for a day.",
            "-# Each click paints all {count} in one message; I keep them for a day.",
            count=many,
        )
        if not all(here):
            small += "\n" + t("-# Styles marked ⬇ are downloaded first.")
        headline = f"### 🎨 {words}"
        return card(headline, notes or None, gallery, *rows, small, files=pictures)

    async def ask_moving(self, undecided: Undecided) -> Card:
        """The question in the response to a request with a photograph that moves."""
        request, clip = undecided.request, undecided.moving.clip
        t = texts_for(request.reply.locale)
        user_id, request_id = request.asker.user_id, request.reply.interaction_id
        aspect = None if request.content is None else request.content.aspect
        seconds = self._client.queue.positions.painting_seconds
        moving = await seconds(
            moving_options(request, undecided.moving), aspect, frames=clip.frames
        )
        still = await seconds(request.options, aspect)
        words = t("This is a moving picture. Should I paint all of it, or only its first frame?")
        about = t(
            "-# {count} frames in {seconds:.1f} s. The times are for painting alone; I keep "
            "your file for a day.",
            count=clip.frames,
            seconds=clip.seconds,
        )
        notes = "\n".join(f"-# {t.say(note)}" for note in undecided.moving.notes)
        all_of_it = t("All of it (about {time})", time=duration(t, moving))
        first = t("First frame (about {time})", time=duration(t, still))
        row = row_of(
            moving_button.button(all_of_it, user_id, request_id, MOVING, emoji="🎞️"),
            moving_button.button(first, user_id, request_id, STILL, emoji="🖼️"),
        )
        return card(f"### 🎞️ {words}", notes or None, row, about)


@persistent("in-saved", USER, REQUEST_ID)
async def saved_styles_menu(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Paint in a saved style."""
    item.check_owner(interaction)
    await interaction.client.service(IntakeService).finish(
        interaction, int(item.parts["request"]), (RequestedStyle(preset=item.chosen[0]),)
    )


@persistent("moving", USER, REQUEST_ID, rf"(?P<moving>{MOVING}|{STILL})")
async def moving_button(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Paint the clip, or its first frame."""
    item.check_owner(interaction)
    await interaction.client.service(IntakeService).decide(
        interaction, int(item.parts["request"]), moving=item.parts["moving"] == MOVING
    )


FEATURE = Feature(buttons=(saved_styles_menu, moving_button), services=(Questions,))
