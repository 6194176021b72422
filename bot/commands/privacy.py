"""`/privacy` and its buttons."""

import discord
from discord import app_commands

from bot.commands.privacy_export import export_parts
from bot.commands.stopping import stop_unfinished
from bot.intake.service import IntakeService
from bot.kit import Feature, Interaction
from bot.texts import Texts, texts_of
from bot.ui.buttons import OwnButton, row_of, template
from bot.ui.paging import Page, card, say, show
from bot.wire.acknowledging import acknowledge
from bot.wire.uploads import Upload

PARTS = 20
PARTS_OF_USER_INSTALLED = 4  # Discord lets user-installed apps follow up five times
ARCHIVE_NAME = "atelier-export.zip"


@app_commands.command(name="privacy", description="What I keep of you; your copy of it; erase it.")
async def privacy(interaction: Interaction) -> None:
    """Say what is kept."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    await show(interaction, await privacy_page(interaction))


async def privacy_page(interaction: Interaction) -> Page:
    """What is kept, and the buttons."""
    t = texts_of(interaction)
    user_id = interaction.user.id
    limits = await interaction.client.queue.limits.in_force(interaction.guild_id)
    kept = t.plural(
        "Pictures, yours and mine, are deleted after {count} day.",
        "Pictures, yours and mine, are deleted after {count} days.",
        count=limits.retention_days,
    )
    words = t(
        "For each picture you ask for I keep: your Discord id and name, the server and channel, "
        "the pictures you gave, the settings, the result, and when it was painted. I keep the "
        "styles that you save until you remove them. I do not read messages, and I pass nothing on."
    )
    return Page(
        card(
            t("## Your data"),
            f"{words}\n{kept}",
            row_of(ExportButton(t, user_id), EraseButton(t, user_id)),
        )
    )


class ExportButton(OwnButton, template=template("privacy-export")):
    """Sends the user all that is kept of them."""

    kind = "privacy-export"
    emoji = "📦"

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Send me my data")

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Send it as files that only the user sees."""
        await acknowledge(interaction, ephemeral=True, thinking=True)
        parts_left = PARTS if interaction.is_guild_integration() else PARTS_OF_USER_INSTALLED
        words = [t("Here is what I keep of you.")]
        async for part in export_parts(
            interaction.client, interaction.user.id, interaction.filesize_limit
        ):
            parts_left -= 1
            is_last = not parts_left or not part.to_come
            missing = part.left_out + part.to_come
            if is_last and missing:
                words.append(
                    t.plural(
                        "{count} picture could not be sent; /history shows it.",
                        "{count} pictures could not be sent; /history shows them.",
                        count=missing,
                    )
                )
            file = Upload(part.archive, ARCHIVE_NAME)
            await interaction.followup.send("\n".join(words), file=file, ephemeral=True)
            words.clear()
            if is_last:
                break


class EraseButton(OwnButton, template=template("privacy-erase")):
    """Asks whether everything is to be erased."""

    kind = "privacy-erase"
    style = discord.ButtonStyle.danger
    emoji = "🗑️"

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Erase my data…")

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Ask."""
        user_id = interaction.user.id
        question = t(
            "Erase everything that I keep of you? Your waiting pictures are cancelled, your "
            "pictures and styles are deleted. This cannot be undone. Messages in Discord stay, "
            "until you or a moderator delete them."
        )
        layout = card(question, row_of(ReallyEraseButton(t, user_id), KeepButton(t, user_id)))
        await interaction.response.edit_message(view=layout)


class ReallyEraseButton(OwnButton, template=template("privacy-really")):
    """Erases everything."""

    kind = "privacy-really"
    style = discord.ButtonStyle.danger

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Erase everything")

    async def press(self, interaction: Interaction, t: Texts) -> None:
        """Erase, and say how much it was."""
        await acknowledge(interaction)
        await stop_unfinished(interaction.client, interaction.user.id)
        await interaction.client.service(IntakeService).forget(interaction.user.id)
        counts = await interaction.client.queue.privacy.erase_user(interaction.user.id)
        words = t(
            "Everything is erased: {jobs}, {pictures}, {styles}.",
            jobs=t.plural("{count} job", "{count} jobs", count=counts.jobs),
            pictures=t.plural("{count} picture", "{count} pictures", count=counts.pictures),
            styles=t.plural("{count} style", "{count} styles", count=counts.styles),
        )
        stays = t(
            "-# What stays: styles that you saved for a server; if you were blocked, that you "
            "are; and for one day, when you painted, for the limit of pictures a day."
        )
        await say(interaction, f"{words}\n{stays}")


class KeepButton(OwnButton, template=template("privacy-keep")):
    """Goes back without erasing."""

    kind = "privacy-keep"

    def label(self, t: Texts) -> str:
        """What stands on the button."""
        return t("Keep everything")

    async def press(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Show what there was before."""
        await acknowledge(interaction)
        await show(interaction, await privacy_page(interaction))


FEATURE = Feature(
    commands=(privacy,), buttons=(ExportButton, EraseButton, ReallyEraseButton, KeepButton)
)
