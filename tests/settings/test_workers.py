"""How many processes serve: asked for, taken from WEB_CONCURRENCY, or refused since they would be apart."""

import pytest

from tests.settings.place import Place, warnings

REDIS = {"REVERB_SCALING_ENABLED": "true", "REDIS_URL": "redis://redis"}


@pytest.mark.parametrize(
    ("environ", "workers"),
    [
        ({}, 1),
        ({"REVERB_WORKERS": "4"}, 4),
        ({"WEB_CONCURRENCY": "4"}, 4),
        ({"WEB_CONCURRENCY": "1"}, 1),
        ({"WEB_CONCURRENCY": "4", "REVERB_WORKERS": "2"}, 2),
        ({"WEB_CONCURRENCY": "4", "REVERB_WORKERS": "1"}, 1),
        ({"WEB_CONCURRENCY": "null"}, 1),
        ({"WEB_CONCURRENCY": "auto"}, 1),
        ({"WEB_CONCURRENCY": "0"}, 1),
        ({"WEB_CONCURRENCY": "257"}, 1),
        ({"WEB_CONCURRENCY": "-1"}, 1),
    ],
)
def test_the_number_is_our_variables_then_everybodys(place: Place, environ: dict[str, str], workers: int) -> None:
    configuration = place.load({**REDIS, **environ})
    assert configuration.settings.workers == workers
    is_ignored = "WEB_CONCURRENCY" in environ and workers == 1 and "REVERB_WORKERS" not in environ
    assert ("ignored" in warnings(configuration)) is (is_ignored and environ["WEB_CONCURRENCY"] not in ("1", "null"))


@pytest.mark.parametrize("text", ["4", "auto", "0"])
def test_everybodys_variable_is_ignored_without_scaling(place: Place, text: str) -> None:
    configuration = place.load({"WEB_CONCURRENCY": text, "REDIS_URL": "redis://redis"})
    assert configuration.settings.workers == 1
    assert f"WEB_CONCURRENCY is {text!r}, and ignored" in warnings(configuration)


def test_the_file_and_the_command_line_say_it_too(place: Place) -> None:
    place.write("reverb.toml", "workers = 3\n")
    assert place.load(REDIS).settings.workers == 3
    assert place.load(REDIS, {"workers": "2"}).settings.workers == 2


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"REVERB_WORKERS": "4"}, ["REVERB_WORKERS is 4", "scaling is off", "REVERB_SCALING_ENABLED=true", "RVB404"]),
        ({"REVERB_WORKERS": "4", "REDIS_URL": "redis://redis"}, ["scaling is off"]),
        ({"REVERB_WORKERS": "4", "REVERB_SCALING_ENABLED": "true"}, ["no Redis is named", "REDIS_URL", "RVB404"]),
        ({"WEB_CONCURRENCY": "4", "REVERB_SCALING_ENABLED": "true"}, ["WEB_CONCURRENCY is 4", "no Redis is named"]),
        ({"REVERB_WORKERS": "0"}, ["greater than or equal to 1 (processes)"]),
        ({"REVERB_WORKERS": "257"}, ["less than or equal to 256"]),
        ({"REVERB_WORKERS": "auto"}, ["must be a whole number (processes)"]),
    ],
)
def test_workers_that_could_not_share_are_refused(place: Place, environ: dict[str, str], parts: list[str]) -> None:
    line = place.refusal(environ)
    assert [part for part in parts if part not in line] == [], line


def test_one_worker_needs_nothing(place: Place) -> None:
    assert place.load({"REVERB_WORKERS": "1"}).settings.workers == 1
