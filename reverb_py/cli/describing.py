"""An event as a person wants to see it: its data decoded once, and what a client must do to get it. Pure."""

import json
from dataclasses import dataclass
from typing import Any

from reverb_py import codes
from reverb_py.client.socket import Message

DEEPEST = 5  # times that a text is decoded to see how often it was encoded


@dataclass(frozen=True, slots=True)
class Described:
    event: str
    channel: str
    data: Any  # decoded once
    encoded: int  # times: 1 is right, 0 is a text that is no JSON
    warning: str

    @property
    def shown(self) -> str:
        if isinstance(self.data, str) and self.encoded == 0:
            return self.data
        return json.dumps(self.data, ensure_ascii=False)


def describe(message: Message) -> Described:
    times = encoded_times(message.data)
    warning = ""
    if times > 1:
        warning = f"data is encoded {times} times ({codes.DATA_ENCODED}). {codes.DATA_ENCODED.fix}"
    return Described(message.event, message.channel, message.content, times, warning)


def encoded_times(data: object) -> int:
    """How often JSON was put into a string: 1 for `"{}"`, 2 for `"\\"{}\\""`; 0 for what is no JSON.

    A text, a number or a word may be meant: only when objects or lists come out below a text, it counts.
    """
    times = 0
    while isinstance(data, str) and times < DEEPEST:
        try:
            inner = json.loads(data)
        except ValueError:
            break
        if times and not isinstance(inner, dict | list | str):
            break
        data, times = inner, times + 1
    return times if isinstance(data, dict | list) else min(times, 1)


def how_to_bind(event: str) -> list[str]:
    """One line for each library, and what is special about the name."""
    lines = [
        f"Echo:      .listen({json.dumps(_echo(event))}, …)",
        f"pusher-js: .bind({json.dumps(event)}, …)",
        f"Dart:      .bind({_dart(event)})",
    ]
    if "\\" in event:
        lines.append(f"The event is named like its class: {codes.CLASS_NAME.fix} ({codes.CLASS_NAME})")
    else:
        lines.append(f"Without the leading dot Echo waits for App\\Events\\… ({codes.ECHO_NAMESPACE})")
    return lines


def _echo(event: str) -> str:
    """Echo puts App\\Events before a bare name, and nothing before one that begins with a dot or a backslash."""
    namespace = "App\\Events\\"
    return event.removeprefix(namespace).replace("\\", ".") if event.startswith(namespace) else f".{event}"


def _dart(event: str) -> str:
    return "'" + event.replace("\\", "\\\\").replace("$", "\\$").replace("'", "\\'") + "'"
