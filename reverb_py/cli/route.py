"""A way as GPX, as the events of a driver who takes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from reverb_py.cli.exits import ExitCode
from reverb_py.cli.remote import stop
from reverb_py.client.api import encoded

EVENT = "driver.location.updated"
KINDS = ("trkpt", "rtept", "wpt")  # a recorded track, a planned route, single points: the first kind that there is


@dataclass(frozen=True, slots=True)
class Driver:
    ticket_id: int = 1
    driver_id: int = 1
    driver_name: str = "Test driver"


Point = tuple[float, float]


def points_in(path: str) -> list[Point]:
    """Latitude and longitude of each point, in the file's order; end with exit code 2 when there are none."""
    try:
        root = ElementTree.fromstring(Path(path).read_bytes())  # noqa: S314, the user's own file
    except (OSError, ElementTree.ParseError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or f"it is no XML: {error}"
        raise stop(ExitCode.USAGE, f"--route: cannot read {path}: {why}") from None
    for kind in KINDS:
        points = list(_points(root, kind))
        if points:
            return points
    raise stop(ExitCode.USAGE, f"--route: {path} has no point with lat and lon ({', '.join(KINDS)})")


def _points(root: ElementTree.Element, kind: str) -> Iterator[Point]:
    for element in root.iter():
        if element.tag.rpartition("}")[2] == kind:
            try:
                yield float(element.attrib["lat"]), float(element.attrib["lon"])
            except (KeyError, ValueError):
                continue  # a point without a place has nothing to say


def data_at(point: Point, driver: Driver, now: float) -> str:
    """The event's data: what the app's map expects of a driver who is there now."""
    latitude, longitude = point
    return encoded(
        {
            "ticket_id": driver.ticket_id,
            "driver_id": driver.driver_id,
            "driver_name": driver.driver_name,
            "latitude": latitude,
            "longitude": longitude,
            "last_location_updated_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        }
    ).decode()
