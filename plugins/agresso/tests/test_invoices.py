"""Invoices to the file drop: what is written, and that it is delivered once whatever dies on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hub_agresso.client import LEFTOVERS_STAY, MARKERS, Attempt, Drop, Pair
from hub_agresso.connectors import FILE_DROP
from hub_agresso.invoices import InvoiceDrop, file_name, manifest, open_invoice_drop
from hub_agresso.settings import FileDropSettings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hub.domain.changes import Change, Receipt
from hub.domain.invoices import Invoice, InvoiceKind, Totals
from hub.domain.money import Money
from hub.domain.parties import Party
from hub.domain.texts import Text
from hub.plugin.errors import Unavailable
from hub.plugin.files import Entry, Place, open_place, temporary
from hub.testing.places import Death, FaultyPlace, Killed, MemoryPlace, Stepped
from hub.testing.ports import Content, a_dispatch, check_target
from hub.testing.sshd import Sshd, running_sshd

CONTENT = Content("<?xml version='1.0'?><Invoice>åäö</Invoice>".encode())
STEPS = 20


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drop = tmp_path / "drop"
    drop.mkdir()
    return drop


@pytest.fixture(params=["folder", "sftp"])
def settings(request: pytest.FixtureRequest, folder: Path) -> FileDropSettings:
    """The drop folder's settings, reached directly and through OpenSSH."""
    if request.param == "folder":
        return FileDropSettings(address=folder.as_uri())
    server: Sshd = request.getfixturevalue("sshd")
    return FileDropSettings.model_validate(server.settings(folder))


def an_invoice(number: str = "F-1001", seller: str = "Påhittade Pennor AB", legal_id: str = "556000-0464") -> Invoice:
    payable = Money(Decimal("1250.00"), "SEK")
    return Invoice(
        kind=InvoiceKind.INVOICE,
        number=number,
        issue_date=date(2026, 11, 20),
        due_date=date(2026, 12, 20),
        currency="SEK",
        seller=Party(seller, legal_id=legal_id),
        buyer=Party("Trafikkontoret (påhittad)"),
        lines=(),
        vat=(),
        totals=Totals(None, None, None, None, None, None, payable),
    )


def delivered_documents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.xml")}


# --- what is written -------------------------------------------------------------------------------------------


def test_the_target_keeps_the_laws_of_its_port(settings: FileDropSettings, folder: Path) -> None:
    check_target(lambda: open_invoice_drop(settings), an_invoice(), lambda: delivered_documents(folder), CONTENT)


def test_the_document_and_its_manifest_stand_at_the_drop_and_nothing_hidden_but_the_marker(
    settings: FileDropSettings, folder: Path
) -> None:
    target = open_invoice_drop(settings)
    change = target.fit(an_invoice(), a_dispatch(CONTENT))
    receipt = target.apply(change, CONTENT)
    target.close()
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted([MARKERS, change.address, f"{change.address}.json"])
    assert json.loads((folder / f"{change.address}.json").read_text()) == {**change.fields, "key": change.key}
    assert receipt.reference == change.address


def test_the_manifest_says_whose_invoice_it_is_and_how_it_was_judged() -> None:
    stated = manifest(an_invoice(), a_dispatch(CONTENT))
    assert stated["seller"] == "Påhittade Pennor AB"
    assert stated["organisation_number"] == "5560000464"
    assert (stated["amount"], stated["currency"]) == ("1250.00", "SEK")
    assert (stated["sha256"], stated["size"]) == (CONTENT.digest, str(CONTENT.size))
    assert (stated["unit"], stated["verdict"], stated["pack"]) == ("107", "valid", "peppol-billing-3.0.21")


def test_a_sole_traders_personnummer_is_masked_in_the_manifest() -> None:
    stated = manifest(an_invoice(legal_id="811218-9876"), a_dispatch(CONTENT))
    assert stated["organisation_number"] == "811218-****"


@pytest.mark.parametrize(
    ("number", "seller", "start"),
    [
        ("F-1001", "Påhittade Pennor AB", "Pahittade-Pennor-AB_F-1001_"),
        ("../../etc/passwd", "a/b\\c", "a-b-c_etc-passwd_"),
        ("\n\x00", "…", ""),
        ("9" * 300, "x" * 300, f"{'x' * 40}_{'9' * 40}_"),
    ],
)
def test_the_file_name_is_safe_whatever_seller_and_number_are(number: str, seller: str, start: str) -> None:
    name = file_name(an_invoice(number, seller), "key")
    assert name.startswith(start)
    assert name.endswith(".xml")
    assert all(character.isascii() and (character.isalnum() or character in "-_.") for character in name)
    assert len(temporary(f"{name}.marker.{'0' * 16}")) < 255


