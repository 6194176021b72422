"""Components V2: what this flag excludes, and what it hides."""

from collections.abc import Iterator

from sandbox.model import Json, walk_components
from sandbox.rules.components import REFERENCE, media_of
from sandbox.rules.messages import CREATE, EDIT, final_files
from sandbox.rules.registry import Finding, FormBody, rule


@rule("message", CREATE)
def v2_excludes_content_and_embeds(form: FormBody) -> Iterator[Finding]:
    """With IS_COMPONENTS_V2, content, embeds, polls and stickers are refused."""
    if not form.v2:
        return
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    for key in ("content", "embeds", "poll", "sticker_ids"):
        if form.value.get(key):
            message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            yield Finding((*form.path, key), code, message)


@rule("message", EDIT)
def v2_needs_the_old_fields_emptied(form: FormBody) -> Iterator[Finding]:
    """An edit that switches to Components V2 sets content to null and embeds to []."""
    old = form.existing
    if not form.v2 or old is None or old.is_v2:
        return
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    for key, held in (("content", old.content), ("embeds", old.embeds)):
        if held and key not in form.value:
            message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            yield Finding((*form.path, key), code, message)


def final_components(form: FormBody) -> list[Json]:
    """The message's resulting components."""
    if "components" in form.value:
        return form.value["components"] or []
    return form.existing.components if form.existing is not None else []


@rule("message", REFERENCE)
def v2_files_are_shown_by_components(form: FormBody) -> Iterator[Finding]:
    """With Components V2 a file is shown only if a component refers to it."""
    if not form.v2:
        return
    components = walk_components(final_components(form))
    shown = {str(media.get("url")) for one in components for _, media in media_of(one)}
    for name in final_files(form):
        if f"attachment://{name}" not in shown:
            yield form.advice(f"No component shows {name}, so nobody will see it.", "attachments")
