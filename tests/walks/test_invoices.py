"""The main job, whole way: an invoice arrives, is judged, routed and delivered, or is set aside with its reasons."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from hub_svefaktura.standin.city import City
from hub_svefaktura.standin.units import register

from hub.domain.documents import DocumentState, Step
from hub.flow.land import Message, TooLarge
from hub.flow.register import parse
from hub.jobs import holding, replaying, routes
from hub.store import blobs, deliveries, documents, judgements, units
from hub.store.invoices import InvoiceFilter, page
from tests.walks.town import TARGET, Town

SAMPLES = Path(__file__).parents[2] / "plugins" / "svefaktura" / "samples"
TODAY = date(2026, 11, 22)


def good(number: int = 1, seed: int = 1) -> list[bytes]:
    """That many good invoices of made-up suppliers, all different."""
    return [letter.content for letter in islice(City(seed, TODAY, bad_share=0).letters(), number)]


def test_a_good_invoice_ends_in_its_units_drop_folder_with_its_original_bytes(here: Town) -> None:
    (sent,) = good()
    here.leave("faktura.xml", sent)
    here.work()
    (document,) = here.all()
    assert document.state is DocumentState.DELIVERED
    ((name, bytes_there),) = here.delivered().items()
    assert bytes_there == sent
    manifest = json.loads((here.drop / f"{name}.json").read_text())
    assert manifest["sha256"] == document.digest
    assert manifest["unit"] == document.unit


def test_the_journey_tells_every_step_in_order(here: Town) -> None:
    here.leave("faktura.xml", *good())
    here.work()
    (document,) = here.all()
    with here.hub.database.read() as connection:
        steps = [each.step for each in documents.journey_of(connection, document.id)]
    assert steps == [Step.ARRIVED, Step.JUDGED, Step.ROUTED, Step.DELIVERED]


def test_a_delivery_keeps_its_receipt_and_the_verdict_its_pack(here: Town) -> None:
    here.leave("faktura.xml", *good())
    here.work()
    (document,) = here.all()
    with here.hub.database.read() as connection:
        (delivery,) = deliveries.of(connection, document.id)
        judgement = judgements.latest(connection, document.id)
    assert delivery.receipt is not None
    assert delivery.receipt.reference in here.delivered()
    assert judgement is not None
    assert len(judgement.pack_digest) == 64
    assert judgement.layers["city"] == ("passed", "")


def test_every_letter_of_the_made_up_city_ends_as_it_deserves(here: Town) -> None:
    letters = list(islice(City(7, TODAY).letters(), 40))
    for letter in letters:
        here.leave(f"{letter.message_id}-{letter.name}", letter.content)
    here.work()
    states = here.states()
    for letter in letters:
        state = states[f"{letter.message_id}-{letter.name}"]
        wanted = DocumentState.SET_ASIDE if letter.fault else DocumentState.DELIVERED
        assert state is wanted, letter
    assert len(here.delivered()) == sum(not letter.fault for letter in letters)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("empty.xml", "XML-EMPTY"),
        ("not-xml.xml", "XML-NOT-XML"),
        ("pdf-renamed.xml", "XML-NOT-XML"),
        ("zip-renamed.xml", "XML-NOT-XML"),
        ("cut-in-the-middle.xml", "XML-BROKEN"),
        ("wrong-encoding.xml", "XML-ENCODING"),
        ("dtd.xml", "XML-DTD"),
        ("external-entity.xml", "XML-DTD"),
        ("mixed-content.xml", "XML-MIXED"),
        ("sbdh-around-unknown.xml", "ENVELOPE-UNKNOWN"),
        ("sbdh-around-two-invoices.xml", "ENVELOPE-SEVERAL"),
        ("unknown-root.xml", "FORMAT-UNKNOWN"),
        ("unknown-customization.xml", "PEPPOL-EN16931-R004"),
    ],
)
def test_bad_input_is_set_aside_with_its_reason_and_its_bytes_kept(here: Town, name: str, code: str) -> None:
    sent = (SAMPLES / "bad" / name).read_bytes()
    here.leave(name, sent)
    here.leave("bra.xml", *good())
    here.work()
    bad = here.document(name)
    assert bad.state is DocumentState.SET_ASIDE
    assert code in here.codes(bad)
    assert blobs.content(here.hub.database, bad.digest) == sent
    assert here.document("bra.xml").state is DocumentState.DELIVERED


def test_amounts_out_of_reason_are_set_aside_for_a_person(here: Town) -> None:
    for name in ("amount-absurd.xml", "amount-negative.xml"):
        here.leave(name, (SAMPLES / "bad" / name).read_bytes())
    here.work()
    assert {each.state for each in here.all()} == {DocumentState.SET_ASIDE}


def test_the_same_bytes_under_two_names_are_delivered_once(here: Town) -> None:
    (sent,) = good()
    here.leave("a.xml", sent)
    here.leave("b.xml", sent)
    here.work()
    assert sorted(here.states().values()) == [DocumentState.DELIVERED, DocumentState.SET_ASIDE]
    (twin,) = (each for each in here.all() if each.state is DocumentState.SET_ASIDE)
    assert here.codes(twin) == {"CITY-SAME-BYTES"}
    assert len(here.delivered()) == 1


def test_the_same_invoice_written_differently_is_a_duplicate(here: Town) -> None:
    (sent,) = good()
    here.leave("a.xml", sent)
    here.leave("b.xml", sent.rstrip() + b"<!-- sent once more -->\n")
    here.work()
    (twin,) = (each for each in here.all() if each.state is DocumentState.SET_ASIDE)
    assert here.codes(twin) == {"CITY-DUPLICATE"}
    assert len(here.delivered()) == 1


def test_the_same_file_at_two_sources_at_once_is_delivered_once(here: Town) -> None:
    for number, sent in enumerate(good(8)):
        here.leave(f"{number}.xml", sent, "inkorg")
        here.leave(f"{number}.xml", sent, "andra")
    here.work()
    assert sorted(here.states().values()).count(DocumentState.DELIVERED) <= 8
    states = [each.state for each in here.all()]
    assert states.count(DocumentState.DELIVERED) == states.count(DocumentState.SET_ASIDE) == 8
    assert len(here.delivered()) == 8


def test_a_message_pushed_many_times_at_once_is_one_document(here: Town) -> None:
    (sent,) = good()
    message = Message("accesspunkt", "<1@operator>", "1.xml")
    landed: list[bool] = []

    def push() -> None:
        landed.append(routes.receive(here.ways, message, [sent]).is_new)

    pushing = [threading.Thread(target=push) for _ in range(8)]
    for each in pushing:
        each.start()
    for each in pushing:
        each.join()
    here.work()
    assert sorted(landed) == [False] * 7 + [True]
    (document,) = here.all()
    assert document.state is DocumentState.DELIVERED
    assert document.times_seen == 8


def test_other_bytes_under_a_known_message_id_are_kept_as_a_document_of_their_own(here: Town) -> None:
    first, second = good(2)
    message = Message("accesspunkt", "<1@operator>", "1.xml")
    routes.receive(here.ways, message, [first])
    landed = routes.receive(here.ways, message, [second])
    assert landed.conflicts
    assert landed.is_new
    assert len(here.all()) == 2


def test_a_message_above_the_limit_leaves_nothing_behind(here: Town) -> None:
    message = Message("accesspunkt", "<stor@operator>", "stor.xml")
    narrow = replace(here.ways, landed=5 * 1024 * 1024)
    with pytest.raises(TooLarge):
        routes.receive(narrow, message, (b"x" * 1024 * 1024 for _ in range(6)))
    assert here.all() == []


def test_a_document_for_an_unknown_unit_is_delivered_after_the_register_was_mended(here: Town) -> None:
    here.leave("faktura.xml", *good())
    with here.hub.database.write() as connection:
        register_before = units.every(connection)
        units.replace_all(connection, [])
    here.work()
    (document,) = here.all()
    assert here.codes(document) == {"CITY-RECIPIENT"}
    with here.hub.database.write() as connection:
        units.replace_all(connection, register_before)
    assert replaying.replay_these(here.hub.database, [document.id], "test") == 1
    here.work()
    (document,) = here.all()
    assert document.state is DocumentState.DELIVERED
    assert len(here.delivered()) == 1


def test_replaying_what_is_not_set_aside_does_nothing(here: Town) -> None:
    here.leave("faktura.xml", *good())
    here.work()
    (document,) = here.all()
    assert replaying.replay_these(here.hub.database, [document.id], "test") == 0
    here.work()
    assert len(here.delivered()) == 1


def test_a_dismissed_document_is_never_delivered_and_lets_its_twin_through(here: Town) -> None:
    (sent,) = good()
    with here.hub.database.write() as connection:
        units.replace_all(connection, [])
    here.leave("a.xml", sent)
    here.work()
    (document,) = here.all()
    assert replaying.dismiss(here.hub.database, document.id, "test", "sent to the wrong city")
    with here.hub.database.write() as connection:
        units.replace_all(connection, parse(register(TARGET)))
    here.leave("b.xml", sent)
    here.work()
    assert here.states() == {"a.xml": DocumentState.DISMISSED, "b.xml": DocumentState.DELIVERED}


def test_a_unit_whose_target_is_not_configured_sets_its_invoices_aside(here: Town) -> None:
    with here.hub.database.write() as connection:
        units.replace_all(connection, parse(register("ingenstans")))
    here.leave("faktura.xml", *good())
    here.work()
    (document,) = here.all()
    assert here.codes(document) == {"CITY-TARGET"}


def test_a_paused_target_keeps_invoices_waiting_and_delivers_them_when_resumed(here: Town) -> None:
    holding.pause(here.hub.database, TARGET, "test")
    here.leave("faktura.xml", *good())
    here.work()
    (document,) = here.all()
    assert document.state is DocumentState.ROUTED
    assert here.delivered() == {}
    holding.resume(here.hub.database, TARGET, "test")
    here.work()
    assert len(here.delivered()) == 1


def test_an_invoice_is_found_by_the_beginning_of_its_number(here: Town) -> None:
    here.leave("faktura.xml", (SAMPLES / "peppol" / "invoice-office.xml").read_bytes())
    here.work()
    with here.hub.database.read() as connection:
        (row,) = page(connection, InvoiceFilter())
        assert row.number
        (found,) = page(connection, InvoiceFilter(words=row.number[:4]))
        assert page(connection, InvoiceFilter(words="finns-inte")) == []
    assert found.document_id == row.document_id


def bomb() -> bytes:
    """Entities that would grow to gigabytes, in text and in an attribute's value."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE Invoice [<!ENTITY e0 "x">{levels}]><Invoice a="&e11;">&e11;</Invoice>'.encode()


def deep() -> bytes:
    """A hundred thousand elements, each inside the one before."""
    return b"<a>" * 100_000 + b"</a>" * 100_000


@pytest.mark.parametrize(
    ("make", "codes"), [(bomb, {"XML-DTD"}), (deep, {"XML-TOO-DEEP"})], ids=["entity bomb", "100,000 levels"]
)
def test_a_document_made_to_harm_is_set_aside_and_the_next_one_delivered(
    here: Town, make: Callable[[], bytes], codes: set[str]
) -> None:
    here.leave("ond.xml", make())
    here.leave("bra.xml", *good())
    here.work()
    assert here.codes(here.document("ond.xml")) == codes
    assert here.document("bra.xml").state is DocumentState.DELIVERED


def test_200_megabytes_are_kept_unparsed_and_set_aside(here: Town) -> None:
    piece = b"<x>" + b"0" * (1024 * 1024 - 7) + b"</x>"
    with (here.inbox / "stor.xml").open("wb") as file:
        for _ in range(200):
            file.write(piece)
    here.work()
    (document,) = here.all()
    assert document.size == 200 * len(piece)
    assert here.codes(document) == {"XML-TOO-LARGE"}
    assert sum(map(len, blobs.pieces(here.hub.database, document.digest))) == document.size