def test_two_keys_never_share_a_name() -> None:
    assert file_name(an_invoice(), "invoices:1") != file_name(an_invoice(), "invoices:2")


# --- delivered once --------------------------------------------------------------------------------------------


class Receiver:
    """Takes what is delivered, and remembers all it ever took; what is hidden it does not see."""

    def __init__(self, files: MemoryPlace, takes: Callable[[int], bool]) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self._files = files
        self._takes = takes
        self._looked = 0

    def look(self, _operation: int) -> None:
        self._looked += 1
        self.check_that_no_manifest_comes_before_its_document()
        if self._takes(self._looked):
            self.take_all()

    def take_all(self) -> None:
        for path in [path for path in self._files.files if not path.startswith(".")]:
            self.taken.append((path, self._files.files.pop(path)))

    def must_have_taken_one_whole_pair_of(self, change: Change) -> None:
        self.take_all()
        assert sorted(name for name, _ in self.taken) == [change.address, f"{change.address}.json"]
        assert dict(self.taken)[change.address] == CONTENT.data
        assert json.loads(dict(self.taken)[f"{change.address}.json"])["sha256"] == CONTENT.digest

    def check_that_no_manifest_comes_before_its_document(self) -> None:
        seen = {path for path, _ in self.taken} | set(self._files.files)
        assert all(path.removesuffix(".json") in seen for path in seen if path.endswith(".xml.json"))


def deliver(place: Place, change: Change) -> Receipt:
    """What the hub does after each death: ask what stands there, and apply when nothing does."""
    target = InvoiceDrop(FileDropSettings(address="file:///drop"), Drop(place, read_back=True))
    return target.existing(change) or target.apply(change, CONTENT)


def the_change() -> Change:
    target = InvoiceDrop(FileDropSettings(address="file:///drop"), Drop(MemoryPlace(), read_back=True))
    return target.fit(an_invoice(), a_dispatch(CONTENT))


def survive(deaths: list[tuple[int, Death]], takes: Callable[[int], bool]) -> None:
    """Die so many times, then live; one pair must have reached the receiver, and every receipt names it."""
    change = the_change()
    files = MemoryPlace()
    receiver = Receiver(files, takes)
    for step, death in deaths:
        try:
            deliver(FaultyPlace(files, die_at=step, death=death, meanwhile=receiver.look), change)
        except Killed:
            continue
    receipt = deliver(FaultyPlace(files, meanwhile=receiver.look), change)
    assert receipt.reference == change.address
    receiver.take_all()
    assert deliver(files, change).details["taken"] == "yes"
    receiver.must_have_taken_one_whole_pair_of(change)


def test_the_steps_counted_here_cover_a_whole_delivery() -> None:
    place = FaultyPlace(MemoryPlace())
    deliver(place, the_change())
    assert 12 <= place.operations < STEPS


@pytest.mark.parametrize("death", Death)
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_death_at_any_step_ends_in_one_pair_whenever_the_receiver_takes_files(step: int, death: Death) -> None:
    survive([(step, death)], takes=lambda _: False)
    survive([(step, death)], takes=lambda _: True)
    for moment in range(1, 3 * STEPS):
        survive([(step, death)], takes=moment.__eq__)


@examples(max_examples=300, deadline=None)
@given(
    deaths=st.lists(st.tuples(st.integers(1, STEPS), st.sampled_from(Death)), max_size=5),
    moments=st.sets(st.integers(1, 6 * STEPS), max_size=8),
)
def test_any_number_of_deaths_ends_in_one_pair(deaths: list[tuple[int, Death]], moments: set[int]) -> None:
    survive(deaths, takes=lambda looked: looked in moments)


def test_a_delivery_that_died_on_disk_and_over_sftp_is_finished(settings: FileDropSettings, folder: Path) -> None:
    change = the_change()
    for step in range(1, STEPS + 1):
        for path in [*folder.iterdir(), *(folder / MARKERS).glob("*")]:
            if path.is_file():
                path.unlink()
        place = open_place(settings)
        try:
            deliver(FaultyPlace(place, die_at=step, death=Death.AFTER), change)
        except Killed:
            deliver(place, change)
        place.close()
        files = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        assert files == [change.address, f"{change.address}.json"], f"after death at step {step}"
        assert (folder / change.address).read_bytes() == CONTENT.data


