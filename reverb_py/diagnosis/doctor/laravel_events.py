"""Rules about a project's event classes (app/Events): whether they are broadcast, where to, and under which name."""

import re
from collections.abc import Iterator

from reverb_py import codes
from reverb_py.codes import Code
from reverb_py.diagnosis.doctor.finding import Finding, Status
from reverb_py.diagnosis.doctor.laravel_project import Project
from reverb_py.diagnosis.doctor.php import PhpClass, line_of, php_class, without_comments

FAIL, WARN = Status.FAIL, Status.WARN
BROADCAST = ("ShouldBroadcast", "ShouldBroadcastNow")
AFTER_COMMIT = ("ShouldDispatchAfterCommit", "ShouldBroadcastAfterCommit", "ShouldBroadcastNow")
CHECK = "laravel.events"
_QUEUE = re.compile(r"\$broadcastQueue\s*=\s*['\"]([^'\"]+)|#\[\s*(?:\\?\w+\\)*(?:On)?Queue\(\s*['\"]([^'\"]+)")
_CHANNEL = re.compile(r"new\s+\\?(?:\w+\\)*(Channel|PrivateChannel|PresenceChannel)\(\s*(['\"])(.*?)\2", re.DOTALL)


def events(project: Project) -> list[PhpClass]:
    found = (php_class(path, text) for path, text in project.under("app/Events").items())
    return [each for each in found if each]


def is_broadcast(event: PhpClass) -> bool:
    """Return True when the class, as far as its own file tells, is broadcast; one with a parent may be."""
    return bool(set(event.interfaces) & set(BROADCAST))


def check_events(project: Project, guarded: list[str]) -> Iterator[Finding]:
    """Look at every event class; `guarded` are the patterns that routes/channels.php authorizes."""
    for event in events(project):
        if is_broadcast(event):
            yield from _reaches_nobody(event)
            yield from _queue(event)
            yield from _after_commit(event)
            yield from _name(event, project)
            yield from _channels(event, guarded)
            yield from _dispatched(event, project)
        elif not event.parent:
            yield from _not_broadcast(event)


def _not_broadcast(event: PhpClass) -> Iterator[Finding]:
    channels = event.method("broadcastOn")
    # `make:event` writes a broadcastOn() with this name into every class, broadcast or not.
    if channels is None or "'channel-name'" in channels:
        return
    title = f"{event.name} has broadcastOn(), but does not implement ShouldBroadcast: it never leaves the process"
    yield _finding(event, FAIL, codes.NOT_BROADCAST, title, (f"class {event.name} implements ShouldBroadcast",))


def _reaches_nobody(event: PhpClass) -> Iterator[Finding]:
    channels = event.method("broadcastOn")
    if channels is None and not event.parent:
        title = f"{event.name} has no broadcastOn(): it has no channel to be sent to"
        yield _finding(event, FAIL, codes.NOT_BROADCAST, title)
    elif channels is not None and re.search(r"return\s*(\[\s*\]|array\(\s*\)|null)\s*;", channels):
        certain = not re.search(r"\b(if|match|foreach)\b|new\s", channels)
        title = f"{event.name} returns no channel from broadcastOn(){'' if certain else ' in some cases'}"
        yield _finding(event, FAIL if certain else WARN, codes.NOT_BROADCAST, title)
    condition = event.method("broadcastWhen")
    if condition is not None and re.search(r"return\s+false\s*;", condition):
        title = f"{event.name} is not broadcast whenever broadcastWhen() returns false"
        yield _finding(event, WARN, codes.NOT_BROADCAST, title)


def _queue(event: PhpClass) -> Iterator[Finding]:
    found = _QUEUE.search(event.text)
    returned = re.search(r"return\s*['\"]([^'\"]+)", event.method("broadcastQueue") or "")
    queue = (found[1] or found[2]) if found else returned[1] if returned else ""
    if queue and queue != "default":
        title = f"{event.name} goes to the queue {queue!r}, which a plain queue:work does not take"
        fix = (f"php artisan queue:work --queue={queue},default",)
        yield _finding(event, WARN, codes.QUEUE_NOT_CONSUMED, title, fix)


def _after_commit(event: PhpClass) -> Iterator[Finding]:
    waits = set(event.interfaces) & set(AFTER_COMMIT) or re.search(r"\$afterCommit\s*=\s*true", event.text)
    if event.uses("SerializesModels") and not waits:
        title = f"{event.name} carries models and does not wait for the commit: its job may be dropped silently"
        fix = (f"class {event.name} implements ShouldBroadcast, ShouldDispatchAfterCommit",)
        yield _finding(event, WARN, codes.MODEL_MISSING, title, fix)


def _name(event: PhpClass, project: Project) -> Iterator[Finding]:
    # Echo finds the class by itself when it is named without its namespace.
    listened = re.compile(rf"\.listen\(\s*['\"`]{event.name}['\"`]")
    if any(listened.search(text) for text in project.under("resources").values()):
        return
    if event.method("broadcastAs") is None and not event.parent:
        space = re.search(r"namespace\s+([\w\\]+)", event.text)
        full = "\\".join((space[1] if space else "App\\Events", event.name))
        title = f"{event.name} has no broadcastAs(): its event is called {full}"
        yield _finding(event, WARN, codes.CLASS_NAME, title)


def _channels(event: PhpClass, guarded: list[str]) -> Iterator[Finding]:
    for found in _CHANNEL.finditer(event.method("broadcastOn") or ""):
        kind, name = found[1], found[3]
        prefix = re.match(r"(private|presence)-", name)
        if kind != "Channel" and prefix:
            title = f"{event.name} publishes to {prefix[0]}{name}: {kind} adds the prefix itself"
            fix = (f"new {kind}('{name.removeprefix(prefix[0])}')",)
            yield _finding(event, FAIL, codes.PREFIX_DIFFERS, title, fix)
        elif kind == "Channel" and any(_looks_like(name, pattern) for pattern in guarded):
            title = f"{event.name} publishes to the public channel {name}, which routes/channels.php has as private"
            fix = (f"new PrivateChannel({found[2]}{name}{found[2]}…)",)
            yield _finding(event, FAIL, codes.PREFIX_DIFFERS, title, fix)


def _looks_like(name: str, pattern: str) -> bool:
    """Return True when a channel's literal, as far as it goes, is the beginning of a route's pattern."""
    fixed = re.split(r"[{$]", name)[0]
    if fixed == name:  # the whole name, or what stands before a concatenation
        return pattern == name or (name.endswith(".") and pattern.startswith(name + "{"))
    return bool(fixed) and pattern.startswith(fixed + "{")


def _dispatched(event: PhpClass, project: Project) -> Iterator[Finding]:
    word = re.compile(rf"\b{event.name}\b")
    elsewhere = (text for path, text in project.files.items() if path.endswith(".php") and path != event.path)
    mentions = (without_comments(text) for text in elsewhere if word.search(text))
    if project.is_whole and not any(word.search(code) for code in mentions):
        title = f"{event.name} is mentioned nowhere but in its own file: nothing dispatches it"
        yield _finding(event, FAIL, codes.NEVER_FIRED, title, (f"{event.name}::dispatch(…)   # where it happens",))


def _finding(event: PhpClass, status: Status, code: Code, title: str, fix: tuple[str, ...] = ()) -> Finding:
    place = f"{event.path}:{line_of(event.text, event.text.find(f'class {event.name}'))}"
    return Finding(status, title, CHECK, code, place, fix)
