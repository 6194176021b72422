"""Components of messages and modals: their fields, and what may contain what."""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from sandbox.model import Json
from sandbox.rules.messages import final_files
from sandbox.rules.registry import Finding, FormBody, Path, rule
from sandbox.rules.shape import (
    Boolean,
    Integer,
    Items,
    Kind,
    Object,
    OneOf,
    Schema,
    Snowflake,
    Text,
)

REFERENCE = "components/reference"
ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 9, 10, 11, 12, 13, 14, 17
LABEL, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 18, 19, 21, 22, 23
SELECTS = frozenset({3, 5, 6, 7, 8})
MAX_TOTAL, MAX_TEXT, MAX_ROWS = 40, 4000, 5

CUSTOM_ID = Text(required=True, low=1, high=100)
MEDIA = Object(required=True, schema={"url": Text(required=True, low=1, high=2048)})
OPTION: Schema = {
    "label": Text(required=True, low=1, high=100),
    "value": Text(required=True, low=1, high=100),
    "description": Text(high=100),
    "default": Boolean(),
    "emoji": Object(),
}
SELECT: dict[str, Kind] = {
    "custom_id": CUSTOM_ID,
    "placeholder": Text(high=150),
    "min_values": Integer(low=0, high=25),
    "max_values": Integer(low=1, high=25),
    "disabled": Boolean(),
    "required": Boolean(),
    "default_values": Items(
        high=25, of=Object(schema={"id": Snowflake(required=True), "type": Text(required=True)})
    ),
}
SCHEMAS: Mapping[int, Schema] = {
    ROW: {"components": Items(required=True, low=1, high=5, of=Object())},
    BUTTON: {
        "style": OneOf(required=True, values=(1, 2, 3, 4, 5, 6)),
        "label": Text(high=80),
        "custom_id": Text(low=1, high=100),
        "url": Text(high=512),
        "disabled": Boolean(),
        "emoji": Object(),
    },
    STRING_SELECT: {
        **SELECT,
        "options": Items(required=True, low=1, high=25, of=Object(schema=OPTION)),
    },
    5: SELECT,
    6: SELECT,
    7: SELECT,
    8: SELECT,
    TEXT_INPUT: {
        "custom_id": CUSTOM_ID,
        "style": OneOf(required=True, values=(1, 2)),
        "label": Text(low=1, high=45),
        "min_length": Integer(low=0, high=4000),
        "max_length": Integer(low=1, high=4000),
        "required": Boolean(),
        "value": Text(high=4000),
        "placeholder": Text(high=100),
    },
    SECTION: {
        "components": Items(required=True, low=1, high=3, of=Object()),
        "accessory": Object(required=True),
    },
    TEXT: {"content": Text(required=True, low=1, high=4000)},
    THUMBNAIL: {"media": MEDIA, "description": Text(high=1024), "spoiler": Boolean()},
    GALLERY: {
        "items": Items(
            required=True,
            low=1,
            high=10,
            of=Object(
                schema={"media": MEDIA, "description": Text(high=1024), "spoiler": Boolean()}
            ),
        )
    },
    FILE: {"file": MEDIA, "spoiler": Boolean()},
    SEPARATOR: {"divider": Boolean(), "spacing": OneOf(values=(1, 2))},
    CONTAINER: {
        "components": Items(required=True, low=1, high=MAX_TOTAL, of=Object()),
        "accent_color": Integer(low=0, high=0xFFFFFF),
        "spoiler": Boolean(),
    },
    LABEL: {
        "label": Text(required=True, low=1, high=45),
        "description": Text(high=100),
        "component": Object(required=True),
    },
    FILE_UPLOAD: {
        "custom_id": CUSTOM_ID,
        "min_values": Integer(low=0, high=10),
        "max_values": Integer(low=1, high=10),
        "required": Boolean(),
    },
    RADIO: {
        "custom_id": CUSTOM_ID,
        "options": Items(required=True, low=2, high=10, of=Object(schema=OPTION)),
        "required": Boolean(),
    },
    CHECKBOXES: {
        "custom_id": CUSTOM_ID,
        "options": Items(required=True, low=1, high=10, of=Object(schema=OPTION)),
        "min_values": Integer(low=0, high=10),
        "max_values": Integer(low=1, high=10),
        "required": Boolean(),
    },
    CHECKBOX: {"custom_id": CUSTOM_ID, "default": Boolean()},
}
CHILDREN: Mapping[str, frozenset[int]] = {
    "message": frozenset({ROW}),
    "message-v2": frozenset({ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR, CONTAINER}),
    "modal": frozenset({ROW, TEXT, LABEL}),
    "row": frozenset({BUTTON}) | SELECTS,
    "modal-row": frozenset({TEXT_INPUT}),
    "section": frozenset({TEXT}),
    "accessory": frozenset({BUTTON, THUMBNAIL}),
    "container": frozenset({ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR}),
    "label": SELECTS | {TEXT_INPUT, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX},
}
INSIDE = {ROW: "row", SECTION: "section", CONTAINER: "container"}


