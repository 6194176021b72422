"""A minimal discord.py client, for testing the sandbox without our bot."""

import io

import discord
from discord import app_commands
from yarl import URL

CHOICES = ["starry-night", "great-wave", "the-scream"]


class Again(discord.ui.Modal, title="Again"):
    strength: discord.ui.Label[discord.ui.Modal] = discord.ui.Label(
        text="Strength", component=discord.ui.TextInput(custom_id="strength", default="1.0")
    )
    picture: discord.ui.Label[discord.ui.Modal] = discord.ui.Label(
        text="Another picture",
        component=discord.ui.FileUpload(custom_id="picture", required=False, max_values=1),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        text, upload = self.strength.component, self.picture.component
        assert isinstance(text, discord.ui.TextInput)
        assert isinstance(upload, discord.ui.FileUpload)
        sizes = [len(await file.read()) for file in upload.values]
        await interaction.response.send_message(f"strength {text.value}, files {sizes}")


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Remix", custom_id="remix")
    async def remix(self, interaction: discord.Interaction, _: object) -> None:
        await interaction.response.send_modal(Again())

    @discord.ui.select(
        custom_id="size",
        options=[discord.SelectOption(label="small"), discord.SelectOption(label="large")],
    )
    async def size(
        self, interaction: discord.Interaction, menu: discord.ui.Select[discord.ui.View]
    ) -> None:
        await interaction.response.edit_message(content=f"size {menu.values[0]}")


class TinyBot(discord.Client):
    """Answers /paint, a message menu and buttons; configured by its arguments only."""

    def __init__(self, api_url: str, gateway_url: str) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05)
        discord.http.Route.BASE = api_url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway_url)
        self.tree = app_commands.CommandTree(self)
        self.interactions: list[discord.Interaction] = []
        self._add_commands()

    async def setup_hook(self) -> None:
        self.add_view(Buttons())
        await self.tree.sync()

    def _add_commands(self) -> None:
        @self.tree.command(description="Paint a photograph")
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def paint(
            interaction: discord.Interaction,
            content: discord.Attachment,
            style: discord.Attachment | None = None,
            preset: str | None = None,
            size: app_commands.Range[int, 64, 512] = 256,
        ) -> None:
            self.interactions.append(interaction)
            await interaction.response.defer()
            data = await content.read()
            await interaction.edit_original_response(content=f"painting {preset} at {size}")
            name = "result.png"
            await interaction.edit_original_response(
                content="done", attachments=[discord.File(io.BytesIO(data), name)], view=Buttons()
            )
            if style is not None:
                await interaction.followup.send("with a style", ephemeral=True)

        @paint.autocomplete("preset")
        async def complete(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=c, value=c) for c in CHOICES if c.startswith(current)]

        @self.tree.context_menu(name="Paint this")
        async def paint_this(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"saw {message.content}", ephemeral=True)

        group = app_commands.Group(name="queue", description="The queue")

        @group.command(description="Show it")
        async def show(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("empty")

        self.tree.add_command(group)
