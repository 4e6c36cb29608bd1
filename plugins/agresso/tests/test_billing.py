"""The laws of billing: each event once, whatever dies and whoever asks again, and nothing billed is ever changed."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.billing import BILLING
from hub_agresso.billing.dropping import BillingDrop, open_billing_drop
from hub_agresso.billing.importing import BillingImport
from hub_agresso.billing.listing import COLUMN_NAMES, BillingList
from hub_agresso.client import KEPT_MARKERS, MARKERS
from hub_agresso.sales_orders import COLUMNS, ELEMENTS
from hub_agresso.settings import FileDropSettings, SoapSettings
from hub_agresso.standin.soap import SALES_TEMPLATE
from hub_agresso.standin.web_api import Agresso
from lxml import etree
from pydantic import ValidationError

from hub.domain.billing import Billable
from hub.domain.changes import Change, ChangeKind
from hub.plugin.errors import Refused, Rejected
from hub.plugin.ports import Flaw, Whole
from hub.testing.ports import check_opening, touched
from hub.testing.registers import check_extract
from plugins.agresso.tests.conftest import Serve, soap

EVENT = Billable(
    "2026-0017",
    "90107",
    "ref 4711",
    date(2026, 11, 20),
    "ANSL",
    "Anslutning av ramavtal <städ> & fönster",
    Decimal("2.50"),
    Decimal("860.00"),
    (("C1", "4711"), ("B0", "90")),
)
CREDIT = replace(EVENT, correction=1, quantity=Decimal("-2.5"))
HEAD = "case;correction;customer;buyer_reference;date;article;description;quantity;price;dimensions\n"
ROW = "2026-0017;;90107;ref 4711;2026-11-20;ANSL;Anslutning;2.5;860;C1=4711 B0=90\n"
CREDITED = ROW.replace(";;", ";1;", 1).replace(";2.5;", ";-2.5;")
LIST = f"{HEAD}{ROW}{CREDITED}#ROWS;2\n".encode()
Opened = Callable[[], Any]


def importing(address: str, **stated: Any) -> SoapSettings:
    return soap(address, **{"billing_template": SALES_TEMPLATE, "writes": ("billing",), **stated})


def dropping(folder: Path, **stated: Any) -> FileDropSettings:
    return FileDropSettings(address=folder.as_uri(), **{"writes": ("billing",), **stated})


def over_soap(address: str, **stated: Any) -> BillingImport:
    return BillingImport(importing(address, **stated), sleep=lambda _seconds: None)


@pytest.fixture(params=["import", "files"])
def opened(request: pytest.FixtureRequest, serve: Serve, tmp_path: Path) -> Opened:
    """Opens the register, over the import or as files; nothing is billed at the start."""
    if request.param == "files":
        return lambda: open_billing_drop(dropping(tmp_path))
    _, address = serve()
    return lambda: over_soap(address)


def done(opened: Opened, act: Callable[[Any], Any]) -> Any:
    """What an act on the register gives; it is opened for that alone."""
    register = opened()
    try:
        return act(register)
    finally:
        register.close()


def a_change(opened: Opened, event: Billable = EVENT, key: str = "1-1-abc") -> Change:
    fitted = done(opened, lambda register: register.fit(event))
    return Change(ChangeKind.CREATE, key, fitted.address, fitted.fields)


def bill(opened: Opened, event: Billable = EVENT) -> Any:
    change = a_change(opened, event)
    return done(opened, lambda register: register.apply(change))


def held(opened: Opened) -> dict[str, dict[str, str]]:
    return {each.address: dict(each.fields) for each in done(opened, lambda register: list(register.holdings()))}


def references(agresso: Agresso) -> list[str]:
    """The reference of every sales order that was handed in, as often as it was."""
    found = (etree.fromstring(each["xml"].encode()).findtext(".//{*}ExtOrderRef") for each in agresso.imports)
    return [each or "" for each in found]


# --- the register, either way


def test_opening_and_fitting_touch_nothing(opened: Opened) -> None:
    check_opening(opened)
    assert touched(lambda: done(opened, lambda register: register.fit(EVENT))) == []


def test_what_is_billed_is_held_to_the_letter(opened: Opened) -> None:
    change = a_change(opened)
    assert done(opened, lambda register: register.existing(change)) is None
    receipt = bill(opened)
    assert receipt.reference
    assert held(opened) == {EVENT.reference: dict(change.fields)}
    assert done(opened, lambda register: register.existing(change)) is not None


def test_billed_twice_it_stands_once(opened: Opened) -> None:
    bill(opened)
    bill(opened)
    assert list(held(opened)) == [EVENT.reference]


def test_a_correction_is_an_event_of_its_own_that_names_what_it_corrects(opened: Opened) -> None:
    bill(opened)
    bill(opened, CREDIT)
    assert held(opened)["2026-0017-K1"]["corrects"] == "HUB-2026-0017"
    assert held(opened)["2026-0017-K1"]["quantity"] == "-2.5"


def test_what_is_not_billed_is_not_corrected(opened: Opened) -> None:
    with pytest.raises(Rejected, match="not billed"):
        bill(opened, CREDIT)
    assert held(opened) == {}


def test_no_more_is_credited_than_was_billed(opened: Opened) -> None:
    bill(opened)
    with pytest.raises(Rejected, match="more than was billed"):
        bill(opened, replace(CREDIT, quantity=Decimal("-2.51")))


def test_what_is_billed_is_never_changed_and_never_removed(opened: Opened) -> None:
    bill(opened)
    before = held(opened)
    address = EVENT.reference
    for kind, fields in ((ChangeKind.UPDATE, {"price": "1"}), (ChangeKind.CREATE, {"price": "1"})):
        with pytest.raises(Rejected, match="billed already"):
            done(opened, lambda register, kind=kind, fields=fields: register.apply(Change(kind, "k", address, fields)))
    with pytest.raises(Rejected, match="not in the list"):
        done(opened, lambda register: register.apply(Change(ChangeKind.REMOVE, "k", address, {}, before[address])))
    assert held(opened) == before


def test_an_event_too_long_for_its_column_is_not_fit(opened: Opened) -> None:
    with pytest.raises(Rejected, match="longer than 25"):
        done(opened, lambda register: register.fit(replace(EVENT, case="x" * 22)))


# --- over the import


def test_nothing_is_billed_until_it_is_switched_on(serve: Serve, tmp_path: Path) -> None:
    agresso, address = serve()
    for opened in (lambda: over_soap(address, writes=()), lambda: open_billing_drop(off(tmp_path))):
        with pytest.raises(Refused, match="not switched on"):
            bill(opened)
    assert agresso.imports == []
    assert list(tmp_path.iterdir()) == []


def off(folder: Path) -> FileDropSettings:
    return FileDropSettings(address=folder.as_uri())


def test_nothing_is_planned_where_nobody_can_see_what_was_billed(serve: Serve) -> None:
    agresso, address = serve()
    with pytest.raises(Refused, match="billing_template"):
        held(lambda: over_soap(address, writes=(), billing_template=0))
    assert agresso.imports == []


def test_an_import_that_a_dead_worker_began_is_waited_for_and_not_made_again(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.importing = 3600
    slept: list[float] = []

    def comes_through(seconds: float) -> None:
        slept.append(seconds)
        agresso.imports[0]["stands_at"] = 0.0

    change = a_change(lambda: over_soap(address))
    dying = over_soap(address)
    dying._services.import_result = dies  # type: ignore[method-assign]
    with pytest.raises(_Dead):
        dying.apply(change)
    dying.close()
    assert held(lambda: over_soap(address)) == {}
    register = BillingImport(importing(address), sleep=comes_through)
    assert asked_again(register, change) is not None
    register.close()
    assert len(slept) == 1
    assert references(agresso) == ["HUB-2026-0017"]


class _Dead(Exception):
    """The worker dies here."""


def dies(_number: int) -> str:
    raise _Dead


def asked_again(register: BillingImport, change: Change) -> object:
    """As the hub asks of what a dead worker had begun: once before it looks, and once when its turn comes."""
    return register.existing(change) or register.existing(change)


def test_an_import_that_never_came_is_set_aside_after_the_patience_and_not_handed_in_again(serve: Serve) -> None:
    agresso, address = serve()
    slept: list[float] = []
    register = BillingImport(importing(address, import_patience=30), sleep=slept.append)
    change = a_change(lambda: over_soap(address))
    with pytest.raises(Rejected, match="may have handed HUB-2026-0017 in") as caught:
        asked_again(register, change)
    register.close()
    assert caught.value.uncertain
    assert 30 <= sum(slept) <= 45
    assert agresso.imports == []


@pytest.mark.parametrize("event", [EVENT, CREDIT])
def test_nothing_is_asked_between_the_hubs_look_and_the_import_so_nothing_unsent_is_in_doubt(
    serve: Serve, event: Billable
) -> None:
    agresso, address = serve()
    opened = lambda: over_soap(address)  # noqa: E731
    stood = 0 if event is EVENT else len([bill(opened)])
    change, register = a_change(opened, event), over_soap(address)
    asked, result = list[int](), register._services.result

    def seen(*stated: Any) -> bytes:
        asked.append(len(agresso.imports) - stood)
        return result(*stated)

    register._services.result = seen  # type: ignore[method-assign]
    assert register.existing(change) is None
    first = register.apply(change)
    assert register.apply(change).reference == first.reference
    register.close()
    assert asked == [0, *([0] if event.correction else []), 1, 1]  # what is corrected is looked at beforehand, too


def test_what_may_not_be_billed_is_rejected_before_it_is_begun(serve: Serve) -> None:
    agresso, address = serve()
    register = over_soap(address)
    with pytest.raises(Rejected, match="not billed") as caught:
        register.existing(a_change(lambda: over_soap(address), CREDIT))
    register.close()
    assert (caught.value.uncertain, agresso.imports) == (False, [])


def test_an_event_that_nobody_began_is_not_waited_for(serve: Serve) -> None:
    _, address = serve()
    slept: list[float] = []
    register = BillingImport(importing(address), sleep=slept.append)
    assert register.existing(a_change(lambda: over_soap(address))) is None
    register.close()
    assert slept == []


def test_an_import_that_agresso_would_not_have_is_rejected_with_what_it_said(serve: Serve) -> None:
    _, address = serve()
    elements = ("customer=Header/Buyer/CustomerNo",)
    with pytest.raises(Rejected, match="no customer"):
        bill(lambda: over_soap(address, billing_elements=elements))


def test_orders_of_others_are_left_alone(serve: Serve) -> None:
    _, address = serve()
    bill(lambda: over_soap(address, billing_mark="ANNAN-"))
    assert held(lambda: over_soap(address)) == {}


def test_what_is_older_than_the_first_day_is_neither_billed_nor_compared(serve: Serve) -> None:
    _, address = serve()
    bill(lambda: over_soap(address))
    later = lambda: over_soap(address, billing_from=date(2026, 12, 1))  # noqa: E731
    assert held(later) == {}
    with pytest.raises(Rejected, match="before 2026-12-01") as caught:
        a_change(later)
    assert caught.value.address == EVENT.reference


def test_columns_are_called_as_the_settings_say(serve: Serve) -> None:
    _, address = serve()
    bill(lambda: over_soap(address))
    swapped = ("article=art_descr", "description=article")
    fields = held(lambda: over_soap(address, billing_columns=swapped))[EVENT.reference]
    assert (fields["description"], fields["article"]) == (EVENT.article, EVENT.description)


@pytest.mark.parametrize("stated", ["pris=Price", "price", "price=a b", "price=/Price"])
def test_a_name_that_cannot_be_used_is_no_setting(stated: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="value=name"):
        FileDropSettings(address=tmp_path.as_uri(), billing_elements=(stated,))


# --- as files


def test_the_file_is_the_very_xml_of_the_import_with_its_manifest_beside_it(serve: Serve, tmp_path: Path) -> None:
    agresso, address = serve()
    bill(lambda: over_soap(address))
    bill(lambda: open_billing_drop(dropping(tmp_path)))
    (document,) = tmp_path.glob("*.xml")
    assert document.read_text(encoding="utf-8") == agresso.imports[0]["xml"]
    assert document.with_name(f"{document.name}.json").exists()


def test_what_was_fetched_is_still_known_and_its_marker_outlives_those_of_invoices(tmp_path: Path) -> None:
    opened = lambda: open_billing_drop(dropping(tmp_path))  # noqa: E731
    bill(opened)
    for path in tmp_path.glob("billing_*"):
        path.unlink()
    bill(opened)
    assert list(tmp_path.glob("billing_*")) == []
    assert list(held(opened)) == [EVENT.reference]
    assert [path.name for path in tmp_path.iterdir()] == [KEPT_MARKERS]
    assert KEPT_MARKERS != MARKERS


def test_a_crash_at_any_step_of_the_drop_leaves_one_file_in_the_end(tmp_path: Path) -> None:
    died = []
    for step in range(1, 10):
        folder = tmp_path / str(step)
        folder.mkdir()
        opened = lambda folder=folder: open_billing_drop(dropping(folder))  # noqa: E731
        change, dying = a_change(opened), opened()
        dying_at(step, dying)
        try:
            dying.apply(change)
        except _Dead:
            died.append(step)
        done(opened, lambda again, change=change: again.existing(change) or again.apply(change))
        assert [len(list(folder.glob(f"billing_*.{end}"))) for end in ("xml", "json")] == [1, 1], step
        assert list(held(opened)) == [EVENT.reference], step
    assert died == [1, 2, 3, 4, 5, 6, 7]


def dying_at(step: int, register: BillingDrop) -> None:
    """Let the register die at that step of what it does at its place."""
    place = register._drop._place
    left = [step]

    def dying(verb: Callable[..., Any]) -> Callable[..., Any]:
        def tried(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise _Dead
            return verb(*arguments)

        return tried

    for name in ("write", "rename", "rename_new", "make_folder", "remove"):
        setattr(place, name, dying(getattr(place, name)))


# --- the list


def read(content: bytes) -> list[Any]:
    return list(BillingList().read(io.BytesIO(content)))


def test_the_list_keeps_the_laws_of_an_extract() -> None:
    check_extract(BillingList(), LIST, LIST[:-9], f"{BILLING}-2026.csv")


def test_the_list_says_what_the_event_is() -> None:
    event, credit, whole = read(LIST)
    assert event == replace(EVENT, description="Anslutning")
    assert (credit.reference, credit.corrects, credit.quantity) == ("2026-0017-K1", "2026-0017", Decimal("-2.5"))
    assert whole == Whole(2)


@pytest.mark.parametrize(
    ("wrong", "code", "location"),
    [
        (ROW.replace(";860;", ";860,50;"), "BILLING-NUMBER", "price"),
        (ROW.replace(";860;", ";;"), "BILLING-NUMBER", "price"),
        (ROW.replace(";2.5;", ";1.234;"), "BILLING-NUMBER", "quantity"),
        (ROW.replace(";2.5;", ";-2.5;"), "BILLING-FIELD", "quantity"),
        (ROW.replace(";2.5;", ";0;"), "BILLING-FIELD", "quantity"),
        (ROW.replace("2026-11-20", "2026-02-30"), "BILLING-DATE", "date"),
        (ROW.replace("2026-11-20", "20261120"), "BILLING-DATE", "date"),
        (ROW.replace(";90107;", ";;"), "BILLING-FIELD", "customer"),
        (ROW.replace("C1=4711", "4711"), "BILLING-DIMENSION", "dimensions"),
        (ROW.replace("B0=90", "c1=90"), "BILLING-FIELD", "dimensions"),
        (ROW.replace(";;", ";1.5;", 1), "BILLING-NUMBER", "correction"),
        (ROW.replace("Anslutning", "Anslutning\x07"), "LIST-TEXT", "description"),
        (ROW.replace(";860;", ";860;25;"), "BILLING-COLUMNS", ""),
    ],
)
def test_a_row_at_fault_is_told_with_its_field_and_the_others_are_read(wrong: str, code: str, location: str) -> None:
    flaw, credit, whole = read(f"{HEAD}{wrong}{CREDITED}#ROWS;2\n".encode())
    assert isinstance(flaw, Flaw)
    (reason,) = flaw.reasons
    assert (reason.code, reason.location) == (code, location)
    assert reason.remedy.en
    assert (flaw.address or "").startswith("2026-0017")
    assert (credit.reference, whole) == ("2026-0017-K1", Whole(2))


def test_a_list_in_another_encoding_is_told_and_never_billed_with_wrong_letters() -> None:
    flaw, _ = read(f"{HEAD}{ROW.replace('Anslutning', 'Städ')}#ROWS;1\n".encode("latin-1"))
    assert isinstance(flaw, Flaw)
    assert (flaw.reasons[0].code, flaw.content) == (
        "LIST-TEXT",
        ROW.replace("Anslutning", "Städ").encode("latin-1")[:-1],
    )


def test_a_list_that_can_be_read_no_further_is_rejected_with_its_line() -> None:
    with pytest.raises(Rejected) as caught:
        read(f"{HEAD}{ROW}{'x' * 200_000};\n".encode())
    assert caught.value.reasons[0].line == 3


# --- the README


def test_the_readme_tells_every_element_and_column_as_it_is() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").partition("**Unverified")[2]
    for name in {*ELEMENTS, *COLUMNS}:
        (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"`{ELEMENTS.get(name, '')}`" in row or name not in ELEMENTS
        assert f"`{COLUMNS.get(name, '')}`" in row or name not in COLUMNS


def test_the_readmes_list_can_be_read() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    begins = readme.index(f"    {';'.join(COLUMN_NAMES)}")
    sample = "".join(f"{line.strip()}\n" for line in readme[begins:].splitlines()[:4])
    assert [type(each) for each in read(sample.encode())] == [Billable, Billable, Whole]
