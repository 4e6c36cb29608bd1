"""A folder as a source of documents, over a folder of this machine and over a real OpenSSH server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import paramiko
import pytest

from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.files import FolderSource, Inbox, open_inbox, open_place
from hub.plugin.files.local import LocalFolder
from hub.testing.keys import new_key
from hub.testing.places import Death, FaultyPlace, Killed
from hub.testing.ports import check_source
from hub.testing.sshd import Sshd, running_sshd

Settings = Callable[..., Inbox]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture(params=["folder", "sftp"])
def settings(request: pytest.FixtureRequest, inbox: Path) -> Settings:
    """The inbox's settings, reached directly and through OpenSSH."""

    def over_folder(**more: Any) -> Inbox:
        return Inbox(address=inbox.as_uri(), settle_seconds=0, **more)

    if request.param == "folder":
        return over_folder
    server: Sshd = request.getfixturevalue("sshd")
    return lambda **more: Inbox.model_validate(server.settings(inbox) | {"settle_seconds": 0} | more)


class Clock:
    """Gives each file a time of change of its own, as they would have when they come one by one."""

    def __init__(self) -> None:
        self.now = 1_700_000_000

    def write(self, path: Path, content: bytes) -> None:
        self.now += 10
        path.write_bytes(content)
        os.utime(path, (self.now, self.now))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def names(settings: Inbox) -> list[str]:
    source = open_inbox(settings)
    try:
        return [item.name for item in source.fetch()]
    finally:
        source.close()


def acknowledge_all(settings: Inbox) -> None:
    source = open_inbox(settings)
    for item in source.fetch():
        source.acknowledge(item)
    source.close()


@pytest.mark.parametrize("afterwards", ["move", "delete"])
def test_the_source_keeps_the_laws_of_its_port(settings: Settings, inbox: Path, clock: Clock, afterwards: str) -> None:
    check_source(
        lambda: open_inbox(settings(afterwards=afterwards)),
        put=lambda name, content: clock.write(inbox / name, content),
        change=lambda name: clock.write(inbox / name, b"<unfinished/> and more"),
        vanish=lambda name: (inbox / name).unlink(),
    )


def test_a_file_that_grows_between_two_looks_is_left_for_later(inbox: Path) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=7)
    (inbox / "still.xml").write_bytes(b"<whole/>")
    (inbox / "growing.xml").write_bytes(b"<half")
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        (inbox / "growing.xml").write_bytes(b"<half and more")

    source = FolderSource(settings, open_place(settings), wait)
    assert [item.name for item in source.fetch()] == ["still.xml"]
    assert waited == [7]


def test_an_empty_folder_is_not_waited_for(inbox: Path) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=7)
    waited: list[float] = []
    assert list(FolderSource(settings, open_place(settings), waited.append).fetch()) == []
    assert waited == []


def test_hidden_and_unfinished_names_links_and_folders_are_left(settings: Settings, inbox: Path) -> None:
    for name in (".hidden.xml", "a.xml.tmp", "b.PART", "c.xml.filepart", "d.xml~", "plain.xml", "no extension"):
        (inbox / name).write_bytes(b"x")
    (inbox / "folder.xml").mkdir()
    (inbox / "link.xml").symlink_to(inbox / "plain.xml")
    assert sorted(names(settings())) == ["no extension", "plain.xml"]


@pytest.mark.parametrize("name", ["back\\slash.xml", "new\nline.xml"])
def test_a_file_whose_name_cannot_be_used_is_rejected_and_never_passed_over(
    settings: Settings, inbox: Path, name: str
) -> None:
    (inbox / "plain.xml").write_bytes(b"x")
    (inbox / name).write_bytes(b"x")
    source = open_inbox(settings())
    items = {item.name: item for item in source.fetch()}
    assert items.keys() == {"plain.xml", name}
    with pytest.raises(Rejected) as caught, source.open(items[name]):
        raise AssertionError("it was opened")
    assert caught.value.reasons[0].code == "FILE-NAME"
    with source.open(items["plain.xml"]) as stream:
        assert stream.read() == b"x"
    source.close()


