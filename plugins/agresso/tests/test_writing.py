"""The laws of writing to Agresso: only when switched on, once, where it was meant, and seen afterwards."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hub_agresso import imports, references
from hub_agresso.imports import InvoiceImport
from hub_agresso.references import (
    ORDER_REFERENCES,
    SUPPLIER_REFERENCES,
    ContractReference,
    OrderReferences,
    ReferenceList,
    SupplierReferences,
)
from hub_agresso.settings import SoapSettings
from hub_agresso.standin.soap import IMPORTS_TEMPLATE, SUPPLIER_TEMPLATE
from hub_agresso.standin.web_api import Agresso
from lxml import etree
from pydantic import ValidationError

from hub.domain.changes import Change, ChangeKind
from hub.domain.invoices import InvoiceKind
from hub.domain.money import Money
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.ports import Flaw, Whole
from hub.testing.ports import a_dispatch, check_target
from hub.testing.registers import check_extract, check_register
from plugins.agresso.tests.conftest import Serve, soap, web
from plugins.agresso.tests.test_invoices import CONTENT, an_invoice

LIST = b"number;line;contract\n40000001;;SSK-1\n40000002;1;SSK-2\n#ROWS;2\n"
CHANGE = Change(ChangeKind.CREATE, "k", "40000001", {"contract": "SSK-9"})


def importing(address: str, *writes: str) -> SoapSettings:
    return soap(
        address, imports_template=IMPORTS_TEMPLATE, suppliers_template=SUPPLIER_TEMPLATE, writes=writes, page=50
    )


def at_once(_seconds: float) -> None:
    """Nobody waits."""


def vouchers(agresso: Agresso) -> dict[str, bytes]:
    """Every import, as if it were the document it is of."""
    return {str(each["order"]): CONTENT.data for each in agresso.imports}


def test_references_of_orders_keep_the_laws_of_a_register(serve: Serve) -> None:
    _, address = serve(orders=8, referring=False)
    check_register(
        lambda: OrderReferences(web(address, writes=("orders",))),
        ContractReference("40000001", 0, "SSK-1"),
        ContractReference("40000001", 0, "SSK-2"),
        ContractReference("40000002", 1, "SSK-3"),
    )


def test_references_in_a_dimension_keep_the_laws_of_a_register(serve: Serve) -> None:
    _, address = serve(orders=8, referring=False)
    check_register(
        lambda: OrderReferences(web(address, writes=("orders",), contract_in=("A7", "line"))),
        ContractReference("40000001", 1, "SSK-1"),
        ContractReference("40000001", 1, "SSK-2"),
        ContractReference("40000002", 1, "SSK-3"),
    )


def test_a_reference_is_written_where_it_is_looked_for_first_and_nowhere_else(serve: Serve) -> None:
    agresso, address = serve(orders=8, referring=False)
    settings = web(address, writes=("orders",), contract_in=("A7", "line", "head"))
    register = OrderReferences(settings)
    index = 40_000_001 - agresso.city.number(0)
    register.apply(Change(ChangeKind.CREATE, "k", "40000001/1", {"contract": "SSK-9"}))
    line = (agresso.city.order(index) or {})["orderLineInformation"][0]
    assert (line["lineDimension1"]["dimValue"], line["contractId"]) == ("SSK-9", "")
    register.apply(Change(ChangeKind.CREATE, "k2", "40000001", {"contract": "SSK-8"}))
    assert (agresso.city.order(index) or {})["contractId"] == "SSK-8"
    register.close()


def test_what_has_no_place_by_the_settings_is_not_fit_and_a_line_without_the_dimension_is_rejected(
    serve: Serve,
) -> None:
    agresso, address = serve(orders=8, referring=False)
    register = OrderReferences(web(address, writes=("orders",), contract_in=("B0",)))
    with pytest.raises(Rejected, match="no place"):
        register.fit(ContractReference("40000001", 0, "SSK-1"))
    with pytest.raises(Rejected, match="lacks dimension B0"):
        register.apply(Change(ChangeKind.CREATE, "k", "40000001/1", {"contract": "SSK-9"}))
    register.close()
    assert agresso.done == []


def test_free_text_is_read_and_never_written(serve: Serve) -> None:
    _, address = serve(orders=1)
    assert web(address, contract_in=("text", "head")).writes == ()
    assert web(address, contract_in=("head", "text"), writes=("orders",)).writes == ("orders",)
    with pytest.raises(ValidationError, match="does not write"):
        web(address, contract_in=("text", "head"), writes=("orders",))
    with pytest.raises(ValidationError, match="does not write"):
        soap(address, contract_pattern=r"SSK-\d+", writes=("suppliers",))


def test_references_of_suppliers_keep_the_laws_of_a_register(serve: Serve) -> None:
    _, address = serve(orders=8, referring=False)
    check_register(
        lambda: SupplierReferences(importing(address, "suppliers"), sleep=at_once),
        ContractReference("50001", 0, "SSK-1"),
        ContractReference("50001", 0, "SSK-2"),
        ContractReference("50002", 0, "SSK-3"),
    )


def test_invoices_by_import_keep_the_laws_of_a_target(serve: Serve) -> None:
    agresso, address = serve()
    check_target(
        lambda: InvoiceImport(importing(address, "invoices"), sleep=at_once),
        an_invoice(),
        lambda: vouchers(agresso),
        CONTENT,
    )


@pytest.mark.parametrize("noun", [ORDER_REFERENCES, SUPPLIER_REFERENCES])
def test_lists_of_references_keep_the_laws_of_an_extract(noun: str) -> None:
    sample = LIST if noun == ORDER_REFERENCES else LIST.replace(b";1;", b";;")
    check_extract(ReferenceList(noun), sample, sample[:-9], f"{noun}.csv")


@pytest.mark.parametrize(
    "place",
    [
        *("1?companyId=XX&a=;", "../suppliers/50001;", "4711/2;", "4711/x;", "04711;", "٤٧;", f"{'4' * 5000};", ";1"),
        *("4711;0", "4711;²", "4711;x", "4711;-1", "4711;1.0", f"4711;{'1' * 5000}"),
    ],
)
def test_a_place_that_is_no_number_and_line_is_told_and_the_others_are_read(place: str) -> None:
    wrong = LIST.replace(b"40000002;1", place.encode())
    sound, flaw, whole = ReferenceList(ORDER_REFERENCES).read(io.BytesIO(wrong))
    assert sound == ContractReference("40000001", 0, "SSK-1")
    assert isinstance(flaw, Flaw)
    assert (flaw.address, flaw.content, whole) == (None, f"{place};SSK-2".encode(), Whole(2))


@pytest.mark.parametrize("place", ["S-50001;1", "../50001;", "50001/2;", f"{'5' * 26};"])
def test_a_supplier_is_named_by_its_number_alone(place: str) -> None:
    sound, flaw, whole = ReferenceList(SUPPLIER_REFERENCES).read(
        io.BytesIO(LIST.replace(b"40000001;", b"S-50001;").replace(b"40000002;1", place.encode()))
    )
    assert sound == ContractReference("S-50001", 0, "SSK-1")
    assert isinstance(flaw, Flaw)
    assert (flaw.address, whole) == (None, Whole(2))


def test_a_list_that_counts_wrong_is_not_whole_and_its_faulty_rows_are_told() -> None:
    wrong = LIST.replace(b"#ROWS;2", b"#ROWS;3").replace(b"SSK-2", b"")
    read = list(ReferenceList(ORDER_REFERENCES).read(io.BytesIO(wrong)))
    assert not any(isinstance(each, Whole) for each in read)
    assert [each.address for each in read if isinstance(each, Flaw)] == ["40000002/1"]


def test_nothing_is_written_until_it_is_switched_on(serve: Serve) -> None:
    agresso, address = serve(referring=False)
    orders, suppliers = OrderReferences(web(address)), SupplierReferences(importing(address), sleep=at_once)
    invoices = InvoiceImport(importing(address), sleep=at_once)
    with pytest.raises(Refused, match="not switched on"):
        orders.apply(CHANGE)
    with pytest.raises(Refused, match="not switched on"):
        suppliers.apply(CHANGE)
    with pytest.raises(Refused, match="not switched on"):
        invoices.apply(invoices.fit(an_invoice(), a_dispatch(CONTENT)), CONTENT)
    assert (agresso.done, agresso.imports) == ([], [])


def test_an_import_whose_answer_was_lost_is_found_and_not_made_again(serve: Serve) -> None:
    agresso, address = serve()
    invoices = InvoiceImport(importing(address, "invoices"), sleep=at_once)
    change = invoices.fit(an_invoice(), a_dispatch(CONTENT))
    assert invoices.existing(change) is None
    services = invoices._services
    agresso.faults.lost = 1.0
    with pytest.raises(Unavailable):
        services.start_import("GL07", "BI202", 1, invoices._document(change))
    agresso.faults.lost = 0.0
    assert invoices.existing(change) is not None
    assert invoices.apply(change, CONTENT).reference
    invoices.close()
    assert len(agresso.imports) == 1


def test_nothing_is_asked_between_the_hubs_look_and_the_import_so_nothing_unsent_is_in_doubt(serve: Serve) -> None:
    agresso, address = serve()
    invoices = InvoiceImport(importing(address, "invoices"), sleep=at_once)
    change = invoices.fit(an_invoice(), a_dispatch(CONTENT))
    asked, result = list[int](), invoices._services.result

    def seen(*stated: Any) -> bytes:
        asked.append(len(agresso.imports))
        return result(*stated)

    invoices._services.result = seen  # type: ignore[method-assign]
    assert invoices.existing(change) is None
    first = invoices.apply(change, CONTENT)
    assert invoices.apply(change, CONTENT).reference == first.reference
    invoices.close()
    assert asked == [0, 1, 1]


def test_an_import_that_takes_too_long_is_told_and_found_when_it_is_run_again(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.importing = 3600
    settings = importing(address, "invoices").model_copy(update={"import_patience": 0.5})
    invoices = InvoiceImport(settings, sleep=at_once)
    change = invoices.fit(an_invoice(), a_dispatch(CONTENT))
    with pytest.raises(Rejected, match="still running"):
        invoices.apply(change, CONTENT)
    agresso.imports[0]["stands_at"] = 0.0
    assert invoices.apply(change, CONTENT).reference
    invoices.close()
    assert len(agresso.imports) == 1


@pytest.mark.parametrize("found", [{"batch_id": "ANOTHER", "voucher_no": "900001"}, {"voucher_no": "900001"}])
def test_a_template_that_answers_with_another_batch_is_refused_and_nothing_is_imported(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, found: dict[str, str]
) -> None:
    agresso, address = serve()
    invoices = InvoiceImport(importing(address, "invoices"), sleep=at_once)
    change = invoices.fit(an_invoice(), a_dispatch(CONTENT))
    monkeypatch.setattr(imports, "rows_of", lambda _answer: iter([found]))
    for verb in (lambda: invoices.existing(change), lambda: invoices.apply(change, CONTENT)):
        with pytest.raises(Refused, match="batch_id = "):
            verb()
    invoices.close()
    assert agresso.imports == []


def test_a_template_that_answers_with_another_supplier_is_refused_and_nothing_is_imported(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    agresso, address = serve(orders=8, referring=False)
    suppliers = SupplierReferences(importing(address, "suppliers"), sleep=at_once)
    another = {"apar_id": "50002", "ext_apar_ref": "SSK-1"}
    monkeypatch.setattr(references, "rows_of", lambda _answer: iter([another]))
    change = Change(ChangeKind.CREATE, "k", "50001", {"contract": "SSK-1"})
    for verb in (suppliers.existing, suppliers.apply):
        with pytest.raises(Refused, match="apar_id = 50001"):
            verb(change)
    suppliers.close()
    assert agresso.imports == []


def test_a_line_that_moves_under_the_patch_is_put_back_and_tried_again(serve: Serve) -> None:
    agresso, address = serve(orders=12, referring=False)
    index = next(i for i in range(12) if len((agresso.city.order(i) or {})["orderLineInformation"]) > 2)
    number = str(agresso.city.number(index))
    change = Change(ChangeKind.CREATE, "k", f"{number}/2", {"contract": "SSK-9"})
    register = OrderReferences(web(address, writes=("orders",)))
    agresso.faults.shifting = 1
    with pytest.raises(Unavailable, match="lines moved"):
        register.apply(change)
    assert not any(line["contractId"] for line in (agresso.city.order(index) or {})["orderLineInformation"])
    register.apply(change)
    register.close()
    order = agresso.city.order(index)
    assert order is not None
    told = {line["lineNumber"]: line["contractId"] for line in order["orderLineInformation"]}
    assert {number for number, contract in told.items() if contract} == {2}


def patched_meanwhile(
    register: OrderReferences, order: dict[str, Any], then: Callable[[list[dict[str, Any]]], None]
) -> list[str]:
    """From now on the register has this order alone, whose lines somebody changes right after each first patch."""
    written: list[str] = []
    lines = order["orderLineInformation"]

    def patch(_number: str, changes: Sequence[Mapping[str, Any]]) -> None:
        for each in changes:
            _, _, index, name = each["path"].split("/")
            lines[int(index)][name] = each["value"]
            written.append(f"{lines[int(index)]['lineNumber']}={each['value']}")
        if len(written) == 1:
            then(lines)

    register._api.order = lambda _number: copy.deepcopy(order)  # type: ignore[method-assign]
    register._api.patch = patch  # type: ignore[method-assign]
    return written


def an_order(**contracts: str) -> dict[str, Any]:
    lines = [{"lineNumber": int(name[1:]), "contractId": value} for name, value in contracts.items()]
    return {"contractId": "", "orderLineInformation": lines}


def told(order: Mapping[str, Any]) -> dict[int, str]:
    return {each["lineNumber"]: each["contractId"] for each in order["orderLineInformation"]}


def test_what_a_person_changes_meanwhile_is_left_alone(serve: Serve) -> None:
    _, address = serve(orders=1)
    register, order = OrderReferences(web(address, writes=("orders",))), an_order(n1="", n2="OLD")

    def anna(lines: list[dict[str, Any]]) -> None:
        lines[1]["contractId"] = "NEW"
        lines.append({"lineNumber": 3, "contractId": "ANNA-2"})

    written = patched_meanwhile(register, order, anna)
    register.apply(Change(ChangeKind.CREATE, "k", "1/1", {"contract": "SSK-1"}))
    register.close()
    assert told(order) == {1: "SSK-1", 2: "NEW", 3: "ANNA-2"}
    assert written == ["1=SSK-1"]


def test_of_all_that_differs_only_the_line_that_was_hit_is_put_back(serve: Serve) -> None:
    _, address = serve(orders=1)
    register, order = OrderReferences(web(address, writes=("orders",))), an_order(n1="", n2="OLD", n3="KEPT")

    def anna(lines: list[dict[str, Any]]) -> None:  # the lines had changed places when the patch came
        lines[0]["contractId"], lines[1]["contractId"], lines[2]["contractId"] = "", "SSK-1", "NEW"

    written = patched_meanwhile(register, order, anna)
    with pytest.raises(Unavailable, match="put back"):
        register.apply(Change(ChangeKind.CREATE, "k", "1/1", {"contract": "SSK-1"}))
    register.close()
    assert told(order) == {1: "", 2: "OLD", 3: "NEW"}
    assert written == ["1=SSK-1", "2=OLD"]


def test_a_new_line_that_was_hit_is_told_to_a_person(serve: Serve) -> None:
    _, address = serve(orders=1)
    register, order = OrderReferences(web(address, writes=("orders",))), an_order(n1="", n2="OLD")

    def anna(lines: list[dict[str, Any]]) -> None:
        lines[0]["contractId"] = ""
        lines.insert(0, {"lineNumber": 3, "contractId": "SSK-1"})

    written = patched_meanwhile(register, order, anna)
    with pytest.raises(Rejected, match="stands at line 3 in its stead"):
        register.apply(Change(ChangeKind.CREATE, "k", "1/1", {"contract": "SSK-1"}))
    register.close()
    assert told(order) == {3: "SSK-1", 1: "", 2: "OLD"}
    assert len(written) == 1


def test_an_order_that_is_not_there_is_rejected(serve: Serve) -> None:
    _, address = serve(orders=3)
    register = OrderReferences(web(address, writes=("orders",)))
    with pytest.raises(Rejected):
        register.apply(Change(ChangeKind.CREATE, "k", "49999999", {"contract": "SSK-9"}))
    register.close()


@pytest.mark.parametrize(
    ("element", "found"),
    [
        ("", None),
        ("Tax", "Transaction/Tax"),
        ("Amounts/VatAmount", "Transaction/Amounts/VatAmount"),
        ("TaxInfo/Amounts/Vat", "Transaction/TaxInfo/Amounts/Vat"),
    ],
)
@pytest.mark.parametrize("kind", [InvoiceKind.INVOICE, InvoiceKind.CREDIT_NOTE])
def test_the_vat_is_written_where_the_settings_say_and_is_no_part_of_the_change_otherwise(
    serve: Serve, element: str, found: str | None, kind: InvoiceKind
) -> None:
    _, address = serve()
    settings = importing(address, "invoices").model_copy(update={"vat_element": element})
    invoice = an_invoice()
    stated = replace(invoice, kind=kind, totals=replace(invoice.totals, vat=Money(Decimal("250.50"), "SEK")))
    invoices = InvoiceImport(settings)
    change = invoices.fit(stated, a_dispatch(CONTENT))
    document = etree.fromstring(invoices._document(change))
    texts = [each for each in document.iter() if (each.text or "").lstrip("-") == "250.50"]
    assert ("vat" in change.fields) is bool(element)
    assert len(texts) == bool(element)
    assert len(document.findall(".//{*}Amounts/{*}Amount")) == 1
    if found:
        assert document.findtext(f".//{'/'.join(f'{{*}}{each}' for each in found.split('/'))}") == texts[0].text
        amount = document.findtext(".//{*}Amounts/{*}Amount") or ""
        assert amount.startswith("-") is (texts[0].text or "").startswith("-") is (kind is InvoiceKind.INVOICE)


@pytest.mark.parametrize("element", ["/Vat", "Vat/", "Vat Amount", "<Vat>", "1Vat"])
def test_a_place_for_the_vat_that_is_none_is_refused_with_the_settings(serve: Serve, element: str) -> None:
    _, address = serve()
    with pytest.raises(ValidationError, match="vat_element"):
        soap(address, vat_element=element)


def test_an_invoice_without_a_sellers_number_is_not_fit_to_import(serve: Serve) -> None:
    _, address = serve()
    with pytest.raises(Rejected, match="no number"):
        InvoiceImport(importing(address, "invoices")).fit(an_invoice(legal_id=""), a_dispatch(CONTENT))
