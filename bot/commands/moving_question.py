"""What asks whether a photograph that moves is painted as such, with what either costs."""

from bot.cards.small_print import duration
from bot.commands.style_buttons import WISH
from bot.intake.moving import moving_options
from bot.intake.service import IntakeService
from bot.intake.taken import Undecided
from bot.kit import Bot, Feature, Interaction, Service
from bot.texts import Texts, texts_for
from bot.ui.components import USER, Page, PersistentItem, card, persistent, row_of

MOVING, STILL = "yes", "no"


class MovingQuestion(Service):
    """Asks; see `IntakeService.moving_question`."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        client.service(IntakeService).moving_question = self.ask

    async def ask(self, undecided: Undecided) -> Page:
        """The question that stands in the answer to a wish with a photograph that moves."""
        wish, clip = undecided.request, undecided.moving.clip
        t = texts_for(wish.reply.locale)
        user_id, wish_id = wish.asker.user_id, wish.reply.interaction_id
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
        all_of_it = t("Moving (about {time})", time=duration(t, moving))
        first = t("First picture (about {time})", time=duration(t, still))
        row = row_of(
            moving_button.button(all_of_it, user_id, wish_id, MOVING, emoji="🎞️"),
            moving_button.button(first, user_id, wish_id, STILL, emoji="🖼️"),
        )
        return Page(card(f"### 🎞️ {words}", notes or None, row, about))


@persistent("moving", USER, WISH, rf"(?P<moving>{MOVING}|{STILL})")
async def moving_button(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Paint what moves, or its first picture."""
    item.check_owner(interaction)
    await interaction.client.service(IntakeService).decide(
        interaction, int(item.parts["wish"]), moving=item.parts["moving"] == MOVING
    )


FEATURE = Feature(buttons=(moving_button,), services=(MovingQuestion,))
