"""All that the bot can do: each module that adds to it is named here, and says at its end what."""

from bot.app import heartbeat, housekeeping
from bot.app.client import AtelierClient
from bot.cards import job_buttons
from bot.commands import (
    cancel,
    gallery,
    help,  # noqa: A004 - the command's name
    history,
    moving_question,
    paint,
    paint_this,
    privacy,
    queue,
    saved_styles,
    settings,
    show,
    style_buttons,
    style_picker,
    styles,
    thumbnails,
)
from bot.commands.admin import (
    audit,
    blocklist,
    clearing,
    limit_changes,
    limit_form,
    limits,
    operator,
    queue_admin,
    stats,
    weekly_style,
)
from bot.commands.picture_buttons import change, describe, details, ending, remix, sharing
from bot.delivery import loop, notifier, undelivered
from bot.intake import own_defaults, shares
from bot.intake import service as intake
from bot.kit import Feature
from bot.monitor import alerts
from bot.monitor import service as monitor
from common.settings import Settings

# Services start in this order; commands are listed in it, the most used first.
FEATURES: tuple[Feature, ...] = (
    heartbeat.FEATURE,  # the first, as it waits until no other bot serves
    housekeeping.FEATURE,
    monitor.FEATURE,
    alerts.FEATURE,
    notifier.FEATURE,
    loop.FEATURE,
    undelivered.FEATURE,
    shares.FEATURE,
    own_defaults.FEATURE,
    intake.FEATURE,
    thumbnails.FEATURE,
    job_buttons.FEATURE,
    remix.FEATURE,
    change.FEATURE,
    details.FEATURE,
    describe.FEATURE,
    sharing.FEATURE,
    ending.FEATURE,
    gallery.FEATURE,
    paint.FEATURE,
    paint_this.FEATURE,
    queue.FEATURE,
    cancel.FEATURE,
    history.FEATURE,
    show.FEATURE,
    style_buttons.FEATURE,
    style_picker.FEATURE,
    moving_question.FEATURE,
    settings.FEATURE,
    styles.FEATURE,
    saved_styles.FEATURE,
    privacy.FEATURE,
    help.FEATURE,
    limits.FEATURE,
    limit_changes.FEATURE,
    limit_form.FEATURE,
    audit.FEATURE,
    blocklist.FEATURE,
    queue_admin.FEATURE,
    clearing.FEATURE,
    stats.FEATURE,
    weekly_style.FEATURE,
    operator.FEATURE,
)


def build_client(settings: Settings) -> AtelierClient:
    """The bot with all its features, not yet connected."""
    client = AtelierClient(settings)
    for feature in FEATURES:
        for command in feature.commands:
            client.tree.add_command(command)
        client.add_dynamic_items(*feature.buttons)
        client.services += [make(client) for make in feature.services]
        client.picture_actions |= feature.picture_actions
    return client