@pytest.mark.parametrize("afterwards", ["move", "delete"])
def test_a_file_whose_name_is_not_utf8_is_fetched_and_put_away_as_any_other(
    settings: Settings, inbox: Path, clock: Clock, afterwards: str
) -> None:
    name = b"latin-\xe5" + b"\xe4" * 240 + b".xml"
    path = Path(os.fsdecode(os.fsencode(inbox) + b"/" + name))
    for content in (b"<first/>", b"<second/>"):
        clock.write(path, content)
        source = open_inbox(settings(afterwards=afterwards))
        [item] = source.fetch()
        with source.open(item) as stream:
            assert stream.read() == content
        source.acknowledge(item)
        source.close()
    assert [each for each in inbox.iterdir() if each.is_file()] == []
    if afterwards == "move":
        kept = {os.fsencode(each.name): each.read_bytes() for each in (inbox / "processed").iterdir()}
        assert kept.pop(name) == b"<first/>"
        assert list(kept.values()) == [b"<second/>"]


def test_a_server_that_does_not_say_what_a_thing_is_hides_no_file(
    inbox: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "plain.xml").write_bytes(b"x")
    (inbox / "folder.xml").mkdir()
    really = paramiko.SFTPAttributes._from_msg  # type: ignore[attr-defined]

    def silent(*said: Any) -> Any:
        found = really(*said)
        found.st_mode = None
        return found

    monkeypatch.setattr(paramiko.SFTPAttributes, "_from_msg", silent)
    source = open_inbox(Inbox.model_validate(sshd.settings(inbox) | {"settle_seconds": 0}))
    [item] = source.fetch()
    with source.open(item) as stream:
        assert (item.name, stream.read()) == ("plain.xml", b"x")
    source.close()


def test_a_name_with_swedish_letters_and_spaces_is_fetched_and_moved(settings: Settings, inbox: Path) -> None:
    name = "Faktura åäö (2) – kopia.XML"
    (inbox / name).write_bytes(b"x")
    assert names(settings()) == [name]
    acknowledge_all(settings())
    assert [path.name for path in (inbox / "processed").iterdir()] == [name]


def test_a_namesake_among_the_fetched_files_is_not_overwritten(settings: Settings, inbox: Path, clock: Clock) -> None:
    for content in (b"first", b"second", b"third"):
        clock.write(inbox / "same.xml", content)
        acknowledge_all(settings())
    kept = sorted((path.read_bytes(), path.suffix) for path in (inbox / "processed").iterdir())
    assert kept == [(b"first", ".xml"), (b"second", ".xml"), (b"third", ".xml")]


def test_the_longest_name_can_be_put_beside_its_namesake(settings: Settings, inbox: Path, clock: Clock) -> None:
    name = "å" * 125 + ".xml"
    for content in (b"first", b"second"):
        clock.write(inbox / name, content)
        acknowledge_all(settings())
    assert sorted(path.read_bytes() for path in (inbox / "processed").iterdir()) == [b"first", b"second"]


def test_a_file_replaced_by_another_of_the_same_size_while_read_is_told(
    settings: Settings, inbox: Path, clock: Clock
) -> None:
    clock.write(inbox / "a.xml", b"<one/>")
    source = open_inbox(settings())
    [item] = source.fetch()
    opened = source.open(item)
    opened.__enter__().read()
    clock.write(inbox / "new", b"<two/>")
    (inbox / "new").rename(inbox / "a.xml")
    with pytest.raises(Unavailable, match="changed while it was read"):
        opened.__exit__(None, None, None)
    source.close()


class Overwritten(LocalFolder):
    """A folder in which somebody overwrites the file right before it is first renamed."""

    def __init__(self, inbox: Path, *contents: bytes) -> None:
        super().__init__(inbox, "inbox")
        self._inbox = inbox
        self._contents = list(contents)

    def rename(self, old: str, new: str) -> None:
        self._overwrite("a.xml")
        super().rename(old, new)

    def rename_new(self, old: str, new: str) -> bool:
        self._overwrite("a.xml")
        return super().rename_new(old, new)

    def _overwrite(self, name: str) -> None:
        if self._contents:
            (self._inbox / name).write_bytes(self._contents.pop(0))


