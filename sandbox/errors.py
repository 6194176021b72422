"""Discord's error responses.

https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes
"""

from functools import partial
from typing import Any


class ApiError(Exception):
    """A response with an error status, a JSON error code and, for forms, an error tree."""

    def __init__(
        self, status: int, code: int, message: str, *, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} ({code}): {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        answer: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            answer["errors"] = self.errors
        return answer


def invalid_form(errors: dict[str, Any]) -> ApiError:
    """The error for a body that violates rules, with the tree of errors."""
    return ApiError(400, 50035, "Invalid Form Body", errors=errors)


def invalid_body(code: str, message: str) -> ApiError:
    """The error for a body that is invalid as a whole."""
    return invalid_form({"_errors": [{"code": code, "message": message}]})


not_found = partial(ApiError, 404, 0, "404: Not Found")
unknown_channel = partial(ApiError, 404, 10003, "Unknown Channel")
unknown_guild = partial(ApiError, 404, 10004, "Unknown Guild")
unknown_member = partial(ApiError, 404, 10007, "Unknown Member")
unknown_message = partial(ApiError, 404, 10008, "Unknown Message")
"""Also for an ephemeral message that is requested with the bot's token."""
unknown_user = partial(ApiError, 404, 10013, "Unknown User")
unknown_webhook = partial(ApiError, 404, 10015, "Unknown Webhook")
"""The interaction has no response yet, so its token has no messages."""
unknown_command = partial(ApiError, 404, 10063, "Unknown application command")
missing_access = partial(ApiError, 403, 50001, "Missing Access")
"""The bot is not in the channel, or cannot see it."""
not_the_author = partial(ApiError, 403, 50005, "Cannot edit a message authored by another user")
cannot_message_user = partial(ApiError, 403, 50007, "Cannot send messages to this user")
missing_permissions = partial(ApiError, 403, 50013, "Missing Permissions")
may_not_reply = partial(
    ApiError, 403, 160002, "Cannot reply without permission to read message history"
)
thread_archived = partial(ApiError, 400, 50083, "Thread is archived")
too_large = partial(ApiError, 413, 40005, "Request entity too large")