def walk(form: FormBody, components: Any, place: str) -> Iterator[tuple[FormBody, str]]:
    """Every component in a list, nested ones included, as a form with its parent."""
    if not isinstance(components, list):
        return
    for index, component in enumerate(components):
        yield from _walk_one(form.at(component, index), place)


def _walk_one(form: FormBody, place: str) -> Iterator[tuple[FormBody, str]]:
    yield form, place
    component = form.value
    if not isinstance(component, dict):
        return
    kind = component.get("type")
    inside = "modal-row" if place == "modal" else INSIDE.get(kind if kind in INSIDE else -1, "row")
    children = component.get("components")
    if isinstance(children, list):
        yield from walk(form.at(children, "components"), children, inside)
    for key, there in (("accessory", "accessory"), ("component", "label")):
        if isinstance(component.get(key), dict):
            yield from _walk_one(form.at(component[key], key), there)


def top_place(form: FormBody) -> str:
    """The parent type of a message's top-level components."""
    return "message-v2" if form.v2 else "message"


@lru_cache(maxsize=2)  # each rule of a message asks for the same
def tree(form: FormBody, place: str | None = None) -> list[tuple[FormBody, str]]:
    """Every component of the form's message or modal."""
    components = form.value.get("components")
    inner = form.at(components, "components")
    return list(walk(inner, components, place or top_place(form)))


def each_of(
    form: FormBody, kinds: Collection[int], place: str | None = None
) -> Iterator[tuple[FormBody, str]]:
    """The components in `tree` of these types."""
    return (found for found in tree(form, place) if found[0].value["type"] in kinds)


def shape_findings(form: FormBody, place: str) -> Iterator[Finding]:
    """A component's type is allowed in its parent, and its fields match their schema."""
    component = form.value
    if not isinstance(component, dict):
        return
    kind = component.get("type")
    allowed = CHILDREN[place]
    if isinstance(kind, bool) or kind not in allowed:
        listed = ", ".join(str(k) for k in sorted(allowed))
        message = f'Value of field "type" must be one of ({listed},).'
        yield form.wrong("UNION_TYPE_CHOICES", message, "type")
        return
    schema = {"id": Integer(low=0, high=2**31 - 1), **SCHEMAS[kind]}
    yield from Object(schema=schema).findings(form.path, component)


@rule("message-shape", REFERENCE)
def components_stand_where_they_may(form: FormBody) -> Iterator[Finding]:
    """Each component has valid fields and an allowed parent."""
    for inner, place in tree(form):
        yield from shape_findings(inner, place)


@rule("message-shape", REFERENCE + "#legacy-message-component-behavior")
def legacy_messages_have_five_rows(form: FormBody) -> Iterator[Finding]:
    """Without Components V2 at most five action rows."""
    components = form.value.get("components")
    if not form.v2 and isinstance(components, list) and len(components) > MAX_ROWS:
        message = f"Must be {MAX_ROWS} or fewer in length."
        yield form.wrong("BASE_TYPE_MAX_LENGTH", message, "components")


