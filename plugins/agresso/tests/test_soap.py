"""The laws of the SOAP services: what an independent client sees, and how imports are handed in."""

from __future__ import annotations

import pytest
import zeep
from hub_agresso.soap import Services
from hub_agresso.standin.server import SOAP_PATH
from hub_agresso.standin.soap import IMPORT, OLD_QUERY, ORDER_TEMPLATE, QUERY, TIMESHEET

from hub.plugin.errors import Refused, Rejected
from plugins.agresso.tests.conftest import PASSWORD, USER, Serve, soap

SOAP_1_1 = "http://schemas.xmlsoap.org/soap/envelope/"
CREDENTIALS = {"Username": USER, "Client": "ST", "Password": PASSWORD}
ORDER = b"<ABWOrder><Order><OrderNo>1</OrderNo><Text>a ]]&gt; b &amp; c</Text></Order></ABWOrder>"


@pytest.mark.parametrize("service", [QUERY, OLD_QUERY])
def test_an_independent_client_works_by_the_wsdl(serve: Serve, service: str) -> None:
    _, address = serve()
    client = zeep.Client(f"{address}{SOAP_PATH}?{service}&wsdl")
    told = client.service.GetTemplateList(credentials=CREDENTIALS)
    assert str(ORDER_TEMPLATE) in {each["TplId"] for each in told["TemplateHeaderList"]["TemplateHeader"]}
    options = {"FirstRecord": "1", "LastRecord": "2"}
    asked = {"TemplateId": ORDER_TEMPLATE, "TemplateResultOptions": options}
    result = client.service.GetTemplateResultAsXML(input=asked, credentials=CREDENTIALS)
    assert result["TemplateResult"].count("<tab>B</tab>") == 2


def test_an_independent_client_is_told_of_a_wrong_password(serve: Serve) -> None:
    _, address = serve()
    client = zeep.Client(f"{address}{SOAP_PATH}?{QUERY}&wsdl")
    with pytest.raises(zeep.exceptions.Fault, match="Login failed"):
        client.service.GetTemplateList(credentials={**CREDENTIALS, "Password": "fel"})


def test_every_service_has_a_wsdl_that_an_independent_client_can_read(serve: Serve) -> None:
    _, address = serve()
    for service in (IMPORT, TIMESHEET):
        assert zeep.Client(f"{address}{SOAP_PATH}?{service}&wsdl").service


def test_an_import_is_handed_in_as_cdata_and_waited_for(serve: Serve) -> None:
    agresso, address = serve()
    services = Services(soap(address), sleep=lambda _seconds: None)
    number = services.start_import("LG04", "SO103", 1, ORDER)
    assert services.import_result(number) == "Finished"
    assert agresso.imports[0]["xml"].encode() == ORDER
    services.close()


@pytest.mark.parametrize("code", ["", "<ReturnCode/>"])
def test_an_import_that_does_not_say_how_it_went_has_not_ended(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    _, address = serve()
    services = Services(soap(address, import_patience=0.5), sleep=lambda _seconds: None)
    told = f'<s:Envelope xmlns:s="{SOAP_1_1}"><s:Body><R>{code}<Status>Hm</Status></R></s:Body></s:Envelope>'
    monkeypatch.setattr(services, "_called", lambda *_: told.encode())
    with pytest.raises(Rejected, match="still running") as caught:
        services.import_result(7001)
    assert caught.value.uncertain
    services.close()


@pytest.mark.parametrize("faults", [{}, {"polite": True}, {"newer": True}, {"newer": True, "polite": True}])
def test_a_refused_login_is_refused_in_whatever_way_the_fault_is_told(serve: Serve, faults: dict[str, bool]) -> None:
    agresso, address = serve()
    agresso.faults.set(faults)
    services = Services(soap(address, password="fel"))
    for ask in (services.templates, lambda: services.result(ORDER_TEMPLATE, 1, 5)):
        with pytest.raises(Refused, match="Login failed"):
            ask()
    services.close()


def test_an_end_of_cdata_within_the_file_comes_through_whole(serve: Serve) -> None:
    agresso, address = serve()
    services = Services(soap(address), sleep=lambda _seconds: None)
    services.start_import("LG04", "SO103", 1, b"<ABWOrder><![CDATA[x]]></ABWOrder>")
    services.close()
    assert agresso.imports[0]["xml"] == "<ABWOrder><![CDATA[x]]></ABWOrder>"


def test_an_import_of_broken_xml_is_rejected_with_what_agresso_said(serve: Serve) -> None:
    _, address = serve()
    services = Services(soap(address), sleep=lambda _seconds: None)
    number = services.start_import("GL07", "BI202", 1, b"<ABWTransaction><oj></ABWTransaction>")
    with pytest.raises(Rejected, match="not well-formed"):
        services.import_result(number)
    services.close()
