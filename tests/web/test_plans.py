"""Plans in the console: what they show, who may decide about them, and what of them a person is told afterwards."""

from __future__ import annotations

import re

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select

from hub.app import Hub
from hub.domain.changes import PlanState
from hub.store import audit, plans, tables, users
from hub.store.plans import Approval, StoredPlan
from tests.web.city import PASSWORD, USER
from tests.web.conftest import Visitor, Visitors
from tests.web.planned import (
    APPLIED,
    APPLYING,
    EMPTY,
    HELD,
    PROPOSED,
    REHEARSED,
    STALE,
    TWICE,
    create,
    edit,
    make,
    remove,
)

HASHES = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),))
ROUTE = "leverantorer"


@pytest.fixture
def held(hub: Hub) -> StoredPlan:
    """A plan that waits for one person."""
    return make(hub.database, ROUTE, [create(1), *(remove(number) for number in range(12))])


@pytest.fixture
def twice(hub: Hub) -> StoredPlan:
    """A plan that waits for two persons."""
    return make(hub.database, ROUTE, [remove(number) for number in range(30)], figures=(10, 0))


@pytest.fixture
def berit(hub: Hub, address: str, visitors: Visitors) -> Visitor:
    """Another person, logged in."""
    with hub.database.write() as connection:
        users.keep(connection, "berit", HASHES.hash(PASSWORD))
    made = visitors(address)
    made.enter("berit")
    return made


def now(hub: Hub, plan: StoredPlan) -> PlanState:
    """Where the plan stands."""
    with hub.database.read() as connection:
        found = plans.get(connection, plan.id)
    assert found is not None
    return found.state


def said(hub: Hub, plan: StoredPlan) -> list[Approval]:
    """What was decided about the plan."""
    with hub.database.read() as connection:
        return plans.approvals(connection, plan.id)


def queued(hub: Hub) -> list[dict[str, int]]:
    """The plans that workers are to carry out."""
    with hub.database.read() as connection:
        wanted = select(tables.work.c.argument).where(tables.work.c.kind == "apply")
        return list(connection.execute(wanted).scalars())


def shown_digest(visitor: Visitor, page: str) -> str:
    """The digest that the page's form carries."""
    found = re.search(r'name="digest" value="(\w+)"', visitor.get(page).text)
    assert found
    return found[1]


def test_a_person_approves_what_was_shown_and_a_worker_gets_it(anna: Visitor, hub: Hub, held: StoredPlan) -> None:
    page = f"/plans/{held.id}"
    answer = anna.fill(f"{page}/approve", on=page, digest=shown_digest(anna, page), reason=" Stämt av med ekonomi ")
    assert "Planen är godkänd" in answer.text
    assert now(hub, held) is PlanState.APPROVED
    assert queued(hub) == [{"plan": held.id}]
    (approval,) = said(hub, held)
    assert (approval.by, approval.reason, approval.digest) == (USER, "Stämt av med ekonomi", held.digest)
    with hub.database.read() as connection:
        (deed,) = audit.about(connection, f"plan {held.id}", 10)
    assert (deed.who, deed.what) == (USER, "approve")


@pytest.mark.parametrize("deed", ["approve", "apply", "refuse"])
def test_nobody_decides_without_logging_in_or_without_the_forms_word(
    anna: Visitor, hub: Hub, address: str, visitors: Visitors, held: StoredPlan, deed: str
) -> None:
    page = f"/plans/{held.id}"
    fields = {"digest": held.digest, "reason": "Ja"}
    assert "/login" in str(visitors(address).post(f"{page}/{deed}", data=fields).url)
    assert anna.post(f"{page}/{deed}", data=fields).status_code == 403
    assert anna.post(f"{page}/{deed}", data=fields | {"word": "fel"}).status_code == 403
    assert now(hub, held) is PlanState.HELD
    assert said(hub, held) == []


@pytest.mark.parametrize("deed", ["approve", "refuse"])
def test_a_reason_is_demanded_beside_the_field_it_belongs_in(
    anna: Visitor, hub: Hub, held: StoredPlan, deed: str
) -> None:
    page = f"/plans/{held.id}"
    answer = anna.fill(f"{page}/{deed}", on=page, digest=held.digest, reason="  ")
    assert answer.status_code == 422
    assert re.search(rf'id="reason-{deed}"[^>]*aria-invalid="true" aria-describedby="wrong-{deed}', answer.text)
    assert "<title>Fel:" in answer.text
    assert now(hub, held) is PlanState.HELD


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_another_plan_than_the_one_that_was_shown_is_never_approved(
    anna: Visitor, hub: Hub, held: StoredPlan, digest: str
) -> None:
    page = f"/plans/{held.id}"
    answer = anna.fill(f"{page}/approve", on=page, digest=digest, reason="Stämmer")
    assert answer.status_code == 409
    assert "Planen är en annan än den som visades" in answer.text
    assert 'value="Stämmer"' in answer.text
    assert said(hub, held) == []


