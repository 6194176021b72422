"""The paintings and saved styles that are offered while somebody types."""

from discord import app_commands

from bot.intake.wishes import OWN_STYLE
from bot.kit import Interaction
from bot.texts import texts_of
from bot.ui.words import at_hand_first, catalogue

CHOICES = 25
NAME_LIMIT = 100


async def offered(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Saved styles first, then the catalogue's paintings that fit best."""
    t = texts_of(interaction)
    typed = current.strip()
    saved = await interaction.client.queue.styles.visible_to(
        interaction.user.id, interaction.guild_id
    )
    choices = [
        _choice(t("{name} (saved)", name=style.name), f"{OWN_STYLE}{style.id}")
        for style in saved
        if typed.casefold() in style.name.casefold()
    ]
    settings = interaction.client.settings
    paintings = (
        catalogue().search(typed, limit=CHOICES) if typed else at_hand_first(settings, CHOICES)
    )
    choices += [_choice(f"{each.name} · {each.artist}, {each.year}", each.id) for each in paintings]
    return choices[:CHOICES]


def _choice(name: str, value: str) -> app_commands.Choice[str]:
    short = name if len(name) <= NAME_LIMIT else name[: NAME_LIMIT - 1] + "…"
    return app_commands.Choice(name=short, value=value)