@rule("message", REFERENCE)
def at_most_forty_components(form: FormBody) -> Iterator[Finding]:
    """A Components V2 message has at most 40 components, nested ones included."""
    if form.v2 and len(tree(form)) > MAX_TOTAL:
        message = f"The total number of components exceeds the max limit ({MAX_TOTAL})"
        yield form.wrong("COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message, "components")


@rule("message", REFERENCE + "#text-display")
def texts_share_four_thousand_characters(form: FormBody) -> Iterator[Finding]:
    """All text displays of a message together have at most 4000 characters."""
    texts = [inner.value["content"] for inner, _ in each_of(form, {TEXT})]
    if sum(len(text) for text in texts) > MAX_TEXT:
        message = f"The total displayable text size exceeds the max limit ({MAX_TEXT})"
        yield form.wrong("COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message, "components")


def duplicate_findings(found: list[tuple[FormBody, str]]) -> Iterator[Finding]:
    """The custom_ids, and IDs other than 0, that occur twice."""
    custom_ids: set[str] = set()
    ids: set[int] = set()
    for inner, _ in found:
        custom_id, own_id = inner.value.get("custom_id"), inner.value.get("id")
        if custom_id is not None and custom_id in custom_ids:
            message = "Component custom id cannot be duplicated"
            yield inner.wrong("COMPONENT_CUSTOM_ID_DUPLICATED", message, "custom_id")
        if own_id and own_id in ids:
            yield inner.wrong("COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated", "id")
        custom_ids.add(custom_id)
        ids.add(own_id)


@rule("message", REFERENCE + "#anatomy-of-a-component")
def ids_are_unique(form: FormBody) -> Iterator[Finding]:
    """custom_ids and component IDs are unique in a message."""
    yield from duplicate_findings(tree(form))


@rule("message", REFERENCE + "#action-row")
def rows_hold_buttons_or_one_select(form: FormBody) -> Iterator[Finding]:
    """An action row holds up to five buttons, or a single select menu."""
    for inner, _ in each_of(form, {ROW}):
        width = sum(5 if c["type"] in SELECTS else 1 for c in inner.value["components"])
        if width > 5:
            message = "The specified component exceeds the maximum width"
            yield inner.wrong("COMPONENT_LAYOUT_WIDTH_EXCEEDED", message, "components")


@rule("message", REFERENCE + "#unfurled-media-item")
def media_references_are_attached(form: FormBody) -> Iterator[Finding]:
    """`attachment://` names a file of the message; other media are http(s) addresses."""
    names = final_files(form)
    for inner, _ in tree(form):
        component = inner.value
        for steps, media in media_of(component):
            path = (*inner.path, *steps, "url")
            only_attached = component["type"] == FILE
            yield from _media_findings(path, str(media["url"]), names, only_attached)


def media_of(component: Json) -> Iterator[tuple[Path, Json]]:
    """The media items of a component itself, with their paths in it."""
    places: list[tuple[Path, Any]] = [((key,), component.get(key)) for key in ("media", "file")]
    for index, item in enumerate(component.get("items") or []):
        places.append((("items", index, "media"), item.get("media")))
    return ((path, media) for path, media in places if isinstance(media, dict))


def _media_findings(
    path: Path, url: str, names: Mapping[str, bool], only_attached: bool
) -> Iterator[Finding]:
    if url.startswith("attachment://"):
        if url.removeprefix("attachment://") not in names:
            message = f"The referenced attachment was not found: {url}"
            yield Finding(path, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)
    elif only_attached or not url.startswith(("http://", "https://")):
        schemes = "('attachment',)" if only_attached else "('http', 'https', 'attachment')"
        message = f"Scheme must be one of {schemes}."
        yield Finding(path, "URL_TYPE_INVALID_SCHEME", message)
