"""The body of a publish (events, batch_events), checked whole before anything is delivered.

The sentences are Reverb's where it has one: Laravel prints an error's body verbatim. Limits come from the app; only
hosted Pusher's profile has any here, a body that Reverb takes is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from reverb_py.protocol.names import is_channel, is_reserved_event

NOTHING: frozenset[str] = frozenset()


class Limits(Protocol):
    """What an app allows; 0 means no limit. `hub.App` is one."""

    @property
    def max_channel_name(self) -> int: ...
    @property
    def max_event_name(self) -> int: ...
    @property
    def max_event_size(self) -> int: ...
    @property
    def max_event_channels(self) -> int: ...
    @property
    def max_batch_size(self) -> int: ...


@dataclass(slots=True)  # not frozen: that would double what making one costs, on the way of every event
class Trigger:
    """One event to publish. `channels` are unique and in the publisher's order; `data` goes out unchanged."""

    event: str
    data: str
    channels: tuple[str, ...]
    socket_id: str | None = None  # who is left out
    info: frozenset[str] = NOTHING


class Unparsable(ValueError):
    """The body is not what JSON or UTF-8 allows (400)."""


class Invalid(ValueError):
    """A parameter is missing or wrong (422). The text names it."""


class TooLarge(ValueError):
    """A limit of the app on sizes is passed (413). The text names limit and size."""


def parse_event(body: bytes, limits: Limits) -> Trigger:
    """Read the body of `POST /events`; raise Unparsable, Invalid or TooLarge."""
    return event_of(_object(body), limits)


def parse_batch(body: bytes, limits: Limits) -> list[Trigger]:
    """Read the body of `POST /batch_events`: `{"batch": [{…}, …]}`, in its order; raise as parse_event."""
    batch = _list(_object(body).get("batch"))
    if batch is None:
        raise Invalid("The batch field is required.")
    if not isinstance(batch, list):
        raise Invalid("The batch field must be an array.")
    if limits.max_batch_size and len(batch) > limits.max_batch_size:
        raise Invalid(
            f"The batch field must not have more than {limits.max_batch_size} items (it has {len(batch)})."
            " Raise REVERB_APP_MAX_BATCH_SIZE, or send several batches."
        )
    triggers = []
    for number, entry in enumerate(batch):
        if not isinstance(entry, dict):
            raise Invalid(f"The batch.{number} field must be an object.")
        try:
            triggers.append(event_of(entry, limits, f"batch.{number}."))
        except TooLarge as error:
            raise TooLarge(f"{error} The event is batch.{number}.") from None
    return triggers


def claimed(body: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the event and the channels that a refused body asked for, as far as they can be read; never raise."""
    try:
        fields = _object(body)
    except (Unparsable, Invalid):
        return "", ()
    batch = _list(fields.get("batch"))
    events = [each for each in batch if isinstance(each, dict)] if isinstance(batch, list) else [fields]
    found = [_list(each.get("channels")) or [each.get("channel")] for each in events]
    names = [name for each in found if isinstance(each, list) for name in each]
    event = events[0].get("name") if events else None
    return (event if isinstance(event, str) else ""), tuple(name for name in names if isinstance(name, str))


def event_of(fields: dict[str, Any], limits: Limits, place: str = "") -> Trigger:
    """Check the fields of one event; raise Invalid or TooLarge. `place` is where they stand, `batch.0.` for example."""
    name = _string(fields, "name", place)
    if name is None or not name.strip():
        raise Invalid(f"The {place}name field is required.")
    if is_reserved_event(name):
        why = f"{name!r} is one of the protocol's own, clients would obey it."
        raise Invalid(f"The {place}name field is invalid: {why}")
    if limits.max_event_name and len(name) > limits.max_event_name:
        raise Invalid(f"The {place}name field must not be greater than {limits.max_event_name} characters.")
    data = _string(fields, "data", place)
    if data is None:
        raise Invalid(f"The {place}data field is required.")
    size = len(data.encode()) if limits.max_event_size else 0
    if size > limits.max_event_size:
        raise TooLarge(
            f"The data content of this event exceeds the allowed maximum ({limits.max_event_size} bytes; it has {size}"
            "). Raise REVERB_APP_MAX_EVENT_SIZE, or send less."
        )
    asked = _string(fields, "info", place)
    info = frozenset(part.strip() for part in asked.split(",") if part.strip()) if asked else NOTHING
    return Trigger(name, data, _channels(fields, limits, place), _string(fields, "socket_id", place), info)


def _channels(fields: dict[str, Any], limits: Limits, place: str) -> tuple[str, ...]:
    names: Sequence[Any] | None = _list(fields.get("channels"))
    if names is None:
        channel = _string(fields, "channel", place)
        if not channel and place:
            raise Invalid(f"The {place}channel field is required when channels is not present.")
        if not channel:
            raise Invalid("The channels field is required when channel is not present.")
        names = [channel]
    if not isinstance(names, list):
        raise Invalid(f"The {place}channels field must be an array.")
    if not names:
        raise Invalid(f"The {place}channels field is required when channel is not present.")
    if limits.max_event_channels and len(names) > limits.max_event_channels:
        raise Invalid(
            f"The {place}channels field must not have more than {limits.max_event_channels} items (it has"
            f" {len(names)}). Raise REVERB_APP_MAX_EVENT_CHANNELS, or publish several times."
        )
    for name in names:
        if not isinstance(name, str):
            raise Invalid(f"The {place}channels field must hold strings only.")
        if not is_channel(name, limits.max_channel_name):
            raise Invalid(
                f"Invalid channel name {name[:200]!r}{place and ' in ' + place[:-1]}:"
                f" 1 to {limits.max_channel_name} of a-zA-Z0-9_-=@,.; are allowed."
            )
    return tuple(dict.fromkeys(names))


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unparsable("The body is empty." if not body else f"The body is not valid JSON: {error}.") from None
    if not isinstance(fields, dict):
        raise Invalid("The body must be a JSON object.")
    return fields


def _list(value: Any) -> Any:
    """Return the values of an object: PHP writes a list so when its keys have gaps, and Reverb takes it."""
    return list(value.values()) if isinstance(value, dict) else value


def _string(fields: dict[str, Any], name: str, place: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"The {place}{name.replace('_', ' ')} field must be a string.")
    return value
