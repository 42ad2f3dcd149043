"""All that the checks without network look at. Values only, read by the command."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from reverb_py.diagnosis.doctor.client_variables import has_client_variables
from reverb_py.diagnosis.doctor.environment import Publisher, publisher
from reverb_py.diagnosis.doctor.masks import Masks
from reverb_py.diagnosis.doctor.target import Environment


@dataclass(frozen=True, eq=False)
class Subject:
    """The environments that were given, and what else was asked. `here` are the variables of the doctor's process."""

    web: Environment | None = None
    worker: Environment | None = None
    client: Environment | None = None
    server: Environment | None = None
    channel: str = ""
    here: Mapping[str, str] = field(default_factory=dict, repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)  # further secrets: the bearer token

    @cached_property
    def environments(self) -> list[Environment]:
        return [each for each in (self.web, self.worker, self.client, self.server) if each]

    @property
    def built(self) -> Environment | None:
        """What a client is built with: its own variables, or those of the publisher's file when it has such."""
        return self.client or (self.web if self.web and has_client_variables(self.web) else None)

    @cached_property
    def publisher(self) -> Publisher | None:
        return publisher(self.web) if self.web else None

    @cached_property
    def masks(self) -> Masks:
        return Masks([each.values for each in self.environments], self.others)
