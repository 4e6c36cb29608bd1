"""Settings: one file, the environment above it, secrets from elsewhere, and no value in any complaint."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.app import open_hub
from hub.domain.calendar import Days
from hub.domain.cron import GRACE, CatchUp, Cron, OnHoliday, Schedule
from hub.loader import Plugins
from hub.settings import FILE_NAME, ConnectionSettings, Settings, SettingsInvalid, read_settings

SECRET = "hunter2-hunter2"
NO_PLUGINS = Plugins({}, {}, (), (), (), (), ())


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No law depends on what the environment of the tests happens to hold."""
    for name in ("HUB_HOME", "HUB_DATABASE", "HUB_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)


def written(home: Path, text: str) -> Settings:
    (home / FILE_NAME).write_text(text, encoding="utf-8")
    return read_settings(home)


def complaint(home: Path, text: str) -> str:
    with pytest.raises(SettingsInvalid) as told:
        written(home, text)
    return str(told.value)


def test_without_a_file_the_hub_has_settings_that_work(tmp_path: Path) -> None:
    told = read_settings(tmp_path)
    assert (told.home, told.database, told.language, told.connections) == (tmp_path, "", "sv", {})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("databse = 'x'", "databse"),
        ("[worker]\nthredas = 3", "worker.thredas"),
        ("[routes.invoices]\nfrom = ['a']\nfrm = ['a']", "routes.invoices.frm"),
        ("[worker]\nthreads = 'many'", "worker.threads"),
        ("[worker]\nthreads = 0", "worker.threads"),
        ("language = 'fi'", "language"),
        ("[connections.inkorg]\nowner = 'anna'", "connections.inkorg.connector"),
        ("[connections.'Bad Name']\nconnector = 'x'", "Bad Name"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_file_and_its_place(tmp_path: Path, text: str, where: str) -> None:
    said = complaint(tmp_path, text)
    assert str(tmp_path / FILE_NAME) in said
    assert where in said


@pytest.mark.parametrize(
    "text",
    [
        f"[worker]\nthreads = '{SECRET}'",
        f"databse = '{SECRET}'",
        f"language = '{SECRET}'",
        f"[connections.a]\nconnector = 'x'\nevery = '{SECRET}'",
        f"[web]\nport = '{SECRET}'",
        f"home = 1\nworker = '{SECRET}'",
        f"database = {SECRET}",
    ],
)
def test_a_complaint_shows_no_values(tmp_path: Path, text: str) -> None:
    assert SECRET not in complaint(tmp_path, text)


@pytest.mark.parametrize("content", [b"[worker", b"a = \xff", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(SettingsInvalid, match=FILE_NAME):
        read_settings(tmp_path)


def test_a_file_that_cannot_be_read_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(SettingsInvalid, match=FILE_NAME):
        read_settings(tmp_path)


def test_the_environment_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LANGUAGE", "en")
    monkeypatch.setenv("HUB_WORKER__THREADS", "3")
    told = written(tmp_path, "language = 'sv'\n[worker]\nthreads = 9\njudges = 4")
    assert (told.language, told.worker.threads, told.worker.judges) == ("en", 3, 4)


def test_an_unknown_key_in_the_environment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WORKER__THREDAS", "3")
    assert "worker.thredas" in complaint(tmp_path, "")


def test_an_environment_that_cannot_be_read_is_refused_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_WORKER", SECRET)
    said = complaint(tmp_path, "")
    assert "worker" in said
    assert SECRET not in said


def test_the_home_that_is_asked_for_is_the_home_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "another"))
    assert read_settings(tmp_path).home == tmp_path
    assert written(tmp_path, "home = '/somewhere/else'").home == tmp_path


def limits(home: Path, text: str) -> tuple[float | None, int | None]:
    told = written(home, f"[connections.a]\nconnector = 'x'\n{text}").connections["a"]
    return told.per_second, told.burst


def test_a_rate_is_stated_by_the_second_the_minute_or_the_hour(tmp_path: Path) -> None:
    assert limits(tmp_path, "") == (None, None)
    assert limits(tmp_path, "rate = '10/s'\nburst = 3") == (10.0, 3)
    assert limits(tmp_path, "rate = '600/min'") == (10.0, None)
    assert limits(tmp_path, "rate = '5400/h'") == (1.5, None)
    assert limits(tmp_path, "rate = '0.5/s'") == (0.5, None)


@pytest.mark.parametrize("rate", ["10", "0/s", "-1/s", "10/day", "ten/s", "/s"])
def test_a_rate_that_cannot_be_meant_is_refused_with_how_it_is_written(tmp_path: Path, rate: str) -> None:
    said = complaint(tmp_path, f"[connections.a]\nconnector = 'x'\nrate = '{rate}'")
    assert "connections.a.rate" in said
    assert "600/min" in said


def own(home: Path, text: str) -> dict[str, object]:
    return written(home, f"[connections.inkorg]\nconnector = 'paper.files'\n{text}").connections["inkorg"].own


def test_a_secret_is_taken_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKORG_TOKEN", SECRET)
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    told = own(
        tmp_path,
        f"token = {{ env = 'INKORG_TOKEN' }}\npassword = {{ file = '{tmp_path}/secret' }}\nplain = 'x'\n"
        "deep = { one = { env = 'INKORG_TOKEN' } }\nmany = [{ env = 'INKORG_TOKEN' }, 'x']",
    )
    assert told == {"token": SECRET, "password": SECRET, "plain": "x", "deep": {"one": SECRET}, "many": [SECRET, "x"]}


def test_the_hubs_own_secrets_are_taken_from_there_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ADDRESS", "postgresql+psycopg://hub:x@db/hub")
    assert written(tmp_path, "database = { env = 'DATABASE_ADDRESS' }").database == "postgresql+psycopg://hub:x@db/hub"
    assert "NOT_THERE" in complaint(tmp_path, "database = { env = 'NOT_THERE' }")


@pytest.mark.parametrize(
    ("reference", "named"),
    [("{ env = 'NOT_THERE' }", "NOT_THERE"), ("{ file = '/not/there' }", "/not/there"), ("{ file = '/' }", "/")],
)
def test_a_secret_that_is_not_where_it_should_be_is_missed_by_name(tmp_path: Path, reference: str, named: str) -> None:
    with pytest.raises(SettingsInvalid, match=named):
        own(tmp_path, f"token = {reference}")


def test_a_secret_that_is_no_text_is_refused_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsInvalid, match="secret"):
        own(tmp_path, f"token = {{ file = '{tmp_path}/secret' }}")


def test_what_the_hub_needs_of_a_connection_is_not_handed_to_its_connector(tmp_path: Path) -> None:
    text = "[connections.inkorg]\nconnector = 'paper.files'\nowner = 'anna'\nevery = 90\nconcurrency = 2\naddress = 'x'"
    told = written(tmp_path, text).connections["inkorg"]
    assert (told.owner, told.every, told.concurrency) == ("anna", timedelta(seconds=90), 2)
    assert told.own == {"address": "x"}


def test_a_connection_without_its_secret_or_its_plugin_is_broken_and_the_hub_starts(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(
        "[connections.one]\nconnector = 'paper.files'\ntoken = { env = 'NOT_THERE' }\n"
        "[connections.two]\nconnector = 'paper.files'\n"
    )
    hub = open_hub(tmp_path, NO_PLUGINS)
    hub.close()
    assert "NOT_THERE" in str(hub.connections["one"].broken)
    assert "paper.files" in str(hub.connections["two"].broken)
    assert hub.packs == tmp_path / "rules"


def planned(**stated: object) -> Schedule | None:
    return ConnectionSettings.model_validate({"connector": "paper.files", **stated}).planned


def test_a_schedule_is_read_with_its_days_its_grace_and_what_becomes_of_missed_times() -> None:
    stated = {"schedule": "0 6 * * mon-fri", "days": "workdays", "on_holiday": "next_workday"}
    assert planned(**stated, grace=60, catch_up="all") == Schedule(
        Cron("0 6 * * MON-FRI", Days.WORKDAYS, OnHoliday.NEXT_WORKDAY), timedelta(minutes=1), CatchUp.ALL
    )
    assert planned(schedule="@daily") == Schedule(Cron("0 0 * * *"), GRACE, CatchUp.ONE)
    assert planned(every=30, grace=60) is None


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"schedule": "0 6 * * *", "every": 30}, "både|both"),
        ({"schedule": "0 0 6 * * *"}, "six fields"),
        ({"schedule": "0 6 * * *", "on_holiday": "next_workday"}, "workdays"),
        ({"every": 30, "days": "workdays"}, "days is about the times of schedule"),
        ({"catch_up": "all"}, "catch_up is about the times of schedule"),
    ],
)
def test_times_that_contradict_themselves_are_refused_by_name(stated: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told):
        planned(**stated)


