"""Who gets in, who does not, and what their forms must carry."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urljoin

import httpx
import pytest
from sqlalchemy import update

from hub.app import Hub
from hub.store import audit, tables, users
from hub.store.database import now
from tests.web.city import PASSWORD, USER
from tests.web.conftest import Visitor, Visitors

PAGES = ("/", "/invoices", "/invoices/1", "/set-aside", "/connections", "/connections/operator", "/rules", "/units")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_shown_to_nobody_who_is_not_logged_in(visitor: Visitor, page: str) -> None:
    answer = visitor.get(page, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_whoever_logs_in_comes_to_the_page_they_asked_for(visitor: Visitor) -> None:
    visitor.get("/units?q=hamn")
    assert visitor.enter().url.path == "/units"


def test_a_part_of_a_page_asked_for_without_login_sends_the_whole_page_to_the_login(visitor: Visitor) -> None:
    answer = visitor.get("/", headers={"HX-Request": "true"}, follow_redirects=False)
    assert answer.headers["HX-Redirect"] == "/login"


def test_the_wrong_password_and_the_wrong_name_are_told_alike(visitor: Visitor) -> None:
    password, name = visitor.enter(password="fel"), visitor.enter(name="ingen")
    assert password.status_code == name.status_code == 401
    assert password.text.replace(USER, "") == name.text.replace("ingen", "")


def test_five_wrong_passwords_lock_the_account_for_five_minutes(visitor: Visitor, hub: Hub) -> None:
    for _ in range(5):
        visitor.enter(password="fel")
    assert visitor.enter().status_code == 401
    with hub.database.write() as connection:
        account = users.get(connection, USER)
        assert account is not None
        assert account.locked_until is not None
        assert timedelta(minutes=4) < account.locked_until - now(connection) <= timedelta(minutes=5)
        users.tried(connection, USER, 5, now(connection) - timedelta(seconds=1))
    assert visitor.enter().status_code == 200


def test_one_wrong_password_after_a_lock_does_not_lock_again(visitor: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        users.tried(connection, USER, 5, now(connection) - timedelta(seconds=1))
    visitor.enter(password="fel")
    assert visitor.enter().status_code == 200


def test_the_right_password_lets_the_failures_be_forgotten(visitor: Visitor, hub: Hub) -> None:
    visitor.enter(password="fel")
    visitor.enter()
    with hub.database.read() as connection:
        account = users.get(connection, USER)
    assert account is not None
    assert account.failures == 0


def test_logging_out_ends_the_session_everywhere(anna: Visitor) -> None:
    token = anna.cookies["hub_session"]
    anna.fill("/logout")
    stolen = httpx.get(f"{anna.base_url}/invoices", cookies={"hub_session": token})
    assert stolen.status_code == 303


def test_a_session_ends_after_the_hours_that_are_set(anna: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        long_ago = now(connection) - timedelta(hours=hub.settings.web.session_hours, minutes=1)
        connection.execute(update(tables.sessions).values(created_at=long_ago))
    assert anna.get("/").url.path == "/login"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    word = visitor.word()
    fields = {"word": word, "name": USER, "password": PASSWORD}
    answer = visitor.post("/login", data=fields, follow_redirects=False)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("hub_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    "form",
    ["/logout", "/language", "/invoices/1/replay", "/invoices/1/dismiss", "/set-aside/x/replay"]
    + [f"/connections/operator/{deed}" for deed in ("check", "pause", "resume", "run")],
)
def test_a_form_without_its_word_does_nothing(anna: Visitor, form: str) -> None:
    assert anna.post(form, data={"word": "gissning"}).status_code == 403
    assert anna.post(form).status_code == 403


def test_the_word_of_one_session_is_not_the_word_of_another(anna: Visitor, visitors: Visitors) -> None:
    other = visitors(str(anna.base_url))
    other.enter()
    assert anna.post("/logout", data={"word": other.word("/")}).status_code == 403


def test_login_leads_to_no_other_site(visitor: Visitor) -> None:
    for wanted in ("//elak.example/", "https://elak.example/", "/\\elak.example"):
        visitor.cookies.set("hub_wanted", f'"{wanted}"', domain="127.0.0.1", path="/")
        fields = {"word": visitor.word(), "name": USER, "password": PASSWORD}
        answer = visitor.post("/login", data=fields, follow_redirects=False)
        assert urljoin(str(visitor.base_url), answer.headers["location"]).startswith(f"{visitor.base_url}/")
        assert not answer.headers["location"].startswith(("//", "/\\"))
        visitor.cookies.clear()


def test_the_language_is_kept_on_the_account(anna: Visitor, visitors: Visitors) -> None:
    anna.speak("en")
    other = visitors(str(anna.base_url))
    assert "Needs attention" in other.enter().text


def test_the_login_is_read_in_the_language_chosen_before_it(visitor: Visitor) -> None:
    assert "Användarnamn" in visitor.get("/login").text
    visitor.speak("en")
    page = visitor.get("/login").text
    assert '<html lang="en">' in page
    assert "Name of the account" in page


def test_logging_in_and_out_is_written_down(anna: Visitor, hub: Hub) -> None:
    anna.fill("/logout")
    with hub.database.read() as connection:
        deeds = audit.about(connection, f"user {USER}")
    assert [deed.what for deed in deeds] == ["logout", "login"]
