"""Whatever stands in an env file: the rules end, and what they say holds none of its secrets."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from reverb_py.diagnosis.doctor import report
from reverb_py.diagnosis.doctor.environment import read
from reverb_py.diagnosis.doctor.offline import offline, private_from_here
from reverb_py.diagnosis.doctor.subject import Subject
from reverb_py.diagnosis.doctor.verdict import verdict
from tests.doctor_process import KEY, SECRET, WEB, changed

NAMES = [
    *(line.partition("=")[0] for line in WEB.splitlines()),
    *("BROADCAST_DRIVER", "PORT", "REVERB_SERVER_HOST", "REVERB_SERVER_PORT", "REVERB_SERVER_PATH", "REDIS_HOST"),
    *("REVERB_SCALING_ENABLED", "WEB_CONCURRENCY", "RAILWAY_SERVICE_NAME", "RAILWAY_PROJECT_ID", "DB_QUEUE"),
    *("PUSHER_HOST", "PUSHER_APP_KEY", "PUSHER_APP_CLUSTER", "PUSHER_URL", "REVERB_APP_ACTIVITY_TIMEOUT"),
    *("VITE_REVERB_APP_KEY", "VITE_REVERB_HOST", "VITE_REVERB_SCHEME"),
]
VALUES = st.sampled_from(
    [
        *("", "null", "true", "reverb", "pusher", "log", "localhost", "0.0.0.0", "https", "http", "443", "8080", "0"),
        *("$PORT", "${X}", "${{a.B}}", "https://a.b/", "reverb.railway.internal", "x.up.railway.app", "'", '"', "a b"),
        *(
            SECRET,
            f"https://{SECRET}",
            f"tls://u:{SECRET}@h",
            f"'{SECRET}'",
            f" {SECRET}",
            KEY,
            f"{SECRET}.up.railway.app",
        ),
    ]
)
CHANGES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def text(changes: dict[str, str]) -> str:
    return changed(WEB, "".join(f"{name}={value}\n" for name, value in changes.items()))


@settings(max_examples=300, deadline=None)
@given(web=CHANGES, other=CHANGES, here=st.sampled_from([{}, {"RAILWAY_PROJECT_ID": "p"}]))
def test_no_values_break_a_rule_or_show_a_secret(
    web: dict[str, str], other: dict[str, str], here: dict[str, str]
) -> None:
    one, two = read(text(web), "web.env"), read(text(other), "other.env")
    subject = Subject(one, two, two, two, "private-a", here, others=(SECRET,))
    private_from_here(subject)
    found = verdict(subject.masks.finding(each) for each in offline(subject))
    shown = report.text(found, "", []) + report.as_json(found, {})
    assert SECRET.lower() not in shown.lower()
    assert json.loads(report.as_json(found, {}))["ok"] is (found.outcome.value == "fine")


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_an_env_file_that_can_be_looked_at(text: str) -> None:
    subject = Subject(read(text, "web.env"), read(text, "worker.env"), read(text, "c"), read(text, "s"), channel=text)
    assert report.text(verdict(subject.masks.finding(each) for each in offline(subject)), "").count("\x1b") == 0