def test_a_grace_below_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        planned(schedule="@daily", grace=-1)


def test_a_connection_whose_schedule_cannot_be_used_is_broken_and_the_hub_starts(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[connections.one]\nconnector = 'paper.files'\nschedule = '61 * * * *'\n")
    hub = open_hub(tmp_path, NO_PLUGINS)
    hub.close()
    broken = hub.connections["one"].broken
    assert broken is not None
    assert broken.sv.startswith("connections.one: schedule: fält 1, minuten (0–59)")


def test_a_route_from_a_connection_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[routes.invoices]\nfrom = ['inkrog']\n")
    with pytest.raises(SettingsInvalid, match=r"routes\.invoices\.from.*inkrog"):
        open_hub(tmp_path, NO_PLUGINS)


def test_an_unknown_key_of_a_route_is_not_told_with_what_it_holds(tmp_path: Path) -> None:
    assert SECRET not in complaint(tmp_path, f"[routes.invoices]\nfrom = ['a']\ntoken = '{SECRET}'")


def test_a_file_in_another_encoding_is_told_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes("language = 'sv'\n[connections.a]\nowner = 'Åsa'\n".encode("latin-1"))
    with pytest.raises(SettingsInvalid, match="line 3: the file is not saved as UTF-8; save it as that"):
        read_settings(tmp_path)


@pytest.mark.parametrize("name", ["Åsa", "'Åsa'", "Anna"])
def test_a_connections_name_with_other_letters_is_told_which_there_are(tmp_path: Path, name: str) -> None:
    assert "a–z, 0–9 and hyphens" in complaint(tmp_path, f"[connections.{name}]\nconnector = 'x'\n")
