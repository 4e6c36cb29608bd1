"""`hub incidents`: listed, shown, closed, repaired, and a message to try the channels."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from hub.app import open_hub
from hub.jobs import watching
from hub.notify.channels import lane_of
from hub.store import connections, lanes, work
from hub.store.connections import Happening
from hub.web.ways import ways
from tests.cli.conftest import Call, objects
from tests.cli.test_home import settle
from tests.notify.receivers import SECRET, Hook, Inbox, hook_server, mail_server, subjects
from tests.status.test_incidents import WRONG


def refused(home: Path, place: Path, notify: dict[str, Any] | None = None) -> None:
    """A hub whose target refuses it, and that has looked at how its connections fare."""
    settle(home, place)
    if notify:
        told = tomllib.loads((home / "hub.toml").read_text()) | {"notify": notify}
        (home / "hub.toml").write_text(tomli_w.dumps(told))
    hub = open_hub(home)
    with hub.database.write() as connection:
        connections.failed(connection, "agresso", Happening.REFUSED, WRONG)
    watching.look(ways(hub))
    hub.close()


def test_an_incident_is_listed_shown_and_told_by_the_status(call: Call, home: Path, tmp_path: Path) -> None:
    assert call("incidents", "list").exit_code == 0
    refused(home, tmp_path)
    listed = call("incidents", "list", "--json")
    (incident,) = objects(listed)
    assert (listed.exit_code, incident["kind"], incident["connections"]) == (1, "refused", ["agresso"])
    shown = call("incidents", "show", 1)
    assert "agresso släpper inte in oss" in shown.output
    assert "fel nyckel" in shown.output
    (told,) = objects(call("incidents", "show", 1, "--json"))
    assert [each["kind"] for each in told["events"]] == ["opened", "joined"]
    assert "incident 1: agresso släpper inte in oss" in call("status").output


def test_closing_demands_a_reason_and_is_done_once(call: Call, home: Path, tmp_path: Path) -> None:
    refused(home, tmp_path)
    assert call("incidents", "close", 1).exit_code == 2
    assert call("incidents", "close", 1, "--reason", "känt").exit_code == 0
    assert call("incidents", "list").exit_code == 0
    assert "closed" in call("incidents", "close", 1, "--reason", "igen").output
    assert "känt" in call("incidents", "show", 1).output
    assert call("incidents", "show", 2).exit_code == 2


def test_repair_is_left_to_the_workers_and_asked_for_once(call: Call, home: Path, tmp_path: Path) -> None:
    refused(home, tmp_path)
    assert call("incidents", "repair", 1).exit_code == 0
    assert "in repair already" in call("incidents", "repair", 1).output
    hub = open_hub(home)
    with hub.database.read() as connection:
        assert [each.kind for each in work.page(connection, kind="repair")] == ["repair"]
    hub.close()


def test_a_test_message_goes_by_every_channel_and_lets_a_held_one_go(call: Call, home: Path, tmp_path: Path) -> None:
    inbox, hook = Inbox(), Hook()
    with mail_server(inbox) as mail, hook_server(hook) as to:
        notify = {
            "mail": {
                "host": mail.host,
                "port": mail.port,
                "security": "none",
                "sender": mail.sender,
                "to": list(mail.to),
            },
            "webhooks": [{"name": "drift", "url": to.url, "secret": SECRET}],
        }
        refused(home, tmp_path, notify)
        hub = open_hub(home)
        with hub.database.write() as connection:
            lanes.hold_lane(connection, lane_of("drift"), because="refused")
        tried = call("incidents", "test-message")
        assert (tried.exit_code, subjects(inbox.mails)) == (0, ["Inköpshubben: Provmeddelande"])
        assert [each["type"] for each in hook.payloads] == ["hub.test"]
        with hub.database.read() as connection:
            assert not [each for each in lanes.all_lanes(connection) if each.held_at]
        hub.close()
        hook.faults.append(401)
        failed = call("incidents", "test-message", "--channel", "drift")
    assert (failed.exit_code, "401" in failed.output) == (1, True)
    assert "T0P" not in failed.output
    assert call("incidents", "test-message", "--channel", "duva").exit_code == 2


def test_a_test_message_without_any_channel_fails_and_names_the_settings(call: Call) -> None:
    told = call("incidents", "test-message")
    assert told.exit_code == 1
    assert "[notify.mail] and [[notify.webhooks]]" in told.output