def test_a_plan_that_was_replaced_meanwhile_says_so_and_where_the_new_one_is(
    anna: Visitor, hub: Hub, held: StoredPlan
) -> None:
    page = f"/plans/{held.id}"
    later = make(hub.database, ROUTE, [remove(number) for number in range(13)])
    with hub.database.write() as connection:
        plans.move(connection, held.id, PlanState.SUPERSEDED)
    answer = anna.fill(f"{page}/approve", on=page, digest=held.digest, reason="Stämmer")
    assert answer.status_code == 409
    assert "Läget är nu: Ersatt av en senare plan. Inget gjordes." in answer.text
    assert f'href="/plans/{later.id}"' in answer.text
    assert f'action="{page}/approve"' not in answer.text


def test_above_the_second_limit_it_takes_two_persons(
    anna: Visitor, berit: Visitor, hub: Hub, twice: StoredPlan
) -> None:
    page = f"/plans/{twice.id}"
    fields = {"digest": twice.digest, "reason": "Registret rensas"}
    assert "En person till måste godkänna planen" in anna.fill(f"{page}/approve", on=page, **fields).text
    assert now(hub, twice) is PlanState.HELD
    assert f'action="{page}/approve"' not in anna.get(page).text
    again = anna.fill(f"{page}/approve", on=page, **fields)
    assert again.status_code == 409
    assert "Du har redan godkänt den här planen" in again.text
    assert len(said(hub, twice)) == 1
    assert "1 av 2 godkännanden" in berit.get("/plans").text
    assert "Planen är godkänd" in berit.fill(f"{page}/approve", on=page, **fields).text
    assert queued(hub) == [{"plan": twice.id}]


def test_whoever_approved_may_still_turn_it_down(anna: Visitor, hub: Hub, twice: StoredPlan) -> None:
    page = f"/plans/{twice.id}"
    anna.fill(f"{page}/approve", on=page, digest=twice.digest, reason="Stämmer")
    anna.fill(f"{page}/refuse", on=page, reason="Jag läste fel")
    assert now(hub, twice) is PlanState.REFUSED


def test_a_plan_that_is_turned_down_says_by_whom_and_why_and_is_never_done(
    anna: Visitor, hub: Hub, held: StoredPlan
) -> None:
    page = f"/plans/{held.id}"
    answer = anna.fill(f"{page}/refuse", on=page, reason="Källan är trasig")
    assert "Planen är avslagen" in answer.text
    assert "Källan är trasig" in anna.get(page).text
    assert anna.fill(f"{page}/approve", on=page, digest=held.digest, reason="Ändå").status_code == 409
    assert now(hub, held) is PlanState.REFUSED
    assert queued(hub) == []


def test_a_proposed_plan_is_carried_out_when_somebody_says_so(anna: Visitor, hub: Hub) -> None:
    first = make(hub.database, ROUTE, [create(1)], state=PlanState.PROPOSED, figures=(0, 0), first=True)
    page = f"/plans/{first.id}"
    assert anna.fill(f"{page}/approve", on=page, digest=first.digest, reason="Ja").status_code == 409
    assert "Planen är godkänd" in anna.fill(f"{page}/apply", on=page, digest=first.digest, reason="Ja").text
    assert queued(hub) == [{"plan": first.id}]


def test_changes_go_on_page_by_page_and_are_chosen_by_kind_and_outcome(anna: Visitor, hub: Hub) -> None:
    changes = [*(create(number) for number in range(60)), *(remove(number) for number in range(60, 130))]
    plan = make(hub.database, ROUTE, changes)
    assert walked(anna, f"/plans/{plan.id}", r'id="change-(\d+)"') == list(range(1, 131))
    assert walked(anna, f"/plans/{plan.id}?kind=remove", r'id="change-(\d+)"') == list(range(61, 131))
    assert walked(anna, f"/plans/{plan.id}?outcome=left", r'id="change-(\d+)"') == list(range(1, 131))
    assert "Det finns inga sådana ändringar" in anna.get(f"/plans/{plan.id}?outcome=applied").text
    assert walked(anna, f"/plans/{plan.id}?kind=x&outcome=y&after=z", r'id="change-(\d+)"') == list(range(1, 131))


