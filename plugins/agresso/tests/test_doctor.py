"""The laws of the doctor: it looks at everything, changes nothing, tells no secret, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from click.testing import CliRunner
from hub_agresso.doctor import examine
from hub_agresso.standin import web_api
from hub_agresso.standin.soap import (
    IMPORTS_TEMPLATE,
    LEDGER_TEMPLATE,
    ORDER_TEMPLATE,
    SALES_TEMPLATE,
    SUPPLIER_TEMPLATE,
)
from hub_agresso.standin.web_api import Agresso
from pydantic import BaseModel

from hub.plugin.ports import Check
from hub.program.main import main
from plugins.agresso.tests.conftest import PASSWORD, USER, Serve, soap, web


def failed(checks: list[Check]) -> dict[str, str]:
    return {check.name.en: check.detail.en for check in checks if not check.passed}


def test_a_sound_installation_passes_everything(serve: Serve) -> None:
    agresso, address = serve()
    templates = {
        "orders_template": ORDER_TEMPLATE,
        "suppliers_template": SUPPLIER_TEMPLATE,
        "ledger_template": LEDGER_TEMPLATE,
        "imports_template": IMPORTS_TEMPLATE,
        "billing_template": SALES_TEMPLATE,
    }
    assert failed(list(examine(web(address)))) == {}
    assert failed(list(examine(soap(address, **templates)))) == {}
    assert (agresso.done, agresso.imports) == ([], [])


def test_every_form_of_date_is_tried_and_the_one_that_is_taken_told(serve: Serve) -> None:
    agresso, address = serve()
    agresso.date_form = "datetime"
    told = failed(list(examine(web(address))))
    assert told["The form of dates in filters"].startswith("taken: datetime; set: plain")
    assert failed(list(examine(web(address, date_form="datetime")))) == {}


def test_a_filter_that_is_let_in_but_not_heeded_is_told(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.deaf = True
    told = failed(list(examine(web(address))))
    assert told["The form of dates in filters"] == (
        "taken: –; set: plain; the filter is not heeded: plain, datetime, quoted"
    )


@pytest.mark.parametrize(
    ("name", "column"),
    [("purchase-order-lines", "companyId"), ("suppliers", "companyId"), ("ledger-transactions", "sequenceNumber")],
)
def test_rows_without_what_each_row_must_have_are_told(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str, column: str
) -> None:
    _, address = serve()
    each = web_api._LISTED[name]
    lacking = lambda agresso: ({k: v for k, v in row.items() if k != column} for row in each(agresso))  # noqa: E731
    monkeypatch.setitem(web_api._LISTED, name, lacking)
    monkeypatch.setattr(web_api, "_lines_from", lambda _city, _row: lacking(Agresso(city=_city)))
    assert failed(list(examine(web(address))))[f"The columns of {name}"] == f"lacks {column}; add the columns"


def test_a_server_that_does_not_answer_in_time_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr("socket.create_connection", late)
    check = next(iter(examine(web("http://127.0.0.1:9"))))
    assert (check.passed, check.detail.en) == (False, "is not reached: timed out")


def test_a_forbidden_object_alone_fails_and_the_others_are_tried(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.forbidden = ("suppliers",)
    told = failed(list(examine(web(address))))
    assert set(told) == {"The object suppliers can be read", "The columns of suppliers"}
    assert "Object Access" in told["The object suppliers can be read"]


def test_unauthorized_is_explained_by_the_default_company(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.homeless = True
    told = failed(list(examine(web(address))))
    assert "default company" in told["The object purchase-order-lines can be read"]


@pytest.mark.parametrize("made", [web, soap])
def test_a_refused_login_is_the_last_one_tried(serve: Serve, made: Callable[..., BaseModel]) -> None:
    agresso, address = serve()
    templates = {"orders_template": ORDER_TEMPLATE, "imports_template": IMPORTS_TEMPLATE} if made is soap else {}
    checks = list(examine(made(address, password="fel", **templates)))
    assert len(agresso.asked) == 1
    assert [check.passed for check in checks] == [True, False, False]
    assert "let us in" in checks[1].detail.en or "Unauthorized" in checks[1].detail.en
    assert "was not tried: the login was refused" in checks[2].detail.en


def test_a_refused_client_is_the_last_one_tried(serve: Serve) -> None:
    agresso, address = serve()
    stranger = {"client_id": "ingen", "client_secret": "fel", "token_address": f"{address}/identity/connect/token"}
    checks = list(examine(web(address, **stranger)))
    assert len(agresso.asked) == 1
    assert "was not tried" in checks[-1].detail.en


def test_forms_of_dates_are_not_told_as_refused_where_the_object_is(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.forbidden = ("purchase-order-lines",)
    assert "Object Access" in failed(list(examine(web(address))))["The form of dates in filters"]


def test_a_row_that_cannot_be_read_is_told_in_the_language_of_the_report(serve: Serve) -> None:
    _, address = serve()
    checks = list(examine(soap(address, orders_template=LEDGER_TEMPLATE)))
    told = next(check.detail for check in checks if "can be read" in check.name.en)
    assert told.en.startswith("The column")
    assert told.sv.startswith("Kolumnen")


def test_a_rate_limit_that_was_met_is_told_with_its_wait(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.set({"limited": 1.0, "retry_after": 90})
    assert "Retry-After 90 s" in failed(list(examine(web(address))))["The object suppliers can be read"]


def test_forms_of_dates_are_not_told_as_refused_by_a_server_that_wants_to_be_left_alone(serve: Serve) -> None:
    agresso, address = serve()
    agresso.faults.set({"limited": 1.0, "retry_after": 90})
    assert "Retry-After 90 s" in failed(list(examine(web(address))))["The form of dates in filters"]


def test_each_template_that_writing_relies_on_is_looked_at_for_its_columns(serve: Serve) -> None:
    _, address = serve()
    wrong = soap(address, imports_template=SUPPLIER_TEMPLATE, billing_template=ORDER_TEMPLATE)
    told = failed(list(examine(wrong)))
    assert "batch_id, voucher_no" in told[f"Template {SUPPLIER_TEMPLATE} (imports) has its columns"]
    assert "orig_ord_ref" in told[f"Template {ORDER_TEMPLATE} (billing) has its columns"]


def test_a_server_that_is_not_there_is_told_and_nothing_raises() -> None:
    told = failed(list(examine(web("http://127.0.0.1:9", timeout=1))))
    assert "127.0.0.1:9 is reached" in told


def test_rows_of_another_company_are_told(serve: Serve) -> None:
    agresso, address = serve()
    order = agresso.city.order(0)
    assert order is not None
    agresso.city.changed[0] = {**order, "companyId": "XX"}
    assert "XX" in failed(list(examine(web(address))))["The company is ours"]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command_reports_without_a_secret(serve: Serve, tmp_path: Path, arguments: list[str]) -> None:
    agresso, address = serve()
    agresso.faults.homeless = True
    own = {"connector": "agresso.web", "address": address, "user": USER, "password": PASSWORD, "company": "ST"}
    (tmp_path / "hub.toml").write_text(tomli_w.dumps({"connections": {"agresso": own}}), encoding="utf-8")
    report = tmp_path / "rapport.txt"
    asked = ["--home", str(tmp_path), "agresso", "doctor", "--report", str(report), *arguments]
    ran = CliRunner().invoke(main, asked)
    assert ran.exit_code == 1, ran.output
    assert PASSWORD not in ran.output + report.read_text(encoding="utf-8")
    if arguments:
        assert any(json.loads(line)["passed"] is False for line in ran.output.splitlines())


def test_a_name_that_is_no_connection_is_told_with_those_there_are(tmp_path: Path) -> None:
    own = {"connector": "agresso.extracts", "address": tmp_path.as_uri()}
    (tmp_path / "hub.toml").write_text(tomli_w.dumps({"connections": {"utdrag": own}}), encoding="utf-8")
    ran = CliRunner().invoke(main, ["--home", str(tmp_path), "agresso", "doctor", "annan"])
    assert (ran.exit_code, "utdrag" in ran.output) == (2, True)