# --- several attempts at once ----------------------------------------------------------------------------------


def an_attempt(files: MemoryPlace, change: Change) -> Stepped:
    """A worker that goes on with the delivery step by step, whatever others did meanwhile."""

    def work(meanwhile: Callable[[int], None]) -> None:
        deliver(FaultyPlace(files, meanwhile=meanwhile), change)

    return Stepped(work)


def interleave(first_steps: int, second_steps: int, takes: Callable[[int], bool], *, second_ends_first: bool) -> None:
    """The first freezes after so many steps, the second after so many more; then both wake, one after the other."""
    change, files = the_change(), MemoryPlace()
    receiver = Receiver(files, takes)
    first, second = an_attempt(files, change), an_attempt(files, change)
    order = [first] * first_steps + [second] * second_steps
    rest = [second, first] if second_ends_first else [first, second]
    for attempt in order + [each for each in rest for _ in range(2 * STEPS)]:
        attempt.step()
        receiver.look(0)
    first.finish()
    second.finish()
    receiver.must_have_taken_one_whole_pair_of(change)
    assert list(files.files) == [f"{MARKERS}/{change.address}.marker"], "nothing hidden is left behind"


@pytest.mark.parametrize("second_ends_first", [True, False])
@pytest.mark.parametrize("takes", [lambda _: True, lambda _: False], ids=["taken at once", "taken at the end"])
def test_two_attempts_that_freeze_and_wake_at_any_steps_end_in_one_whole_pair(
    takes: Callable[[int], bool], second_ends_first: bool
) -> None:
    for first_steps in range(STEPS):
        for second_steps in range(STEPS):
            interleave(first_steps, second_steps, takes, second_ends_first=second_ends_first)


@examples(max_examples=200, deadline=None)
@given(
    turns=st.lists(st.integers(0, 2), max_size=4 * STEPS),
    moments=st.sets(st.integers(1, 4 * STEPS), max_size=12),
    die=st.sets(st.integers(0, 2)),
)
def test_three_attempts_in_any_order_of_which_any_may_die_end_in_one_whole_pair(
    turns: list[int], moments: set[int], die: set[int]
) -> None:
    change, files = the_change(), MemoryPlace()
    receiver = Receiver(files, lambda looked: looked in moments)
    attempts = [an_attempt(files, change) for _ in range(3)]
    for turn in turns:
        attempts[turn].step()
        receiver.look(0)
    for number, attempt in enumerate(attempts):
        if number in die:
            attempt.kill()
        else:
            attempt.finish()
    deliver(files, change)
    receiver.must_have_taken_one_whole_pair_of(change)


def test_the_marker_of_one_attempt_is_never_overwritten_by_another(settings: FileDropSettings, folder: Path) -> None:
    place = open_place(settings)
    place.write("first", [b"1"])
    place.write("second", [b"2"])
    assert place.rename_new("first", "marker")
    assert not place.rename_new("second", "marker")
    place.close()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"marker": b"1", "second": b"2"}


def test_an_attempt_that_cannot_write_leaves_nothing_behind() -> None:
    class Full(MemoryPlace):
        def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
            if "marker" in path:
                raise Unavailable(Text("fullt", "full"))
            return super().write(path, chunks)

    place = Full()
    with pytest.raises(Unavailable):
        deliver(place, the_change())
    assert place.files == {}


def test_a_marker_that_cannot_be_understood_is_told_and_nothing_is_delivered_again() -> None:
    place, change = MemoryPlace(), the_change()
    for torn in (b"", b"\x00" * 60, b"[]", b'{"attempt": "../x"}'):
        place.write(f"{MARKERS}/{change.address}.marker", [torn])
        with pytest.raises(Unavailable, match="Ask the receiver"):
            deliver(place, change)
    assert list(place.files) == [f"{MARKERS}/{change.address}.marker"]


def test_a_document_torn_after_its_marker_is_delivered_anew_and_a_torn_manifest_is_mended() -> None:
    for part in ("document", "manifest"):
        place, change = MemoryPlace(), the_change()
        receiver = Receiver(place, lambda _: False)
        died = FaultyPlace(place, die_at=operation_of_the_marker() + 1)
        with pytest.raises(Killed):
            deliver(died, change)
        pair = Pair(change.address, CONTENT.digest, CONTENT.size, b"")
        token = json.loads(place.files[pair.marker])["attempt"]
        place.write(getattr(Attempt(pair, token), part), [b"torn"])
        deliver(place, change)
        receiver.must_have_taken_one_whole_pair_of(change)


