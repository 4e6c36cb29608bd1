"""The console in a real Chromium: accessible by axe in every look, usable by keyboard, at 400 %, without JavaScript."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from hub.app import Hub
from hub.store import set_asides
from tests.web.city import PASSWORD, USER
from tests.web.planned import APPLIED, EMPTY, TWICE
from tests.web.replayed import CUT_SHORT, REHEARSED, UNDER_WAY

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LAWS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
DELIVERED, STOPPED, UNREADABLE = 1, 15, 22

LOOKS = [("sv", "light", 1280), ("en", "dark", 375)]
"""Every language, scheme and width is met in one of them."""


def addresses(city: Hub) -> tuple[str, ...]:
    """Every page of the console."""
    with city.database.read() as connection:
        group = set_asides.groups(connection)[0].fingerprint
    one = f"/invoices/{STOPPED}"
    return (
        "/",
        "/?still=1",
        "/invoices",
        "/invoices?q=finns-inte",
        f"/invoices/{DELIVERED}",
        one,
        f"{one}/source",
        f"/invoices/{UNREADABLE}",
        "/set-aside",
        f"/set-aside/{group}",
        "/set-aside/borta",
        "/set-aside?code=BR-CO-10",
        "/set-aside?seller=finns-inte",
        "/set-aside/replays",
        f"/set-aside/replays/{REHEARSED}",
        f"/set-aside/replays/{UNDER_WAY}",
        f"/set-aside/replays/{UNDER_WAY}?outcome=waiting",
        f"/set-aside/replays/{CUT_SHORT}",
        "/connections",
        "/connections/operator",
        "/connections/leverantorsmapp",
        "/connections/arkiv",
        "/plans",
        "/plans?state=refused",
        *(f"/plans/{number}" for number in range(APPLIED, EMPTY + 1)),
        f"/plans/{APPLIED}?kind=remove&outcome=rejected",
        "/incidents",
        "/incidents/1",
        "/incidents/2",
        "/rules",
        "/work",
        "/work?outcome=refused",
        "/work/runs/1",
        "/work/runs/3",
        "/work/queue",
        "/work/queue?still=1",
        "/work/jobs/1",
        "/work/jobs/4",
        "/orders",
        "/orders?q=finns-inte",
        "/orders?bare=1",
        "/orders/ST/45001000",
        "/orders/ST/45001004",
        "/invoices/3",
        "/invoices/5",
        "/units",
        "/work/schedules",
        "/work/schedules?cron=30+2+*+*+*&days=workdays&on_holiday=next_workday",
        "/work/schedules?cron=0+0+6+*+*+*",
        "/units?q=finns-inte",
        "/tillganglighet",
        "/finns-inte",
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Without it these tests are skipped; in CI that is an error."""
    if not CHROMIUM.exists():
        why = f"no Chromium at {CHROMIUM}; install it with apt-get install chromium"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            raise RuntimeError(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


def enter(context: BrowserContext, address: str, language: str = "sv") -> Page:
    """Somebody logged in, reading that language."""
    page = context.new_page()
    page.goto(f"{address}/login")
    if page.locator("html").get_attribute("lang") != language:
        page.locator("form[action='/language'] button").click()
    page.fill("#name", USER)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}/")
    if page.locator("html").get_attribute("lang") != language:
        page.locator("form[action='/language'] button").click()
    return page


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_axe_finds_nothing_on_any_page(
    browser: Browser, city: Hub, city_address: str, language: str, scheme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    found = [axe(page, f"{city_address}/login")]
    page.close()
    page = enter(context, city_address, language)
    found += [axe(page, city_address + each) for each in addresses(city)]
    context.close()
    assert [each for each in found if each] == []


def axe(page: Page, address: str) -> list[str]:
    """What axe has against the page, one line each."""
    page.goto(address)
    for each in page.locator("details > summary").all():
        each.click()
    report = Axe().run(page, options=LAWS).response
    assert report["passes"] or report["violations"], "axe looked at nothing"
    return [
        f"{address} {violation['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for violation in report["violations"]
        for node in violation["nodes"]
    ]


def test_axe_would_have_found_something(browser: Browser, city_address: str) -> None:
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"{city_address}/login")
    page.evaluate("document.querySelector('label').remove(); document.documentElement.removeAttribute('lang')")
    report = Axe().run(page, options=LAWS).response
    context.close()
    assert {each["id"] for each in report["violations"]} >= {"label", "html-has-lang"}


