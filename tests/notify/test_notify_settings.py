"""Settings of who is told: what is wrong is said without the value, and secrets stand in nothing that is shown."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from hub.app import open_hub
from hub.notify.hours import Hours
from hub.settings import SettingsInvalid
from tests.notify.receivers import SECRET
from tests.test_settings import NO_PLUGINS, complaint, written

MAIL = '[notify.mail]\nhost = "smtp.example"\nsender = "hub@stad.example"\nto = ["jour@stad.example"]\n'
WEBHOOK = '[[notify.webhooks]]\nurl = "https://drift.example/h/T0P"\nsecret = "{}"\n'


def test_what_is_stated_is_what_the_work_knows(tmp_path: Path) -> None:
    text = '[notify]\nquiet = "18:00-07:00"\ndigest = "07:30"\nworkdays = true\n' + MAIL + WEBHOOK.format(SECRET)
    told = written(tmp_path, text).notify.as_told("en")
    assert told.hours == Hours(time(18), time(7), time(7, 30), workdays=True)
    assert told.mail is not None
    assert (told.mail.host, told.mail.port, told.mail.security) == ("smtp.example", 587, "starttls")
    assert told.webhooks[0].secret == SECRET
    assert told.channels == ("mail", told.webhooks[0].name)
    assert told.webhooks[0].name.startswith("webhook-")
    assert SECRET not in f"{told!r}"


@pytest.mark.parametrize(("quiet", "digest"), [("18:00-07:00", "07:00"), ("11:00-13:00", "06:00"), ("", "03:00")])
def test_a_digest_outside_the_quiet_hours_is_told_at_its_time(tmp_path: Path, quiet: str, digest: str) -> None:
    told = written(tmp_path, f'[notify]\nquiet = "{quiet}"\ndigest = "{digest}"\n').notify.as_told("sv")
    assert told.hours.digest == time.fromisoformat(digest)


def test_without_settings_nobody_is_told(tmp_path: Path) -> None:
    assert written(tmp_path, "").notify.as_told("sv").channels == ()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[notify]\nquiet = "18-07"\n', "quiet"),
        ('[notify]\nquiet = "24:00-07:00"\n', "quiet"),
        ('[notify]\nquiet = "18:00-07:00"\ndigest = "06:00"\n', "06:00 lies within the quiet hours 18:00-07:00"),
        ('[notify]\nquiet = "11:00-13:00"\ndigest = "11:00"\n', "11:00 lies within the quiet hours"),
        ('[notify]\nconsole = "ftp://x"\n', "console"),
        ('[notify.mail]\nhost = "smtp.example"\n', "sender"),
        (MAIL + 'user = "hub"\nsecurity = "none"\n', "password"),
        (MAIL.replace("jour@", "jour\\n@"), "to"),
        (WEBHOOK.format("whsec_hemlighet"), "whsec_"),
        (WEBHOOK.format(SECRET).replace("https", "http"), "https"),
        (WEBHOOK.format(SECRET) * 2, "different names"),
        (WEBHOOK.format(SECRET) + 'name = "mail"\n', "different names"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place_and_without_secrets(tmp_path: Path, text: str, where: str) -> None:
    told = complaint(tmp_path, text)
    assert where in told
    assert "hemlighet" not in told.replace("hemlighetsfull", "")
    assert "T0P" not in told


@pytest.mark.parametrize("name", ["notify-mail", "notify-drift"])
def test_no_connection_takes_a_channels_lane(tmp_path: Path, name: str) -> None:
    (tmp_path / "hub.toml").write_text(f'[connections.{name}]\nconnector = "x.y"\n', encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=name):
        open_hub(tmp_path, NO_PLUGINS)
