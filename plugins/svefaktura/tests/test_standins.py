"""The made-up city: its numbers, its mail, and that the good invoices are good by the rules themselves."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from random import Random

import httpx
import pytest
from hub_svefaktura.connectors import CONNECTORS, DEMONSTRATION
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.packs import build_billing, build_svefaktura
from hub_svefaktura.standin import stage
from hub_svefaktura.standin.accesspoint import AccessPoint, Intake, Mischief, NotTaken, send_if_wanted
from hub_svefaktura.standin.city import BAD_SHARE, City, Letter
from hub_svefaktura.standin.faults import FAULTS
from hub_svefaktura.standin.stage import Mail
from hub_svefaktura.standin.suppliers import SUPPLIERS
from hub_svefaktura.standin.units import UNITS, UNKNOWN, register
from xmlrules import Judge, Pack, Verdict, import_pack

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.invoices import InvoiceKind
from hub.plugin.demonstration import REGISTER, Stage
from hub.plugin.errors import Rejected
from hub.plugin.http import Http
from hub.plugin.ports import Recognised

TODAY = date(2026, 11, 22)
REPOSITORY = Path(__file__).parents[3]
ARTEFACTS = Path(os.environ.get("HUB_ARTEFACTS", REPOSITORY.parent / "shared")) / "artefacts"


@cache
def letters(count: int, seed: int = 1, bad_share: float = BAD_SHARE) -> list[Letter]:
    return list(islice(City(seed, TODAY, bad_share).letters(), count))


# --- numbers ---------------------------------------------------------------------------------------------------


def test_every_suppliers_number_is_right_its_own_and_no_persons() -> None:
    numbers = [OrganisationNumber.parse(supplier.organisation_number) for supplier in SUPPLIERS]
    assert len(set(numbers)) == len(SUPPLIERS) == 40
    assert not any(number.is_personal for number in numbers)


def test_every_units_numbers_are_right_and_its_gln_and_peppol_id_its_own() -> None:
    units = [*UNITS, UNKNOWN]
    assert len({Gln.parse(unit.gln) for unit in units}) == len(units)
    assert len({ElectronicAddress.parse(unit.peppol_id) for unit in units}) == len(units)
    assert not any(OrganisationNumber.parse(unit.organisation_number).is_personal for unit in units)


def test_the_register_names_each_unit_once_and_not_the_unknown_one() -> None:
    rows = [row.split(";") for row in register("agresso-fil").decode().splitlines()]
    assert rows[0] == ["sth_kod", "namn", "organisationsnummer", "gln", "peppol_id", "mottagare", "referens_krav"]
    assert [row[0] for row in rows[1:]] == [unit.sth_code for unit in UNITS]
    assert {row[5] for row in rows[1:]} == {"agresso-fil"}
    assert UNKNOWN.sth_code not in {row[0] for row in rows}


# --- the mail --------------------------------------------------------------------------------------------------


def test_the_same_seed_and_day_give_the_same_mail() -> None:
    assert letters(60) == list(islice(City(1, TODAY).letters(), 60))
    assert letters(60) != letters(60, seed=2)


def test_no_two_letters_share_a_name_or_a_message_id() -> None:
    sent = letters(500)
    assert len({letter.name for letter in sent}) == len({letter.message_id for letter in sent}) == 500


def test_about_one_letter_in_eight_is_bad_and_every_fault_comes() -> None:
    faults = Counter(letter.fault for letter in letters(2500))
    assert 0.09 < 1 - faults[""] / 2500 < 0.15
    assert set(faults) - {""} == {fault.name for fault in FAULTS}


def test_the_mail_is_of_every_kind() -> None:
    good = [letter.content for letter in letters(400, bad_share=0)]
    read = [INVOICES.read(content) for content in good]
    kinds = Counter(INVOICES.recognise(content).format for content in good)
    assert {invoice.kind for invoice in read} == set(InvoiceKind)
    assert min(kinds.values()) > 80
    assert any(len(invoice.lines) > 20 for invoice in read)
    assert any(len(invoice.lines) == 1 for invoice in read)
    assert any(len(invoice.vat) > 1 for invoice in read)
    assert any(invoice.attachments for invoice in read)
    assert sum(content.startswith(b"\xef\xbb\xbf") for content in good) > 10
    assert sum(b"ISO-8859-1" in content[:60] for content in good) > 10
    assert sum(b"StandardBusinessDocument" in content for content in good) > 50


def test_a_duplicate_has_the_bytes_of_an_earlier_good_letter() -> None:
    sent = letters(1500)
    good = {hashlib.sha256(letter.content).digest() for letter in sent if not letter.fault}
    again = [letter for letter in sent if letter.fault == "duplicate"]
    assert again
    assert all(hashlib.sha256(letter.content).digest() in good for letter in again)


# --- by the rules ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(workers=1) as judge:
        yield judge


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    """The packs that come with the plugin."""
    home = tmp_path_factory.mktemp("packs")
    return {"peppol-billing": build_billing(home), "svefaktura": build_svefaktura(home)}


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The official edition in force."""
    official = ARTEFACTS / "peppol-billing-3.0.21.zip"
    if not official.exists():
        pytest.skip("Peppol's rules 3.0.21 are not here: set HUB_ARTEFACTS to the folder that has artefacts/")
    return import_pack(official, tmp_path_factory.mktemp("current"))