@pytest.mark.parametrize("width", [320, 1220])
def test_no_page_scrolls_sideways_at_400_percent_or_otherwise(
    browser: Browser, city: Hub, city_address: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 256})
    page = enter(context, city_address)
    wide = []
    for each in addresses(city):
        page.goto(city_address + each)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(each)
    context.close()
    assert wide == []


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_main_menu_stands_in_one_row_on_a_common_screen(browser: Browser, city_address: str, language: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = enter(context, city_address, language)
    for each in ("/", "/connections", "/plans"):
        page.goto(city_address + each)
        page.locator(".top .count").evaluate_all("all => all.forEach(one => { one.textContent = '1 999' })")
        assert page.locator(".top .count").count() == 2
        assert rows(page, ".top nav li") == 1, each
        assert rows(page, ".top .name, .top nav, .top .who, .top .who form") == 1, each
    context.close()


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_main_menu_can_be_used_on_a_telephone(browser: Browser, city_address: str, language: str) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 700})
    page = enter(context, city_address, language)
    boxes = [each.bounding_box() for each in page.locator(".top a, .top button").all()]
    context.close()
    assert len(boxes) >= 12
    assert [each for each in boxes if each is None or each["x"] < 0 or each["x"] + each["width"] > 375] == []
    assert [each for each in boxes if each is not None and each["height"] < 24] == []


def rows(page: Page, these: str) -> int:
    """In how many rows these stand: those that overlap in height stand in one."""
    boxes = sorted(page.locator(these).evaluate_all(_EDGES))
    assert boxes, f"nothing is {these}"
    number, lowest = 0, float("-inf")
    for top, bottom in boxes:
        number += top >= lowest
        lowest = max(lowest, bottom)
    return number


_EDGES = "all => all.map(one => one.getBoundingClientRect()).map(box => [box.top, box.bottom])"


def test_the_keyboard_reaches_everything_that_can_be_used(browser: Browser, city: Hub, city_address: str) -> None:
    context = browser.new_context()
    page = enter(context, city_address)
    for each in (
        "/?still=1",
        "/invoices",
        f"/invoices/{STOPPED}",
        "/set-aside",
        f"/set-aside/replays/{REHEARSED}",
        "/connections/operator",
        "/incidents",
        "/incidents/2",
        "/plans",
        f"/plans/{TWICE}",
    ):
        page.goto(city_address + each)
        wanted = page.locator(
            "a[href]:visible, button:visible, input:visible:not([type=hidden]), select:visible, summary:visible"
        )
        page.evaluate("window.reached = new Set()")
        number = wanted.count()
        for _ in range(number * 4):
            page.keyboard.press("Tab")
            page.evaluate("window.reached.add(document.activeElement)")
            if page.evaluate("document.activeElement === document.body"):
                break
        missed = wanted.evaluate_all("all => all.filter(one => !window.reached.has(one)).map(one => one.outerHTML)")
        assert missed == [], each
    context.close()


def test_the_first_tab_offers_the_way_to_the_content(browser: Browser, city_address: str) -> None:
    context = browser.new_context()
    page = enter(context, city_address)
    page.goto(f"{city_address}/invoices")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    context.close()


def test_without_javascript_one_searches_replays_and_dismisses(browser: Browser, city: Hub, city_address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = enter(context, city_address)
    page.goto(f"{city_address}/invoices")
    page.fill("#q", "2026-1201")
    page.click("main button.main")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.click("tbody a")
    page.click("form[action$='/replay'] button")
    expect(page.locator(".flash")).to_contain_text("köat på nytt")
    page.goto(f"{city_address}/invoices?q=2026-1202")
    page.click("tbody a")
    page.click("summary")
    page.fill("#reason", "Dubblett av en annan faktura")
    page.click("form[action$='/dismiss'] button")
    expect(page.locator(".badge").first).to_contain_text("Avskriven")
    context.close()


def test_the_search_answers_while_one_types_and_keeps_its_address(browser: Browser, city_address: str) -> None:
    context = browser.new_context()
    page = enter(context, city_address)
    page.goto(f"{city_address}/invoices")
    page.locator("#q").press_sequentially("2026-1103")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "q=2026-1103" in page.url
    context.close()


def test_the_start_page_follows_along_and_may_be_made_to_stand_still(
    browser: Browser, city: Hub, city_address: str
) -> None:
    context = browser.new_context()
    page = enter(context, city_address)
    with page.expect_response(lambda answer: "seen=" in answer.url, timeout=15_000) as answer:
        pass
    assert answer.value.status in {200, 204}
    page.goto(f"{city_address}/?still=1")
    assert page.locator("[hx-get]").count() == 0
    context.close()


def test_no_page_breaks_its_own_policy_or_scripts(browser: Browser, city: Hub, city_address: str) -> None:
    context = browser.new_context()
    page = enter(context, city_address)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for each in addresses(city):
        page.goto(city_address + each)
    context.close()
    assert [text for text in said if "404" not in text] == []
