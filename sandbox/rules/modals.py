"""Modals, and autocomplete choices."""

from collections.abc import Iterator

from sandbox.rules import components
from sandbox.rules.interactive import select_findings
from sandbox.rules.registry import Finding, FormBody, rule
from sandbox.rules.shape import Items, Object, Text

RESPONDING = "interactions/receiving-and-responding"
MODAL = RESPONDING + "#interaction-response-object-modal"
CHOICES = RESPONDING + "#interaction-response-object-autocomplete"
MAX_INTEGER = 2**53


@rule("modal-shape", MODAL)
def modal_has_title_and_fields(form: FormBody) -> Iterator[Finding]:
    """A modal has a custom_id, a title of up to 45 characters and one to five components."""
    yield from Object(
        schema={
            "custom_id": Text(required=True, low=1, high=100),
            "title": Text(required=True, low=1, high=45),
            "components": Items(required=True, low=1, high=5, of=Object()),
        }
    ).findings(form.path, form.value)
    for inner, place in components.tree(form, "modal"):
        yield from components.shape_findings(inner, place)


@rule("modal", MODAL)
def modal_ids_are_unique(form: FormBody) -> Iterator[Finding]:
    """custom_ids are unique in a modal."""
    yield from components.duplicate_findings(components.tree(form, "modal"))


@rule("modal", "components/reference#text-input")
def modal_inputs_are_labeled_once(form: FormBody) -> Iterator[Finding]:
    """A text input in a row needs its own label; inside a Label it must have none."""
    for inner, place in components.each_of(form, {components.TEXT_INPUT}, "modal"):
        path = (*inner.path, "label")
        has_label = inner.value.get("label") is not None
        if place == "modal-row" and not has_label:
            yield Finding(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif place == "label" and has_label:
            message = "A text input inside a Label cannot have a label of its own."
            yield Finding(path, "TEXT_INPUT_LABEL_NOT_ALLOWED", message)


@rule("modal", "components/reference#text-input")
def modal_input_lengths_agree(form: FormBody) -> Iterator[Finding]:
    """A pre-filled value satisfies the limits of its own input."""
    for inner, _ in components.each_of(form, {components.TEXT_INPUT}, "modal"):
        value = inner.value
        low, high = value.get("min_length") or 0, value.get("max_length") or 4000
        if low > high:
            message = f"min_length ({low}) is larger than max_length ({high})."
            yield inner.wrong("TEXT_INPUT_MIN_ABOVE_MAX", message, "min_length")
        given = value.get("value")
        if given and not low <= len(given) <= high:
            message = f"Must be between {low} and {high} in length."
            yield inner.wrong("BASE_TYPE_BAD_LENGTH", message, "value")


@rule("modal", "components/reference#string-select")
def modal_fields_are_usable(form: FormBody) -> Iterator[Finding]:
    """Nothing in a modal is disabled, and required fields need at least one value."""
    for inner, _ in components.tree(form, "modal"):
        field, kind = inner.value, inner.value["type"]
        if kind not in components.SELECTS | {
            components.FILE_UPLOAD,
            components.CHECKBOXES,
            components.RADIO,
        }:
            continue
        if field.get("disabled"):
            message = "Modals cannot have disabled components."
            yield inner.wrong("MODAL_COMPONENT_DISABLED", message, "disabled")
        if field.get("required", True) and field.get("min_values") == 0:
            message = "min_values must be at least 1 where the field is required."
            yield inner.wrong("MODAL_REQUIRED_MIN_VALUES", message, "min_values")
        if kind in components.SELECTS:
            yield from select_findings(inner.path, field)


@rule("modal", MODAL)
def modal_rows_hold_one_input(form: FormBody) -> Iterator[Finding]:
    """A row of a modal holds a single text input."""
    for inner, _ in components.tree(form, "modal"):
        if inner.value["type"] == components.ROW and len(inner.value["components"]) != 1:
            message = "The specified component exceeds the maximum width"
            yield inner.wrong("COMPONENT_LAYOUT_WIDTH_EXCEEDED", message, "components")


@rule("choices", CHOICES)
def at_most_twenty_five_choices(form: FormBody) -> Iterator[Finding]:
    """At most 25 autocomplete choices, with names of 1 to 100 characters."""
    choice = Object(schema={"name": Text(required=True, low=1, high=100)})
    schema = {"choices": Items(required=True, high=25, of=choice)}
    yield from Object(schema=schema).findings(form.path, form.value)


@rule("choices", CHOICES)
def choice_values_fit_the_option(form: FormBody) -> Iterator[Finding]:
    """A choice's value has the type of the option being completed."""
    choices = form.value.get("choices")
    if not isinstance(choices, list) or form.interaction is None:
        return
    kind = _focused_type(form.interaction.data.get("options") or [])
    for index, choice in enumerate(choices):
        value = choice.get("value") if isinstance(choice, dict) else None
        path = (*form.path, "choices", index, "value")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind == 3 and not (isinstance(value, str) and 1 <= len(value) <= 100):
            yield Finding(path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
        elif kind == 4 and not (isinstance(value, int) and is_number and abs(value) < MAX_INTEGER):
            yield Finding(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif kind == 10 and not is_number:
            yield Finding(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')


def _focused_type(options: list[dict[str, object]]) -> object:
    for option in options:
        if option.get("focused"):
            return option["type"]
        inner = option.get("options")
        if isinstance(inner, list):
            found = _focused_type(inner)
            if found is not None:
                return found
    return None
