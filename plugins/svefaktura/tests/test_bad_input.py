"""Whatever the bytes are, they are read or refused with a reason that says what, where and what to do."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.texts import is_known
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.domain.texts import Reason
from hub.plugin.errors import Rejected

OURS = Path(__file__).parents[1] / "samples"
BAD = OURS / "bad"

# What the first look refuses.
REFUSED = {
    "empty.xml": "XML-EMPTY",
    "only-blanks.xml": "XML-EMPTY",
    "not-xml.xml": "XML-NOT-XML",
    "pdf-renamed.xml": "XML-NOT-XML",
    "zip-renamed.xml": "XML-NOT-XML",
    "html-page.xml": "XML-NOT-XML",
    "cut-in-the-middle.xml": "XML-BROKEN",
    "wrong-encoding.xml": "XML-ENCODING",
    "unknown-encoding.xml": "XML-ENCODING",
    "dtd.xml": "XML-DTD",
    "external-entity.xml": "XML-DTD",
    "mixed-content.xml": "XML-MIXED",
    "sbdh-around-unknown.xml": "ENVELOPE-UNKNOWN",
    "sbdh-around-nothing.xml": "ENVELOPE-EMPTY",
    "object-envelope-alone.xml": "ENVELOPE-EMPTY",
    "sbdh-around-two-invoices.xml": "ENVELOPE-SEVERAL",
    "unknown-root.xml": "FORMAT-UNKNOWN",
}
# What is an invoice, but holds a value that cannot be read: the file, the value's element, its text.
UNREADABLE = {
    "date-not-in-calendar.xml": ("/Invoice/cbc:IssueDate", "2026-02-30"),
    "amount-not-a-number.xml": ("/Invoice/cac:InvoiceLine[2]/cbc:LineExtensionAmount", "1 068,00"),
    "amount-absurd.xml": ("/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", "9" * 40 + ".00"),
    "without-payable.xml": ("/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", ""),
}
# What reads well: rules, the city's checks or the download refuse it.
READS = {"unknown-customization.xml", "amount-negative.xml", "damaged-base64.xml"}


def refusal(act: Callable[[], object]) -> Reason:
    with pytest.raises(Rejected) as refused:
        act()
    return refused.value.reasons[0]


def office() -> bytes:
    return (OURS / "peppol/invoice-office.xml").read_bytes()


def test_every_bad_sample_has_its_law() -> None:
    assert {file.name for file in BAD.iterdir()} == REFUSED.keys() | UNREADABLE.keys() | READS


@pytest.mark.parametrize(("name", "code"), REFUSED.items(), ids=REFUSED)
def test_a_bad_file_is_refused_by_its_code_when_recognised_and_when_read(name: str, code: str) -> None:
    document = (BAD / name).read_bytes()
    assert refusal(lambda: INVOICES.recognise(document)).code == code
    assert refusal(lambda: INVOICES.read(document)).code == code


@pytest.mark.parametrize("code", sorted({*REFUSED.values(), "RECORD-UNREADABLE", "XML-TOO-LARGE", "XML-TOO-DEEP"}))
def test_every_refusal_has_words_of_its_own(code: str) -> None:
    assert is_known(code)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_is_wrong_and_what_to_do_in_both_languages(name: str) -> None:
    reason = refusal(lambda: INVOICES.recognise((BAD / name).read_bytes()))
    texts = (reason.problem.sv, reason.problem.en, reason.remedy.sv, reason.remedy.en)
    assert all(texts)
    assert reason.problem.sv != reason.problem.en


def test_a_refusal_names_the_line_where_it_is_known() -> None:
    reason = refusal(lambda: INVOICES.recognise((BAD / "mixed-content.xml").read_bytes()))
    assert reason.problem.sv.endswith("(rad 14)")
    assert reason.problem.en.endswith("(line 14)")


@pytest.mark.parametrize(("name", "place"), UNREADABLE.items(), ids=UNREADABLE)
def test_an_unreadable_value_is_refused_with_its_element_line_and_text(name: str, place: tuple[str, str]) -> None:
    document = (BAD / name).read_bytes()
    assert INVOICES.recognise(document).format == "peppol-bis-3"
    reason = refusal(lambda: INVOICES.read(document))
    assert reason.code == "RECORD-UNREADABLE"
    assert (reason.location, reason.value) == place
    assert "(rad " in reason.problem.sv


def test_the_place_in_an_envelope_is_told_from_the_root_of_the_file() -> None:
    document = (OURS / "envelopes/invoice-in-sbdh.xml").read_bytes().replace(b">2026-11-02<", b">i dag<", 1)
    reason = refusal(lambda: INVOICES.read(document))
    assert reason.location == "/StandardBusinessDocument/Invoice/cbc:IssueDate"


def test_a_negative_amount_is_read_as_it_stands() -> None:
    invoice = INVOICES.read((BAD / "amount-negative.xml").read_bytes())
    assert str(invoice.payable) == "-4873.00 SEK"


def test_an_attachment_whose_base64_is_damaged_is_refused_when_it_is_taken_out() -> None:
    document = (BAD / "damaged-base64.xml").read_bytes()
    damaged = INVOICES.read(document).attachments[0]
    assert refusal(lambda: INVOICES.attachment(document, damaged.path)).code == "RECORD-UNREADABLE"


@pytest.mark.parametrize(
    "text",
    ["", "1e3", "NaN", "Infinity", "1_000", "١٢", "0x10", "--1", "1.2.3", ".", "+", "1,5", "9" * 101],
)
def test_only_a_plain_decimal_number_is_a_quantity(text: str) -> None:
    document = office().replace(b">40</cbc:Inv", f">{text}</cbc:Inv".encode())
    assert refusal(lambda: INVOICES.read(document)).code == "RECORD-UNREADABLE"


@pytest.mark.parametrize("text", ["0000-01-01", "2026-2-1", "20261102", "2026-11-02T25", "٢٠٢٦-11-02", "2026-11-31"])
def test_only_a_date_of_the_calendar_is_a_date(text: str) -> None:
    document = office().replace(b">2026-11-02<", f">{text}<".encode(), 1)
    assert refusal(lambda: INVOICES.read(document)).code == "RECORD-UNREADABLE"


@pytest.mark.parametrize("text", ["2026-11-02Z", "2026-11-02+01:00", " 2026-11-02\n", "2026-11-02T00:00:00"])
def test_a_date_keeps_its_day_whatever_zone_or_time_is_written_with_it(text: str) -> None:
    document = office().replace(b">2026-11-02<", f">{text}<".encode(), 1)
    assert INVOICES.read(document).issue_date.isoformat() == "2026-11-02"


def test_a_document_number_too_long_to_keep_is_refused() -> None:
    document = office().replace(b">F-10001<", b">" + b"F" * 201 + b"<", 1)
    assert refusal(lambda: INVOICES.read(document)).location == "/Invoice/cbc:ID"


def test_rounding_in_another_currency_leaves_the_sum_before_it_unsaid() -> None:
    document = (OURS / "svefaktura/good-two-currencies.xml").read_bytes()
    mixed = document.replace(b'RoundOffAmount amountCurrencyID="EUR"', b'RoundOffAmount amountCurrencyID="SEK"')
    assert mixed != document
    assert INVOICES.read(mixed).totals.with_vat is None


# ---------------------------------------------------------------- too much of it


def test_two_hundred_megabytes_are_refused_for_their_size() -> None:
    start = office()
    document = start + b" " * (200_000_000 - len(start))
    assert refusal(lambda: INVOICES.recognise(document)).code == "XML-TOO-LARGE"


def test_a_hundred_thousand_levels_are_refused_for_their_depth() -> None:
    document = b"<a>" * 100_000 + b"</a>" * 100_000
    assert refusal(lambda: INVOICES.recognise(document)).code == "XML-TOO-DEEP"


def test_an_entity_bomb_is_refused_before_it_grows() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    document = f'<!DOCTYPE Invoice [<!ENTITY e0 "ha">{entities}]><Invoice>&e11;</Invoice>'.encode()
    assert refusal(lambda: INVOICES.read(document)).code == "XML-DTD"


# ---------------------------------------------------------------- anything at all

GOOD = sorted(file for file in OURS.glob("[eps]*/*.xml"))
CONTENTS = [file.read_bytes() for file in GOOD]
TREES = [etree.fromstring(content) for content in CONTENTS]
NASTY = [
    "",
    "-",
    "1e999",
    "9" * 400,
    "NaN",
    "2026-13-45",
    "9999-12-31T24:00:00Z",
    "true",
    "381",
    "SWT",
    "VAT",
    "=",
    "å",
]
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=20),
)
calm = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def reasons(document: bytes) -> tuple[Reason, ...]:
    """Why the document or one of its attachments is refused, nothing when all of it reads; no other way to end."""
    try:
        INVOICES.recognise(document)
        invoice = INVOICES.read(document)
        for each in invoice.attachments:
            INVOICES.attachment(document, each.path)
    except Rejected as refused:
        return refused.reasons
    assert invoice.business_key
    return ()


def only_rejected(document: bytes) -> None:
    for reason in reasons(document):
        assert reason.code
        assert reason.problem.sv
        assert len(reason.value) <= 200


@calm
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    only_rejected(document)


@calm
@given(st.sampled_from(CONTENTS), st.integers(0, 2**32), st.binary(max_size=8), st.integers(0, 40))
def test_a_document_with_damaged_bytes_is_read_or_refused(good: bytes, at: int, put: bytes, drop: int) -> None:
    start = at % (len(good) + 1)
    only_rejected(good[:start] + put + good[start + drop :])


@calm
@given(st.sampled_from(TREES), st.integers(0, 2**32), st.integers(1, 6), st.lists(TEXTS, min_size=6, max_size=6))
def test_a_document_with_parts_lost_doubled_moved_or_rewritten_is_read_or_refused(
    good: etree._Element, seed: int, times: int, texts: list[str]
) -> None:
    root = etree.fromstring(etree.tostring(good))
    chance = random.Random(seed)
    for text in texts[:times]:
        _change(root, chance, text)
    only_rejected(etree.tostring(root))


def _change(root: etree._Element, chance: random.Random, text: str) -> None:
    below = list(root.iterdescendants(etree.Element))
    if not below:
        return
    element = chance.choice(below)
    parent = element.getparent()
    assert parent is not None
    change = chance.randrange(6)
    if change == 0:
        parent.remove(element)
    elif change == 1:
        parent.append(etree.fromstring(etree.tostring(element)))
    elif change == 2:
        parent.insert(0, element)
    elif change == 3 and element.attrib:
        element.set(chance.choice(sorted(map(str, element.attrib))), text)
    elif change == 4:
        element.tag = chance.choice(below).tag
    else:
        _rewrite(element, text)


def _rewrite(element: etree._Element, text: str) -> None:
    leaf = next((each for each in element.iter(etree.Element) if len(each) == 0), element)
    leaf.text = text