def complaints(letter: Letter, judge: Judge, pack_of: Callable[[str], Pack]) -> list[str]:
    """What the rules say of the letter, warnings too; empty when it is valid without a remark."""
    found = INVOICES.recognise(letter.content)
    pack = pack_of(found.family)
    judgement = judge.judge(letter.content, pack.folder, _layers(pack, found), found.at)
    if judgement.verdict is Verdict.valid and not judgement.findings:
        return []
    return [judgement.verdict.value, *(f"{finding.rule}: {finding.text}" for finding in judgement.findings)]


def test_two_hundred_good_invoices_are_valid_by_the_packs_that_come_along(judge: Judge, packs: dict[str, Pack]) -> None:
    for letter in letters(200, bad_share=0):
        assert complaints(letter, judge, packs.__getitem__) == [], letter.name


def test_two_hundred_good_invoices_are_valid_by_the_edition_in_force(judge: Judge, current: Pack) -> None:
    good = [each for each in letters(320, bad_share=0) if INVOICES.recognise(each.content).family == "peppol-billing"]
    assert len(good) >= 200
    for letter in good[:200]:
        assert complaints(letter, judge, lambda family: current) == [], letter.name


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_a_bad_invoice_is_bad_in_the_way_it_is_named(fault: str, judge: Judge, packs: dict[str, Pack]) -> None:
    sent = [letter for letter in letters(2500) if letter.fault == fault][:5]
    assert sent
    for letter in sent:
        assert _stopped_by(letter, judge, packs) == _STOPPED.get(fault, "xml"), letter.name


_STOPPED = {
    "wrong-sum": "rules",
    "wrong-tax": "rules",
    "unknown-recipient": "city",
    "duplicate": "city",
    "no-reference": "rules",
    "wrong-gln": "rules",
    "unknown-customization": "rules",
}


def _stopped_by(letter: Letter, judge: Judge, packs: dict[str, Pack]) -> str:
    try:
        found = INVOICES.recognise(letter.content)
    except Rejected:
        return "xml"
    pack = packs[found.family]
    verdict = judge.judge(letter.content, pack.folder, _layers(pack, found), found.at).verdict
    return "city" if verdict is Verdict.valid else "rules"


def _layers(pack: Pack, found: Recognised) -> list[str]:
    return [layer.name for layer in pack.layers if layer.kind == "xsd" or layer.name in found.layers]


# --- those who bring it ----------------------------------------------------------------------------------------

TOKEN = "a token of the demonstration"


