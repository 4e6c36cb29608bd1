"""Planning: whose an invoice is, what stops it, and the key it is delivered under."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.invoices import Invoice
from hub.domain.parties import Party
from hub.flow import plan
from hub.flow.checks import FATAL, WARNING, CityFinding, CityLimits
from hub.flow.plan import Recipient, find_recipient
from hub.plugin.ports import Bytes, Dispatch
from hub.store import units
from hub.store.database import Database
from hub.testing.ports import Content, a_dispatch
from tests.store.rows import a_buyer, a_unit, address, an_invoice, gln, named
from tests.store.test_records import JUDGEMENT

BY_ADDRESS = a_unit("107", peppol_id=address("0007:2120000142-107"))
BY_GLN = a_unit("215", gln=gln(2))
BY_NUMBER = a_unit("300", organisation_number=type(BY_GLN.organisation_number).parse("556016-0680"))
NOBODY = Party("Någon annan AB", legal_id="556036-0793")


@pytest.fixture
def register(sqlite_database: Database) -> Database:
    """A city of three units, two of which share an organisation number."""
    with sqlite_database.write() as connection:
        units.replace_all(connection, [BY_ADDRESS, BY_GLN, BY_NUMBER])
    return sqlite_database


def found(database: Database, buyer: Party, **changed: str) -> Recipient:
    with database.read() as connection:
        return find_recipient(connection, an_invoice(**{"order_reference": "", **changed}, buyer=buyer))


def test_a_buyer_is_known_by_its_electronic_address(register: Database) -> None:
    assert found(register, a_buyer(endpoint=BY_ADDRESS.peppol_id)).unit == BY_ADDRESS
    assert found(register, a_buyer(endpoint=address(f"0088:{gln(2)}"))).unit == BY_GLN


def test_a_buyer_is_known_by_any_gln_it_states(register: Database) -> None:
    stated = tuple(named("0088", gln(number).digits) for number in (9, 2))
    assert found(register, a_buyer(identifiers=stated)).unit == BY_GLN


def test_a_buyer_is_known_by_its_organisation_number_alone(register: Database) -> None:
    assert found(register, Party("Bolaget", legal_id="5560160680")).unit == BY_NUMBER
    assert found(register, Party("Bolaget", vat_id="SE556016068001")).unit == BY_NUMBER


def test_the_address_goes_before_the_gln_and_the_gln_before_the_organisation_number(register: Database) -> None:
    everything = Party("Alla", BY_ADDRESS.peppol_id, "556016-0680", identifiers=(named("0088", gln(2).digits),))
    assert found(register, everything).unit == BY_ADDRESS
    without = Party("Alla", None, "556016-0680", identifiers=everything.identifiers)
    assert found(register, without).unit == BY_GLN


def test_an_address_nobody_has_does_not_hide_the_organisation_number(register: Database) -> None:
    assert found(register, Party("Bolaget", address("0007:5560360793"), "556016-0680")).unit == BY_NUMBER


@pytest.mark.parametrize("reference", ["107", "107 Anna", "107-4711", " 107/x", "107."])
@pytest.mark.parametrize("where", ["buyer_reference", "order_reference"])
def test_of_units_that_share_a_number_the_one_whose_code_begins_a_reference_is_meant(
    register: Database, where: str, reference: str
) -> None:
    assert found(register, a_buyer(), **{where: reference}) == Recipient(BY_ADDRESS, None)


@pytest.mark.parametrize("reference", ["", "1070", "10", "x107", "107a", "300"])
def test_where_no_reference_names_one_of_them_the_invoice_stops_and_names_them_all(
    register: Database, reference: str
) -> None:
    told = found(register, a_buyer(), buyer_reference=reference)
    assert told.unit is None
    assert told.finding is not None
    assert (told.finding.code, told.finding.severity) == ("CITY-RECIPIENT-AMBIGUOUS", FATAL)
    assert "107" in told.finding.said
    assert "215" in told.finding.said
    assert "300" not in told.finding.said


def test_two_references_that_name_two_units_name_none(register: Database) -> None:
    told = found(register, a_buyer(), buyer_reference="107", order_reference="215")
    assert told.unit is None


@given(ending=st.text(max_size=3), code=st.sampled_from(["107", "STH-ÅÄ", "straße"]))
def test_a_code_is_named_in_any_case_and_ends_where_no_letter_or_digit_follows(ending: str, code: str) -> None:
    unit = a_unit(code)
    reference = (code.upper() + ending).strip()
    ends = not reference.casefold()[len(code.casefold()) :][:1].isalnum()
    chosen = plan._among([unit, a_unit("999999")], an_invoice(buyer_reference=reference, order_reference=""))
    assert (chosen.unit == unit) is ends


def test_a_buyer_nobody_knows_stops_the_invoice_and_is_named(register: Database) -> None:
    told = found(register, NOBODY)
    assert told.unit is None
    assert told.finding is not None
    assert (told.finding.code, told.finding.severity) == ("CITY-RECIPIENT", FATAL)
    assert told.finding.value


def test_an_empty_register_stops_every_invoice(sqlite_database: Database) -> None:
    assert found(sqlite_database, a_buyer()).unit is None


STOPS = CityFinding("CITY-X", FATAL, "v", "said")
REMARK = CityFinding("CITY-Y", WARNING, "", "remarked")


def test_the_citys_layer_fails_a_valid_document_only_for_what_is_fatal() -> None:
    valid = plan.with_city(plan.without_city(JUDGEMENT), ())
    assert valid.layers["city"] == ("passed", "")
    sound = type(JUDGEMENT)(**{name: getattr(JUDGEMENT, name) for name in JUDGEMENT.__slots__} | {"verdict": "valid"})
    assert plan.with_city(sound, (REMARK,)).verdict == "valid"
    assert plan.with_city(sound, (REMARK, STOPS)).verdict == "invalid"
    assert plan.with_city(sound, (STOPS,)).layers["city"] == ("failed", "")


def test_the_citys_findings_are_added_to_the_rules_own() -> None:
    told = plan.with_city(JUDGEMENT, (STOPS, REMARK))
    assert told.findings[: len(JUDGEMENT.findings)] == JUDGEMENT.findings
    assert [(each.rule, each.layer, each.text) for each in told.findings[-2:]] == [
        ("CITY-X", "city", "said"),
        ("CITY-Y", "city", "remarked"),
    ]
    assert told.findings_total == JUDGEMENT.findings_total + 2


def test_a_document_the_city_never_saw_says_so() -> None:
    outcome, because = plan.without_city(JUDGEMENT).layers["city"]
    assert outcome == "skipped"
    assert because


def test_an_unknown_recipient_is_among_what_stops_the_invoice() -> None:
    recipient = Recipient(None, CityFinding("CITY-RECIPIENT", FATAL, "", "no unit"))
    judgement, stopping = plan.judge_for_city(
        an_invoice(currency="USD"), recipient, JUDGEMENT, CityLimits(), date(2026, 11, 22)
    )
    assert [each.code for each in stopping] == ["CITY-RECIPIENT", "CITY-CURRENCY"]
    assert judgement.layers["city"] == ("failed", "")


def test_a_remark_does_not_stop_the_invoice() -> None:
    recipient = Recipient(a_unit("107"), None)
    judgement, stopping = plan.judge_for_city(
        an_invoice(due_date=None), recipient, JUDGEMENT, CityLimits(), date(2026, 11, 22)
    )
    assert stopping == ()
    assert judgement.findings[-1].rule == "CITY-DUE-DATE"


class Paper:
    """A target that would write what it is told."""

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, dispatch.key, f"inkorg/{record.number}")

    def existing(self, change: Change) -> Receipt | None:
        raise NotImplementedError

    def apply(self, change: Change, content: Bytes) -> Receipt:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def test_a_plan_is_the_change_as_the_target_would_hold_it_and_is_the_same_each_time() -> None:
    dispatch = a_dispatch(Content(b"<a/>"))
    first, second = (plan.make_plan("invoices", "agresso", Paper(), an_invoice(), dispatch) for _ in range(2))
    assert [each.address for each in first.changes] == ["inkorg/F-2026/0042"]
    assert (first.route, first.target) == ("invoices", "agresso")
    assert first.digest == second.digest


@given(digests=st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=2, unique_by=lambda d: d[:20]))
def test_a_documents_key_is_that_of_its_bytes(digests: list[bytes]) -> None:
    first, second = (digest.hex() for digest in digests)
    assert plan.key_of(first) == plan.key_of(first)
    assert plan.key_of(first) != plan.key_of(second)
