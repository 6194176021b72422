"""Adds the admins' commands to the bot. Apart from the package, which the plot's process loads."""

from bot.admin.audit import AuditPage
from bot.admin.blocklist import BlocklistPage, blocklist
from bot.admin.changing import ChangeButton, ResetButton, UndoButton
from bot.admin.clearing import ClearButton, UndoClearButton
from bot.admin.limits import limits
from bot.admin.queue_admin import NothingButton, queue_admin
from bot.admin.stats import stats
from bot.client import AtelierClient, AtelierTree


def register(client: AtelierClient, tree: AtelierTree) -> None:
    """Add the commands and their buttons."""
    for group in (limits, blocklist, queue_admin):
        tree.add_command(group)
    tree.add_command(stats)
    client.add_dynamic_items(
        AuditPage,
        BlocklistPage,
        ChangeButton,
        ResetButton,
        UndoButton,
        ClearButton,
        UndoClearButton,
        NothingButton,
    )