def operation_of_the_marker() -> int:
    """Which operation of a delivery gives the marker its name."""
    change = the_change()
    for step in range(1, STEPS):
        place = MemoryPlace()
        with suppress(Killed):
            deliver(FaultyPlace(place, die_at=step, death=Death.AFTER), change)
        if f"{MARKERS}/{change.address}.marker" in place.files:
            return step
    raise AssertionError("no operation of a delivery makes a marker")


def test_what_a_dead_attempt_left_is_swept_when_it_is_old_and_what_a_marker_names_is_not() -> None:
    place, change = MemoryPlace(), the_change()
    with suppress(Killed):
        deliver(FaultyPlace(place, die_at=operation_of_the_marker()), change)
    dead = set(place.files)
    with suppress(Killed):
        deliver(FaultyPlace(place, die_at=operation_of_the_marker() + 1), change)
    named = set(place.files) - dead
    place.write("others.xml", [b"not ours"])
    later = datetime(2023, 11, 15, tzinfo=UTC) + LEFTOVERS_STAY
    Drop(place, read_back=True).sweep(timedelta(days=90), now=later - timedelta(days=2))
    assert set(place.files) == dead | named | {"others.xml"}
    Drop(place, read_back=True).sweep(timedelta(days=90), now=later)
    assert set(place.files) - {path for path in dead if MARKERS in path} == named | {"others.xml"}


# --- the rest --------------------------------------------------------------------------------------------------


def test_a_document_that_is_not_what_was_written_is_not_delivered() -> None:
    class Lossy(MemoryPlace):
        def write(self, path: str, chunks: object) -> object:  # type: ignore[override]
            return super().write(path, [b"x" * CONTENT.size])

    place = Lossy()
    with pytest.raises(Unavailable, match="not what was written"):
        deliver(place, the_change())  # type: ignore[arg-type]
    assert not [path for path in place.files if not path.startswith(".")]


def test_bytes_that_are_not_the_changes_are_a_bug_and_are_not_delivered() -> None:
    place = MemoryPlace()
    target = InvoiceDrop(FileDropSettings(address="file:///drop"), Drop(place, read_back=True))
    with pytest.raises(ValueError, match="not those of"):
        target.apply(the_change(), Content(b"something else"))
    assert place.files == {}


def test_old_markers_are_swept_and_young_ones_stay() -> None:
    place = MemoryPlace()
    drop = Drop(place, read_back=True)
    pairs = [Pair(name, CONTENT.digest, CONTENT.size, b"{}") for name in ("old.xml", "young.xml")]
    for pair in pairs:
        drop.deliver(pair, CONTENT)
    young = place.stat(pairs[1].marker)
    assert young
    drop.sweep(timedelta(days=90), now=young.modified_at + timedelta(days=90))
    assert place.stat(pairs[0].marker) is None
    assert place.stat(pairs[1].marker)


def test_a_delivery_now_and_then_sweeps_old_markers() -> None:
    place = MemoryPlace()
    drop = Drop(place, read_back=True)
    drop.deliver(Pair("old.xml", CONTENT.digest, CONTENT.size, b"{}"), CONTENT)
    target = InvoiceDrop(FileDropSettings(address="file:///drop"), drop)
    for number in range(1500):
        target.apply(target.fit(an_invoice(), a_dispatch(CONTENT, key=f"invoices:{number}")), CONTENT)
    assert place.stat(f"{MARKERS}/old.xml.marker") is None


def test_a_receipts_time_is_the_markers() -> None:
    receipt = deliver(MemoryPlace(), the_change())
    assert datetime(2023, 11, 14, tzinfo=UTC) < receipt.at < datetime(2023, 11, 16, tzinfo=UTC)


def test_the_check_tells_what_was_tried_and_leaves_nothing_behind(settings: FileDropSettings, folder: Path) -> None:
    (folder / "others.xml").write_bytes(b"not ours")
    checks = list(FILE_DROP.check(settings))
    assert [check.passed for check in checks] == [True, True, True]
    assert [path.name for path in folder.iterdir()] == ["others.xml"]


def test_the_check_tells_a_drop_folder_that_is_not_there(tmp_path: Path) -> None:
    checks = list(FILE_DROP.check(FileDropSettings(address=(tmp_path / "absent").as_uri())))
    assert [check.passed for check in checks] == [True, False, False]
    assert "finns inte" in checks[1].detail.sv
