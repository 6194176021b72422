"""Stored paint defaults of members, channels and servers."""

from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from common.options import MAX_SIZE_PX, MIN_SIZE_PX, KeepColors, Quality

Notify = Literal["yes", "no", "long"]
"""Whether to mention a member when a picture is ready; "long": if it took over a minute."""


class Defaults(BaseModel):
    """Defaults of a member, a channel or a server; None leaves an option to the next in order."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer version may know more

    size_px: Annotated[int, Field(ge=MIN_SIZE_PX, le=MAX_SIZE_PX)] | None = None
    quality: Quality | None = None
    keep_colors: KeepColors | None = None
    notify: Notify | None = None
    ephemeral: bool | None = None
    """Show the member's pictures only to them."""
    spoiler: bool | None = None
    """Hide the member's pictures until somebody clicks on them."""
    always_spoiler: bool | None = None
    """Of a channel or a server: hide all pictures, whatever the members choose."""
    spoiler_role_ids: tuple[int, ...] | None = None
    """Of a server: hide the pictures of members with one of these roles."""
    language: Annotated[str, Field(max_length=20)] | None = None
    """Language for messages to a member; of a server: for messages to everybody."""

    def for_roles(self, role_ids: Collection[int]) -> Self:
        """The defaults for a member with these roles, whose pictures may have to be hidden."""
        if not set(self.spoiler_role_ids or ()) & set(role_ids):
            return self
        return self.model_copy(update={"always_spoiler": True})

    def over(self, others: Self) -> Self:
        """Merge: these defaults, and the others where these are None."""
        chosen = {
            name: getattr(others, name) if value is None else value
            for name, value in self.model_dump().items()
        }
        always = bool(self.always_spoiler or others.always_spoiler) or None
        return type(self)(**{**chosen, "always_spoiler": always})