@pytest.mark.parametrize("afterwards", ["move", "delete"])
@pytest.mark.parametrize("contents", [[b"<newer/>"], [b"<newer/>", b"<newest of all/>"]])
def test_a_file_overwritten_while_it_is_acknowledged_is_fetched_and_never_put_away_unread(
    inbox: Path, clock: Clock, afterwards: str, contents: list[bytes]
) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=0, afterwards=afterwards)
    clock.write(inbox / "a.xml", b"<one/>")
    source = FolderSource(settings, Overwritten(inbox, *contents))
    [item] = source.fetch()
    source.acknowledge(item)
    waiting = list(source.fetch())
    assert sorted((inbox / each.name).read_bytes() for each in waiting) == sorted(contents)
    assert sorted(path.name for path in inbox.iterdir()) == sorted(each.name for each in waiting)


@pytest.mark.parametrize("step", range(1, 12))
@pytest.mark.parametrize("afterwards", ["move", "delete"])
def test_a_death_while_acknowledging_loses_no_file_and_puts_the_fetched_one_away_in_the_end(
    inbox: Path, clock: Clock, afterwards: str, step: int
) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=0, afterwards=afterwards)
    name = "å" * 110 + ".xml"
    clock.write(inbox / name, b"<one/>")
    [item] = FolderSource(settings, open_place(settings)).fetch()
    with suppress(Killed):
        FolderSource(settings, FaultyPlace(open_place(settings), die_at=step, death=Death.AFTER)).acknowledge(item)
    list(FolderSource(settings, open_place(settings)).fetch())
    again = list(FolderSource(settings, open_place(settings)).fetch())
    assert again in ([], [item])
    acknowledge_all(settings)
    assert [path.name for path in inbox.iterdir() if path.is_file()] == []
    if afterwards == "move":
        assert [path.read_bytes() for path in (inbox / "processed").iterdir()] == [b"<one/>"]


def test_one_file_that_may_not_be_read_is_rejected_and_the_others_are_given(
    inbox: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=0)
    clock.write(inbox / "secret.xml", b"<secret/>")
    clock.write(inbox / "plain.xml", b"<plain/>")
    really = os.open

    def guarded(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("secret.xml"):
            raise PermissionError(13, "Permission denied")
        return really(path, *rest, **more)

    monkeypatch.setattr(os, "open", guarded)
    source = open_inbox(settings)
    secret, plain = source.fetch()
    with pytest.raises(Rejected) as caught, source.open(secret):
        raise AssertionError("it was opened")
    [reason] = caught.value.reasons
    assert (reason.code, reason.value) == ("ITEM-UNREADABLE", "secret.xml")
    assert "läsrätt" in reason.problem.sv
    assert str(inbox) in reason.problem.en
    with source.open(plain) as stream:
        assert stream.read() == b"<plain/>"
    assert (inbox / "secret.xml").exists()


def test_a_login_that_is_refused_is_refused_when_an_item_is_opened_too(inbox: Path, sshd: Sshd, clock: Clock) -> None:
    good = Inbox.model_validate(sshd.settings(inbox) | {"settle_seconds": 0})
    bad = good.model_copy(update={"host_key": new_key().public})
    clock.write(inbox / "a.xml", b"<one/>")
    source = open_inbox(good)
    [item] = source.fetch()
    source.close()
    with pytest.raises(Refused), open_inbox(bad).open(item):
        raise AssertionError("it was opened")


def test_a_failure_of_the_reader_is_not_hidden_by_the_change_of_the_file(inbox: Path) -> None:
    settings = Inbox(address=inbox.as_uri(), settle_seconds=0)
    (inbox / "a.xml").write_bytes(b"<one/>")
    source = open_inbox(settings)
    [item] = source.fetch()

    def read_and_fail(opened: AbstractContextManager[Any]) -> None:
        with opened:
            (inbox / "a.xml").unlink()
            raise OSError("the database is full")

    with pytest.raises(OSError, match="the database is full"):
        read_and_fail(source.open(item))


def test_a_missing_inbox_is_unavailable_and_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    settings = Inbox(address=(tmp_path / "absent").as_uri())
    with pytest.raises(Unavailable, match="not there"):
        list(open_inbox(settings).fetch())


@pytest.mark.parametrize("folder", ["..", "a/b", "", "x" * 300])
def test_fetched_files_are_moved_to_one_folder_below_and_nowhere_else(folder: str) -> None:
    with pytest.raises(ValueError, match="unfit"):
        Inbox(address="file:///inbox", processed_folder=folder)
