"""In which order the places are asked, and that the origin of a value is known."""

from reverb_py.settings import Settings
from tests.settings.place import Place


def test_nothing_set_anywhere_is_the_defaults_and_no_app(place: Place) -> None:
    configuration = place.load()
    assert configuration.settings == Settings()
    assert (len(configuration.apps), configuration.notices, configuration.origins) == (0, (), {})


def test_each_source_beats_the_ones_below(place: Place) -> None:
    place.write("reverb.toml", "port = 1")
    assert place.load().settings.port == 1
    place.write(".env", "REVERB_SERVER_PORT=2")
    assert place.load().settings.port == 2
    assert place.load({"REVERB_SERVER_PORT": "3"}).settings.port == 3
    assert place.load({"REVERB_SERVER_PORT": "3"}, {"port": "4"}).settings.port == 4


def test_sources_come_before_names(place: Place) -> None:
    place.write(".env", "REVERB_SERVER_PORT=1")
    assert place.load({"PORT": "2"}).settings.port == 2
    assert place.load({"PORT": "2", "REVERB_SERVER_PORT": "3"}).settings.port == 3


def test_the_origin_of_a_value_is_known(place: Place) -> None:
    place.write("reverb.toml", 'path = "ws"')
    place.write(".env", "REVERB_DRAIN=1")
    origins = place.load({"PORT": "2"}, {"host": "::1"}).origins
    assert origins == {
        "host": "--host",
        "port": "PORT",
        "drain": "REVERB_DRAIN in .env",
        "path": "path in reverb.toml",
    }


def test_set_to_nothing_says_nothing_and_null_asks_for_the_default(place: Place) -> None:
    place.write(".env", "REVERB_SERVER_PORT=1\nREVERB_DRAIN=3")
    read = place.load({"REVERB_SERVER_PORT": "", "REVERB_DRAIN": "(null)"}).settings
    assert (read.port, read.drain) == (1, 8)


def test_an_option_that_is_empty_falls_back_as_artisans_does(place: Place) -> None:
    assert place.load({"PORT": "2"}, {"port": ""}).settings.port == 2
