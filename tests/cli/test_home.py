"""`hub init`, `units`, `users`, `connections`, `documents`, `status`, `run`: a hub set up and used from a terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from hub_svefaktura.standin.units import register

from hub.program.main import main
from tests.cli.conftest import SAMPLES, Call, objects


def settle(home: Path, place: Path) -> None:
    """Settings with an inbox and a drop folder."""
    for name in ("in", "out"):
        (place / name).mkdir()
    inbox = {"connector": "svefaktura.files", "address": (place / "in").as_uri(), "settle_seconds": 0}
    drop = {"connector": "agresso.filedrop", "address": (place / "out").as_uri()}
    settings = {"connections": {"inkorg": inbox, "agresso": drop}, "routes": {"fakturor": {"from": ["inkorg"]}}}
    (home / "hub.toml").write_text(tomli_w.dumps(settings))


def test_a_new_home_gets_settings_that_can_be_read_back_and_are_nobody_elses(call: Call, home: Path) -> None:
    assert call("init").exit_code == 0
    assert call("init").exit_code == 0
    assert (home / "hub.toml").stat().st_mode & 0o077 == 0
    assert call("status").exit_code == 0


def test_settings_that_cannot_be_used_end_with_exit_code_2_and_say_where(call: Call, home: Path) -> None:
    (home / "hub.toml").write_text('[web]\nprot = 1\npassword = "hemligt"\n')
    refused = call("status")
    assert refused.exit_code == 2
    assert "web.prot" in refused.output
    assert "hemligt" not in refused.output


def test_an_invoice_goes_the_whole_way_from_the_command_line(call: Call, home: Path, tmp_path: Path) -> None:
    settle(home, tmp_path)
    (tmp_path / "register.csv").write_bytes(register("agresso"))
    assert call("units", "import", tmp_path / "register.csv").exit_code == 0
    (tmp_path / "in" / "good.xml").write_bytes((SAMPLES / "peppol" / "invoice-office.xml").read_bytes())
    (tmp_path / "in" / "bad.xml").write_bytes((SAMPLES / "bad" / "not-xml.xml").read_bytes())
    ran = call("run", "fakturor")
    assert ran.exit_code == 1, ran.output
    assert "bad.xml" in ran.output
    listed = {each["name"]: each for each in objects(call("documents", "list", "--json"))}
    assert listed["bad.xml"]["state"] == "set_aside"
    (shown,) = objects(call("documents", "show", listed["bad.xml"]["document_id"], "--json"))
    assert shown["set_aside"]["reasons"][0]["code"] == "XML-NOT-XML"
    kept = call("documents", "content", listed["bad.xml"]["document_id"])
    assert kept.stdout_bytes == (SAMPLES / "bad" / "not-xml.xml").read_bytes()
    assert call("status").exit_code == 1
    assert call("documents", "dismiss", listed["bad.xml"]["document_id"], "--why", "no invoice").exit_code == 0
    assert call("documents", "replay", listed["bad.xml"]["document_id"]).exit_code == 1


def test_a_register_with_faults_changes_nothing_and_tells_their_lines(call: Call, tmp_path: Path) -> None:
    (tmp_path / "register.csv").write_bytes(register("agresso"))
    call("units", "import", tmp_path / "register.csv")
    (tmp_path / "faulty.csv").write_text(
        "sth_kod;namn;organisationsnummer;gln;peppol_id;mottagare\n110;Kontoret;123;;;agresso\n"
    )
    refused = call("units", "import", tmp_path / "faulty.csv")
    assert refused.exit_code == 2
    assert "line 2" in refused.output
    assert len(objects(call("units", "list", "--json"))) == len(register("agresso").splitlines()) - 1


def test_a_register_that_lost_most_units_waits_for_a_persons_word(call: Call, tmp_path: Path) -> None:
    whole = register("agresso")
    (tmp_path / "register.csv").write_bytes(whole)
    call("units", "import", tmp_path / "register.csv")
    (tmp_path / "short.csv").write_bytes(b"\n".join(whole.splitlines()[:3]) + b"\n")
    assert call("units", "import", tmp_path / "short.csv").exit_code == 2
    assert call("units", "import", tmp_path / "short.csv", "--removals-approved").exit_code == 0


def test_connections_are_checked_paused_and_resumed(call: Call, home: Path, tmp_path: Path) -> None:
    settle(home, tmp_path)
    checked = call("connections", "check")
    assert checked.exit_code == 0, checked.output
    assert call("connections", "pause", "inkorg").exit_code == 0
    listed = {each["name"]: each["state"] for each in objects(call("connections", "list", "--json"))}
    assert listed["inkorg"] == "paused"
    assert call("connections", "resume", "inkorg").exit_code == 0
    assert call("connections", "pause", "nowhere").exit_code == 2


def test_a_connection_whose_folder_is_gone_fails_its_check(call: Call, home: Path, tmp_path: Path) -> None:
    settle(home, tmp_path)
    (tmp_path / "in").rmdir()
    assert call("connections", "check", "inkorg").exit_code == 1


def test_a_connection_without_its_plugin_is_broken_and_the_others_work(call: Call, home: Path, tmp_path: Path) -> None:
    settle(home, tmp_path)
    settings = (home / "hub.toml").read_text() + '\n[connections.ny]\nconnector = "framtid.sak"\n'
    (home / "hub.toml").write_text(settings)
    listed = {each["name"]: each for each in objects(call("connections", "list", "--json"))}
    assert listed["ny"]["state"] == "broken"
    assert "framtid.sak" in listed["ny"]["why"]
    assert listed["inkorg"]["state"] == "new"


def test_a_short_password_is_refused(call: Call) -> None:
    assert call("users", "add", "anna", "--password", "kort").exit_code == 2
    assert call("users", "add", "anna", "--password", "ett långt lösenord").exit_code == 0


@pytest.mark.parametrize(("said", "home"), [(None, ".hub"), ("there", "there"), ("", ".hub")])
def test_home_is_where_the_environment_says_and_else_here(
    monkeypatch: pytest.MonkeyPatch, said: str | None, home: str
) -> None:
    monkeypatch.delenv("HUB_HOME", raising=False)
    if said is not None:
        monkeypatch.setenv("HUB_HOME", said)
    with main.make_context("hub", ["status"]) as context:
        assert context.params["home"] == Path(home)


def test_a_command_loads_nothing_that_it_does_not_need() -> None:
    program = """
import sys
from hub.program.main import main, own
def loaded(): print(*(name for name in ("fastapi", "uvicorn", "sqlalchemy") if name in sys.modules))
main(["--version"], standalone_mode=False); loaded()
own("worker"); loaded()
own("serve"); loaded()
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[1:] == ["", "sqlalchemy", "fastapi uvicorn sqlalchemy"]


def test_a_misspelt_command_is_told_what_may_be_meant(call: Call) -> None:
    told = call("statsu")
    assert told.exit_code == 2
    assert "Did you mean 'status'?" in told.output
