"""The made-up city: its numbers, its mail, and that the good invoices are good by the rules themselves."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.packs import build_billing, build_svefaktura
from hub_svefaktura.standin.city import City, Letter
from hub_svefaktura.standin.faults import FAULTS
from hub_svefaktura.standin.suppliers import SUPPLIERS
from hub_svefaktura.standin.units import UNITS, UNKNOWN, register
from xmlrules import Judge, Pack, Verdict, import_pack

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.invoices import InvoiceKind
from hub.plugin.errors import Rejected
from hub.plugin.ports import Recognised

TODAY = date(2026, 11, 22)
REPOSITORY = Path(__file__).parents[3]
ARTEFACTS = Path(os.environ.get("HUB_ARTEFACTS", REPOSITORY.parent / "shared")) / "artefacts"


@cache
def letters(count: int, seed: int = 1, **more: float) -> list[Letter]:
    return list(islice(City(seed, TODAY, **more).letters(), count))  # type: ignore[arg-type]


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


def test_the_same_seed_day_and_run_give_the_same_mail() -> None:
    assert letters(60) == list(islice(City(1, TODAY).letters(), 60))
    assert letters(60) != letters(60, seed=2)


def test_another_run_sends_no_invoice_of_an_earlier_one() -> None:
    first, second = ({letter.name for letter in letters(300, run=run)} for run in (0, 1))
    assert not first & second


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