class Hub:
    """The hub's intake as an access point sees it, at the transport; answers one status after the other."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.took: list[tuple[str, bytes]] = []
        self.turned = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/intake/accesspunkt"
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            self.turned += 1
            return httpx.Response(403)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status < 300:
            self.took.append((request.headers["message-id"], request.content))
        return httpx.Response(status)

    def access_point(self, stopped: Callable[[float], bool] = lambda seconds: False) -> AccessPoint:
        intake = Intake("http://hub.example", "accesspunkt", TOKEN)
        return AccessPoint(intake, Http(transport=httpx.MockTransport(self)), stopped)


def test_an_access_point_sends_again_until_the_hub_has_taken_the_letter() -> None:
    waits: list[float] = []

    def stopped(seconds: float) -> bool:
        waits.append(seconds)
        return False

    [letter] = letters(1)
    hub = Hub(503, 500, 503, 201)
    assert hub.access_point(stopped).send(letter) == 201
    assert hub.took == [(letter.message_id, letter.content)]
    assert waits == [1.0, 2.0, 4.0]


def test_an_access_point_gives_up_when_it_is_stopped() -> None:
    with pytest.raises(NotTaken):
        Hub(503).access_point(lambda seconds: True).send(letters(1)[0])


def test_an_access_point_that_sends_twice_uses_the_same_message_id() -> None:
    hub = Hub(200)
    hub.access_point().send(letters(1)[0], Mischief.SENDS_TWICE)
    assert len(hub.took) == 2
    assert hub.took[0] == hub.took[1]


def test_an_access_point_with_a_wrong_token_is_turned_away_and_comes_back_with_the_right_one() -> None:
    hub = Hub(200)
    hub.access_point().send(letters(1)[0], Mischief.WRONG_TOKEN)
    assert (hub.turned, len(hub.took)) == (1, 1)


def test_a_letter_that_the_hub_will_not_have_is_not_sent_for_ever() -> None:
    with pytest.raises(Rejected):
        Hub(413).access_point().send(letters(1)[0])


def test_an_access_point_that_breaks_off_promises_more_than_it_sends() -> None:
    [letter] = letters(1)
    heard: list[bytes] = []

    def listen(listener: socket.socket) -> None:
        for _ in range(2):
            line, _ = listener.accept()
            with line:
                heard.append(_all_of(line))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Http() as client:
            sender = AccessPoint(Intake(url, "accesspunkt", TOKEN), client, lambda seconds: True)
            assert send_if_wanted(sender, letter, Mischief.BREAKS_OFF) is None
        thread.join(10)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {len(letter.content) + 1}".encode() in head
    assert body == letter.content[: len(letter.content) // 2]


def _all_of(line: socket.socket) -> bytes:
    """What is sent until the caller hangs up, or for half a second when it waits for an answer."""
    line.settimeout(0.5)
    pieces: list[bytes] = []
    with suppress(TimeoutError):
        while piece := line.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def a_stage(folder: Path, hub_url: str = "http://127.0.0.1:9", pace: float = 1000.0) -> Stage:
    return Stage(folder, hub_url, TOKEN, seed=1, pace=pace)


def test_the_city_gives_three_connections_that_their_connectors_accept_and_find_well(tmp_path: Path) -> None:
    connectors = {connector.name: connector for connector in CONNECTORS}
    with DEMONSTRATION.open(a_stage(tmp_path)) as tables:
        assert set(tables) == {"inkorg-mapp", "leverantorer-sftp", "accesspunkt"}
        for table in tables.values():
            own = {name: value for name, value in table.items() if name not in {"connector", "owner", "every"}}
            connector = connectors[table["connector"]]
            checks = list(connector.check(connector.settings.model_validate(own)))
            assert all(check.passed for check in checks), checks
    assert (tmp_path / REGISTER).read_bytes() == register("agresso-fil")


def test_the_city_goes_on_without_an_sftp_server_where_its_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "is_available", lambda: False)
    with DEMONSTRATION.open(a_stage(tmp_path)) as tables:
        assert set(tables) == {"inkorg-mapp", "accesspunkt"}


def test_the_mail_comes_on_all_three_ways() -> None:
    hub = Hub(200)
    left: list[Letter] = []
    behind: list[Letter] = []
    mail = Mail(hub.access_point(), folder=left.append, sftp=behind.append, chance=Random(1))
    for letter in letters(100):
        mail.send(letter)
    posted = {message_id for message_id, _ in hub.took}
    assert 10 < len(left) < 35
    assert 15 < len(behind) < 50
    assert len(posted) + len(left) + len(behind) == 100


class _Taking(BaseHTTPRequestHandler):
    """An intake that takes everything and keeps nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_playing_leaves_files_in_both_folders_and_ends_when_told(tmp_path: Path) -> None:
    waits = iter(range(40))

    def stopped(seconds: float) -> bool:
        return next(waits, None) is None

    assert DEMONSTRATION.play
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taking) as hub:
        threading.Thread(target=hub.serve_forever).start()
        stage = a_stage(tmp_path, f"http://127.0.0.1:{hub.server_port}")
        with DEMONSTRATION.open(stage):
            DEMONSTRATION.play(stage, stopped)
        hub.shutdown()
    for folder in ("inkorg", "sftp"):
        names = [path.name for path in (tmp_path / "svefaktura" / folder).iterdir()]
        assert names
        assert all(name.endswith(".xml") and not name.startswith(".") for name in names)