def test_plans_go_on_page_by_page_and_those_that_wait_come_first(anna: Visitor, hub: Hub) -> None:
    held = make(hub.database, "b", [remove(number) for number in range(12)])
    for _ in range(120):
        make(hub.database, "a", [], state=PlanState.APPLIED)
    listed = r'class="lead"><a href="/plans/(\d+)"'
    assert walked(anna, "/plans", listed) == [held.id, *range(held.id + 120, held.id, -1)]
    assert walked(anna, "/plans?state=held", listed) == [held.id]
    assert walked(anna, "/plans?route=finns-inte", listed) == []


def walked(visitor: Visitor, address: str, shown: str) -> list[int]:
    """The numbers that the pages show, from that one to the last."""
    seen: list[int] = []
    while address:
        text = visitor.get(address).text
        seen += map(int, re.findall(shown, text))
        onward = re.search(r'<a href="([^"]+)" rel="next"', text)
        address = onward[1].replace("&amp;", "&") if onward else ""
    return seen


def test_old_and_new_are_told_apart_in_words_for_those_who_do_not_see_them(anna: Visitor, hub: Hub) -> None:
    plan = make(hub.database, ROUTE, [edit(1, {"terms": "30", "city": ""}, {"terms": "60", "city": "<b>Å</b>"})])
    text = anna.get(f"/plans/{plan.id}").text
    assert '<del><span class="hidden">från </span>30</del>' in text
    assert '<ins><span class="hidden">till </span>60</ins>' in text
    assert '<del><span class="hidden">från </span>tomt</del>' in text
    assert "&lt;b&gt;Å&lt;/b&gt;" in text


def test_what_differs_only_in_what_is_hidden_says_so(anna: Visitor, hub: Hub) -> None:
    plan = make(hub.database, ROUTE, [edit(1, {"id": "640823-3234"}, {"id": "640823-3242"})])
    text = anna.get(f"/plans/{plan.id}").text
    assert "640823-3234" not in text
    assert "640823-3242" not in text
    assert "de skiljer sig i det som är dolt" in text


def test_a_plan_being_carried_out_follows_along_until_it_is_done(anna: Visitor, hub: Hub) -> None:
    plan = make(hub.database, ROUTE, [create(1), create(2)])
    page = f"/plans/{plan.id}"
    text = anna.get(page).text
    assert "0 av 2 ändringar är gjorda" in text
    asked = re.search(rf'hx-get="({page}\?seen=\w+)"', text)
    assert asked
    assert anna.get(asked[1], headers={"HX-Request": "true"}).status_code == 204
    assert "hx-get" not in anna.get(f"{page}?still=1").text
    with hub.database.write() as connection:
        plans.move(connection, plan.id, PlanState.APPLIED)
    text = anna.get(asked[1], headers={"HX-Request": "true"}).text
    assert "Utförd" in text
    assert "hx-get" not in text


def test_the_city_tells_its_plans(clerk: Visitor) -> None:
    for number, words in {
        APPLIED: ("1 ändring godtogs inte av mottagaren", "Betalningsvillkoret 30 finns inte", "Kvittens R-1"),
        HELD: ("12 av mottagarens 415 poster", "Det räcker att en person godkänner", "leverantorer-11.csv"),
        TWICE: ("2 personer måste godkänna den; 1 har gjort det", "godkände planen: Stämt av"),
        PROPOSED: ("Ruttens första plan", "Utför planen"),
        APPLYING: ("4 av 10 ändringar är gjorda", "Återstår"),
        REHEARSED: ("provkörning", "Skulle stoppas", "enheternas system"),
        STALE: ("Inaktuell", "Mottagaren har ändrats", "Inte gjort"),
        EMPTY: ("Oförändrade 400", "Planen innehåller inga ändringar"),
    }.items():
        text = clerk.get(f"/plans/{number}").text
        assert [each for each in words if each not in text] == [], number


def test_what_waits_for_approval_stands_on_the_start_page_in_the_menu_and_at_its_connection(clerk: Visitor) -> None:
    text = clerk.get("/").text
    assert "3 planer väntar på godkännande" in text
    assert 'Planer <span class="count">3</span>' in text
    for page in ("/", "/connections/agresso-utb"):
        assert f'href="/plans/{TWICE}"' in clerk.get(page).text
    assert f'id="plan-{REHEARSED}"' not in text


@pytest.mark.parametrize("page", ["/plans/999", "/plans/x"])
def test_a_plan_that_is_not_there_is_said_to_be_gone(anna: Visitor, page: str) -> None:
    assert anna.get(page).status_code == 404
