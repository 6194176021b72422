"""What the buttons under a picture do."""

from bot.client import AtelierClient, AtelierTree
from bot.job_buttons import HANDLERS, Action, JobButton
from bot.remix import again, ending, pictures


def register(client: AtelierClient, tree: AtelierTree) -> None:  # noqa: ARG001 - adds no command
    """Serve the buttons, those of earlier runs included."""
    HANDLERS.update(
        {
            Action.AGAIN: again.again,
            Action.STRONGER: again.stronger,
            Action.SOFTER: again.softer,
            Action.LARGER: again.larger,
            Action.OTHER_STYLE: again.other_style,
            Action.TIMELAPSE: again.timelapse,
            Action.COMPARE: pictures.compare,
            Action.SAVE: pictures.save,
            Action.DELETE: ending.delete,
            Action.CANCEL: ending.cancel,
        }
    )
    client.add_dynamic_items(JobButton)
