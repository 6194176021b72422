"""What a modal submits, out of what the user filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.addresses import attachment_json
from sandbox.compose import store_file
from sandbox.model import Channel, Json
from sandbox.offering import resolve_entity
from sandbox.world import World

Upload = tuple[str, bytes]
# Menus of users, roles, both and channels, and the command options of the same things.
ENTITY_OPTIONS = {5: 6, 6: 8, 7: 9, 8: 7}


def upload(world: World, channel: Channel, file: Upload, resolved: Json) -> str:
    """Put a user's file on the CDN and among the resolved objects; answers its id."""
    filename, content = file
    stored = store_file(world, filename, content, folder_id=channel.id, ephemeral=True)
    resolved.setdefault("attachments", {})[str(stored.id)] = attachment_json(world, stored)
    return str(stored.id)


@dataclass
class Filling:
    """A modal being filled in: values and files by custom id."""

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
                base |= _modal_value(component, self.values.get(custom_id))
            for value in base["values"] if kind in ENTITY_OPTIONS else ():
                resolve_entity(self.world, ENTITY_OPTIONS[kind], value, self.resolved)
        return base


def _modal_value(component: Json, given: Any) -> Json:
    """What a field of a modal submits; untouched fields submit what they were opened with."""
    kind = component["type"]
    options = component.get("options", [])
    if kind == 4:
        return {"value": component.get("value", "") if given is None else str(given)}
    if kind == 21:
        preset = next((o["value"] for o in options if o.get("default")), None)
        return {"value": preset if given is None else given}
    if kind == 23:
        return {"value": bool(component.get("default", False) if given is None else given)}
    preset_values = [o["value"] for o in options if o.get("default")]
    preset_values += [str(each["id"]) for each in component.get("default_values", [])]
    return {"values": preset_values if given is None else list(given)}
