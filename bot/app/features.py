"""The features of the bot: every module with a `FEATURE`."""

from importlib import import_module

from bot.app.client import AtelierClient
from bot.kit import Feature
from common.settings import Settings

# Services start in this order; commands are listed in it, most used first.
MODULES = (
    "app.heartbeat",  # first, as it waits until no other bot is running
    "app.housekeeping",
    "app.left_servers",
    "monitor.service",
    "monitor.alerts",
    "delivery.notifier",
    "delivery.loop",
    "delivery.undelivered",
    "intake.fair_use",
    "intake.own_defaults",
    "intake.service",
    "commands.thumbnails",
    "cards.job_buttons",
    "commands.picture_buttons.remix",
    "commands.picture_buttons.change",
    "commands.picture_buttons.details",
    "commands.picture_buttons.describe",
    "commands.picture_buttons.sharing",
    "commands.picture_buttons.cancel_and_delete",
    "commands.picture_buttons.deleted_messages",
    "commands.gallery_posts",
    "commands.gallery",
    "commands.paint",
    "commands.paint_this",
    "commands.queue",
    "commands.cancel",
    "commands.history",
    "commands.show",
    "commands.style_buttons",
    "commands.questions",
    "commands.settings",
    "commands.styles",
    "commands.saved_styles",
    "commands.privacy",
    "commands.help",
    "commands.admin.limits",
    "commands.admin.limit_changes",
    "commands.admin.limit_form",
    "commands.admin.audit",
    "commands.admin.blocklist",
    "commands.admin.queue_admin",
    "commands.admin.stats",
    "commands.admin.weekly_style",
    "commands.admin.operator",
)
FEATURES: tuple[Feature, ...] = tuple(import_module(f"bot.{name}").FEATURE for name in MODULES)


def build_client(settings: Settings) -> AtelierClient:
    """The client with all features, not connected yet."""
    client = AtelierClient(settings)
    for feature in FEATURES:
        for command in feature.commands:
            client.tree.add_command(command)
        client.add_dynamic_items(*feature.buttons)
        client.services += [make(client) for make in feature.services]
        client.picture_actions |= feature.picture_actions
    return client
