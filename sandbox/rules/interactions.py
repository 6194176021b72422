"""When and how an interaction can be responded to."""

import time
from collections.abc import Iterator
from functools import partial

from sandbox.errors import ApiError
from sandbox.model import InteractionType, MessageFlag
from sandbox.rules.registry import Finding, FormBody, rule

RESPONDING = "interactions/receiving-and-responding"
CALLBACKS = RESPONDING + "#interaction-response-object-interaction-callback-type"
ACKNOWLEDGE_WITHIN_SECONDS = 3.0
TOKEN_LIFE_SECONDS = 15 * 60
USER_INSTALLED_FOLLOWUPS = 5

ALLOWED_CALLBACKS = {
    InteractionType.PING: {1},
    InteractionType.APPLICATION_COMMAND: {4, 5, 9, 10, 12},
    InteractionType.MESSAGE_COMPONENT: {4, 5, 6, 7, 9, 10, 12},
    InteractionType.AUTOCOMPLETE: {8},
    InteractionType.MODAL_SUBMIT: {4, 5, 6, 7, 10, 12},
}


_unknown = partial(ApiError, 404, 10062, "Unknown interaction")
_bad_token = partial(ApiError, 401, 50027, "Invalid Webhook Token")


@rule("acknowledgement", RESPONDING + "#responding-to-an-interaction")
def interaction_exists(form: FormBody) -> Iterator[Finding]:
    """ID and token match an interaction."""
    if form.interaction is None or form.interaction.token != form.value:
        yield Finding((), "", "No interaction has this id and token.", _unknown())


@rule("acknowledgement", RESPONDING + "#interaction-callback")
def acknowledged_within_three_seconds(form: FormBody) -> Iterator[Finding]:
    """The initial response comes within three seconds."""
    interaction = form.interaction
    if interaction is None or interaction.acknowledged:
        return
    after = time.monotonic() - interaction.dispatched_at
    if after > ACKNOWLEDGE_WITHIN_SECONDS:
        yield Finding((), "", f"Answered after {after:.1f} s; 3 s are allowed.", _unknown())


@rule("acknowledgement", "topics/opcodes-and-status-codes#json-json-error-codes")
def acknowledged_once(form: FormBody) -> Iterator[Finding]:
    """An interaction has one initial response; followups use its token."""
    if form.interaction is not None and form.interaction.acknowledged:
        refusal = ApiError(400, 40060, "Interaction has already been acknowledged.")
        yield Finding((), "", "A second answer to one interaction.", refusal)


@rule("callback", CALLBACKS)
def callback_type_fits(form: FormBody) -> Iterator[Finding]:
    """Each type of interaction accepts only some types of response."""
    assert form.interaction is not None
    kind = form.value.get("type")
    if not isinstance(kind, int) or kind not in {1, 4, 5, 6, 7, 8, 9, 10, 12}:
        yield Finding(("type",), "BASE_TYPE_CHOICES", "Value must be one of the callback types.")
        return
    allowed = set(ALLOWED_CALLBACKS[form.interaction.type])
    if form.interaction.source is None:
        allowed -= {6, 7}
    if kind not in allowed:
        code = "INTERACTION_APPLICATION_COMMAND_INVALID_CALLBACK_TYPE"
        yield Finding(("type",), code, f"Callback type {kind} does not answer this interaction.")


@rule("callback", RESPONDING + "#interaction-response-object-interaction-response-structure")
def callback_data_is_an_object(form: FormBody) -> Iterator[Finding]:
    """`data` is an object, and required for types of response that carry some."""
    data = form.value.get("data")
    if data is not None and not isinstance(data, dict):
        yield Finding(("data",), "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    elif data is None and form.value.get("type") in {4, 8, 9}:
        yield Finding(("data",), "BASE_TYPE_REQUIRED", "This field is required")


@rule("deferral", CALLBACKS)
def deferral_carries_only_ephemeral(form: FormBody) -> Iterator[Finding]:
    """Of a deferred response's data only the ephemeral flag has an effect."""
    flags = form.value.get("flags") or 0
    if not isinstance(flags, int):
        yield form.wrong("NUMBER_TYPE_COERCE", f'Value "{flags}" is not int.', "flags")
    elif flags & ~MessageFlag.EPHEMERAL:
        yield form.advice("A deferral takes no flag but EPHEMERAL; the others are lost.", "flags")
    for key in ("content", "embeds", "components", "attachments"):
        if form.value.get(key):
            yield form.advice(f"A deferral shows no {key}; they are lost.", key)


@rule("webhook", RESPONDING + "#interaction-response-object")
def interaction_token_is_known(form: FormBody) -> Iterator[Finding]:
    """The token is that of an interaction of this application."""
    if form.interaction is None or form.value != form.world.application_id:
        yield Finding((), "", "No interaction has this token.", _bad_token())


@rule("webhook", RESPONDING + "#followup-messages")
def interaction_token_is_fresh(form: FormBody) -> Iterator[Finding]:
    """The interaction token is valid for 15 minutes."""
    if form.interaction is None:
        return
    age = form.world.clock.now() - form.interaction.created_at
    if age > TOKEN_LIFE_SECONDS:
        yield Finding((), "", f"The token is {age / 60:.1f} min old; it lives 15.", _bad_token())


@rule("followup", RESPONDING + "#followup-messages")
def user_installed_followups_are_few(form: FormBody) -> Iterator[Finding]:
    """Five followups are allowed if the application is only user-installed."""
    interaction = form.interaction
    assert interaction is not None
    if interaction.user_installed and len(interaction.followups) >= USER_INSTALLED_FOLLOWUPS:
        refusal = ApiError(
            400, 40094, "This interaction has hit the maximum number of follow up messages"
        )
        yield Finding((), "", "More than five follow-ups in a user-installed context.", refusal)


@rule("authorization", "reference#authentication")
def bot_token_is_right(form: FormBody) -> Iterator[Finding]:
    """Every request of the bot carries its token as `Authorization: Bot …`."""
    if form.value != f"Bot {form.world.token}":
        refusal = ApiError(401, 0, "401: Unauthorized")
        yield Finding((), "", "The request carries no valid bot token.", refusal)
