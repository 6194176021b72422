"""What users fill in, command options and modal fields, as interactions carry it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.addresses import attachment_json
from sandbox.command_visibility import NotOfferedError
from sandbox.compose import store_file
from sandbox.model import Channel, Json, Upload
from sandbox.payloads import channel_json, member_json, role_json, user_json
from sandbox.world import World

# The select menus of users, roles, mentionables and channels, by command option type.
ENTITY_OPTIONS = {5: 6, 6: 8, 7: 9, 8: 7}


def option_json(world: World, definition: Json, value: Any, resolved: Json) -> Json:
    """An option as the interaction carries it, validated as Discord's client does."""
    name, kind = definition["name"], definition["type"]
    choices = definition.get("choices")
    if choices:
        named = {c["name"]: c["value"] for c in choices}
        value = named.get(value, value)
        if value not in named.values():
            raise NotOfferedError(f"{value!r} is not among the choices of {name}.")
    if kind == 3:
        value = _text(definition, str(value))
    elif kind in {4, 10}:
        value = _number(definition, value)
    elif kind == 5:
        value = bool(value)
    elif kind in {6, 7, 8, 9}:
        value = resolve_entity(world, kind, value, resolved)
    return {"name": name, "type": kind, "value": value}


def _text(definition: Json, value: str) -> str:
    low, high = definition.get("min_length", 0), definition.get("max_length", 6000)
    if not low <= len(value) <= high:
        raise NotOfferedError(f"{definition['name']} takes {low} to {high} characters.")
    return value


def _number(definition: Json, value: Any) -> int | float:
    number: int | float = int(value) if definition["type"] == 4 else float(value)
    low, high = definition.get("min_value"), definition.get("max_value")
    if (low is not None and number < low) or (high is not None and number > high):
        raise NotOfferedError(f"{definition['name']} takes {low} to {high}.")
    return number


def resolve_entity(world: World, kind: int, value: Any, resolved: Json) -> str:
    """Add a user, channel or role to the resolved objects; returns its ID.

    Raises:
        NotOfferedError: There is none.
    """
    key = str(getattr(value, "id", value))
    number = int(key)
    if kind in {6, 9} and number in world.users:
        user = world.users[number]
        resolved.setdefault("users", {})[key] = user_json(user)
        if user.in_guild:
            member = member_json(world, user, with_user=False)
            resolved.setdefault("members", {})[key] = member
    elif kind == 7 and number in world.channels:
        resolved.setdefault("channels", {})[key] = channel_json(
            world, world.channels[number], viewer=world.bot
        )
    elif kind in {8, 9}:
        role = next((r for r in world.guild.roles if r.id == number), None)
        if role is None:
            raise NotOfferedError(f"There is no role {key}.")
        resolved.setdefault("roles", {})[key] = role_json(role, position=1)
    else:
        raise NotOfferedError(f"There is nothing with the id {key}.")
    return key


def upload(world: World, channel: Channel, file: Upload, resolved: Json) -> str:
    """Store a user's file at the CDN and add it to the resolved objects; returns its ID."""
    filename, content = file
    stored = store_file(world, filename, content, folder_id=channel.id, ephemeral=True)
    resolved.setdefault("attachments", {})[str(stored.id)] = attachment_json(world, stored)
    return str(stored.id)


@dataclass
class FilledModal:
    """A modal being filled in: values and files by custom_id."""

    world: World
    channel: Channel
    values: Mapping[str, Any]
    files: Mapping[str, Sequence[Upload]]
    resolved: Json = field(default_factory=dict)
    _count: int = 0

    def fill(self, component: Json) -> Json:
        """A component of the modal as the submission carries it."""
        self._count += 1
        kind = component["type"]
        base: Json = {"type": kind, "id": component.get("id", self._count)}
        if kind == 1:
            base["components"] = [self.fill(c) for c in component["components"]]
        elif kind == 18:
            base["component"] = self.fill(component["component"])
        elif "custom_id" in component:
            custom_id = component["custom_id"]
            base["custom_id"] = custom_id
            if kind == 19:
                uploads = self.files.get(custom_id, ())
                base["values"] = [
                    upload(self.world, self.channel, u, self.resolved) for u in uploads
                ]
            else:
                base |= _field_value(component, self.values.get(custom_id))
            for value in base["values"] if kind in ENTITY_OPTIONS else ():
                resolve_entity(self.world, ENTITY_OPTIONS[kind], value, self.resolved)
        return base


def _field_value(component: Json, entered: Any) -> Json:
    """What a field of a modal submits; untouched fields submit their initial value."""
    kind = component["type"]
    options = component.get("options", [])
    if kind == 4:
        return {"value": component.get("value", "") if entered is None else str(entered)}
    if kind == 21:
        preset = next((o["value"] for o in options if o.get("default")), None)
        return {"value": preset if entered is None else entered}
    if kind == 23:
        return {"value": bool(component.get("default", False) if entered is None else entered)}
    preset_values = [o["value"] for o in options if o.get("default")]
    preset_values += [str(each["id"]) for each in component.get("default_values", [])]
    return {"values": preset_values if entered is None else list(entered)}
