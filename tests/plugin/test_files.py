"""The seam to file places, over a folder of this machine, a real OpenSSH server and the SFTP stand-in."""

from __future__ import annotations

import getpass
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.files import FilePlace, Place, check_place, name_fault, open_place, put, shown_name, temporary
from hub.testing.keys import new_key
from hub.testing.ports import check_opening, touched
from hub.testing.sftp import SftpServer, running_sftp
from hub.testing.sshd import Sshd, running_sshd

ANY_KEY = new_key()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stand-in serves: each test has a folder of its own in it."""
    return tmp_path_factory.mktemp("places")


@pytest.fixture(scope="module")
def standin(shared: Path) -> Iterator[SftpServer]:
    with running_sftp(shared) as server:
        yield server


@pytest.fixture
def folder(shared: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=shared))


@pytest.fixture(params=["folder", "openssh", "stand-in"])
def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    opened = open_place(_settings(request, folder))
    yield opened
    opened.close()


def _settings(request: pytest.FixtureRequest, folder: Path) -> FilePlace:
    if request.param == "stand-in":
        return FilePlace.model_validate(request.getfixturevalue("standin").settings(f"/{folder.name}"))
    if request.param == "openssh":
        server: Sshd = request.getfixturevalue("sshd")
        return server.place(folder)
    return FilePlace(address=folder.as_uri())


def content(place: Place, path: str) -> bytes:
    with place.open(path) as stream:
        return stream.read()


# --- what one may do -------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again_whatever_its_size(place: Place) -> None:
    for size in (0, 1, 65_536, 1_000_001, 9_000_000):
        data = os.urandom(size)
        pieces = [data[start : start + 100_000] for start in range(0, size, 100_000)]
        entry = place.write("file.bin", pieces)
        assert (entry.name, entry.size) == ("file.bin", size)
        assert content(place, "file.bin") == data


def test_what_is_listed_is_the_plain_files_and_nothing_below(place: Place, folder: Path) -> None:
    for name in ("a.xml", ".hidden", "åäö.xml"):
        (folder / name).write_bytes(b"123")
    (folder / "below").mkdir()
    (folder / "below" / "b.xml").write_bytes(b"1")
    (folder / "link.xml").symlink_to(folder / "a.xml")
    assert sorted((entry.name, entry.size) for entry in place.entries()) == [
        (".hidden", 3),
        ("a.xml", 3),
        ("åäö.xml", 3),
    ]
    assert [entry.name for entry in place.entries("below")] == ["b.xml"]


def test_many_files_are_all_listed(place: Place, folder: Path) -> None:
    names = {f"file-{number:04d}.xml" for number in range(1500)}
    for name in names:
        (folder / name).touch()
    assert {entry.name for entry in place.entries()} == names


def test_what_stands_there_is_told_as_it_was_listed(place: Place, folder: Path) -> None:
    (folder / "a.xml").write_bytes(b"123")
    [listed] = place.entries()
    assert place.stat("a.xml") == listed
    assert place.stat("absent.xml") is None
    (folder / "below").mkdir()
    (folder / "link.xml").symlink_to(folder / "a.xml")
    assert place.stat("below") is None
    assert place.stat("link.xml") is None


def test_a_file_is_renamed_into_a_folder_below_and_over_another(place: Place, folder: Path) -> None:
    place.make_folder("below")
    place.make_folder("below")
    place.write("a.xml", [b"new"])
    place.write("below/a.xml", [b"old"])
    place.rename("a.xml", "below/a.xml")
    assert content(place, "below/a.xml") == b"new"
    assert [path.name for path in folder.iterdir()] == ["below"]


def test_a_new_name_is_given_only_when_nothing_has_it(place: Place, folder: Path) -> None:
    place.make_folder("below")
    place.write("a.xml", [b"first"])
    place.write("b.xml", [b"second"])
    assert place.rename_new("a.xml", "below/c.xml")
    assert not place.rename_new("b.xml", "below/c.xml")
    assert not place.rename_new("b.xml", "below")
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["b.xml"]
    assert content(place, "below/c.xml") == b"first"
    assert content(place, "b.xml") == b"second"


def test_a_new_name_for_what_is_not_there_is_unavailable(place: Place) -> None:
    with pytest.raises(Unavailable):
        place.rename_new("absent.xml", "a.xml")


def test_a_folder_that_has_no_hard_links_gives_new_names_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    place = open_place(FilePlace(address=folder.as_uri()))
    place.write("a.xml", [b"first"])
    place.write("b.xml", [b"second"])
    monkeypatch.setattr(os, "link", unsupported)
    assert place.rename_new("a.xml", "c.xml")
    assert not place.rename_new("b.xml", "c.xml")
    assert content(place, "c.xml") == b"first"


def test_removing_twice_is_removing_once(place: Place, folder: Path) -> None:
    place.write("a.xml", [b"1"])
    place.remove("a.xml")
    place.remove("a.xml")
    assert list(folder.iterdir()) == []


def test_put_leaves_the_whole_file_and_no_other(place: Place, folder: Path) -> None:
    put(place, "a.xml", [b"whole"])
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.xml", b"whole")]


def test_put_that_fails_in_the_middle_leaves_nothing_under_the_name(place: Place, folder: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put(place, "a.xml", half())
    assert [path.name for path in folder.iterdir()] == [temporary("a.xml")]


def test_what_is_not_there_is_unavailable(place: Place) -> None:
    for attempt in (
        lambda: place.open("absent.xml"),
        lambda: place.rename("absent.xml", "other.xml"),
        lambda: list(place.entries("absent")),
        lambda: place.write("absent/a.xml", [b"1"]),
    ):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert "finns inte" in caught.value.text.sv


@pytest.mark.parametrize(
    "path", ["..", "../a.xml", "/etc/passwd", "a/b/c.xml", "a\\b.xml", "a\nb", "", "./a", "x" * 256, "\ud800.xml", "a/"]
)
def test_a_path_that_leads_elsewhere_is_rejected_before_it_is_used(place: Place, path: str) -> None:
    for attempt in (
        lambda: place.open(path),
        lambda: place.write(path, [b"1"]),
        lambda: place.rename("a.xml", path),
        lambda: place.remove(path),
        lambda: place.stat(path),
        lambda: place.make_folder(path),
    ):
        with pytest.raises(Rejected):
            attempt()


def test_a_name_that_is_not_utf8_does_not_hide_the_others(place: Place, folder: Path) -> None:
    (folder / "a.xml").write_bytes(b"1")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe5.xml")).write_bytes(b"1")
    names = [entry.name for entry in place.entries()]
    assert [name for name in names if not name_fault(name)] == ["a.xml"]
    assert len(names) == 2


def test_a_link_is_never_followed_out_of_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link.xml").symlink_to(tmp_path / "secret")
    place = open_place(FilePlace(address=folder.as_uri()))
    with pytest.raises(Failure):
        place.open("link.xml")
    with pytest.raises(Failure):
        place.write("link.xml", [b"overwritten"])
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_pipe_without_a_writer_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.xml")
    place = open_place(FilePlace(address=folder.as_uri()))
    assert list(place.entries()) == []
    with pytest.raises(Unavailable):
        place.open("pipe.xml")


def test_a_folder_without_rights_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    place = open_place(FilePlace(address=folder.as_uri()))
    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(Refused, match="no right"):
        list(place.entries())


def test_a_full_disk_is_unavailable_and_says_so(folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full; on Linux this test runs")
    place = open_place(FilePlace(address="file:///dev"))
    with pytest.raises(Unavailable, match="no room left"):
        place.write("full", [b"x" * 100_000])


# --- opening touches nothing -----------------------------------------------------------------------------------


def test_opening_and_closing_a_place_touches_nothing_and_its_first_verb_gets_in(folder: Path, sshd: Sshd) -> None:
    for settings in (FilePlace(address=folder.as_uri()), sshd.place(folder)):
        check_opening(lambda settings=settings: open_place(settings))  # type: ignore[misc]
        place = open_place(settings)
        assert touched(lambda place=place: list(place.entries())) != []  # type: ignore[misc]
        place.close()


def test_a_place_that_gets_in_when_it_is_opened_breaks_the_law_of_opening(sshd: Sshd, folder: Path) -> None:
    def eager() -> Place:
        place = open_place(sshd.place(folder))
        place.reach()
        return place

    with pytest.raises(AssertionError, match="touches nothing"):
        check_opening(eager)


def test_every_verb_raises_what_is_wrong_with_the_login(sshd: Sshd, folder: Path) -> None:
    settings = sshd.place(folder, host_key=ANY_KEY.public)
    verbs: list[Callable[[Place], object]] = [
        lambda place: place.reach(),
        lambda place: list(place.entries()),
        lambda place: place.stat("a.xml"),
        lambda place: place.open("a.xml"),
        lambda place: place.write("a.xml", [b"1"]),
        lambda place: place.rename("a.xml", "b.xml"),
        lambda place: place.rename_new("a.xml", "b.xml"),
        lambda place: place.remove("a.xml"),
        lambda place: place.make_folder("below"),
    ]
    for verb in verbs:
        with pytest.raises(Refused, match="another key"):
            verb(open_place(settings))


def test_a_place_is_got_into_once_for_all_its_verbs(sshd: Sshd, folder: Path) -> None:
    place = open_place(sshd.place(folder))
    place.reach()
    heard = touched(lambda: (place.write("a.xml", [b"1"]), place.stat("a.xml"), list(place.entries())))
    assert not [event for event in heard if event.startswith("socket.connect")]
    place.close()


# --- getting in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write_key",
    [
        lambda: _pem(ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.OpenSSH),
        lambda: _pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.OpenSSH),
        lambda: _pem(rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.OpenSSH),
        lambda: _pem(rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.TraditionalOpenSSL),
    ],
    ids=["ed25519", "ecdsa", "rsa", "rsa as PEM"],
)
def test_a_right_key_of_every_kind_gets_in(tmp_path: Path, folder: Path, write_key: Callable[[], str]) -> None:
    private = write_key()
    key = serialization.load_ssh_private_key if "OPENSSH" in private else serialization.load_pem_private_key
    public = key(private.encode(), None).public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    with running_sshd(tmp_path) as server:
        (tmp_path / "authorized_keys").write_bytes(line + b"\n")
        place = open_place(server.place(folder, private_key=private))
        assert list(place.entries()) == []
        place.close()


def _pem(
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: serialization.PrivateFormat
) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_another_host_key_is_refused_before_anything_is_sent(sshd: Sshd, folder: Path) -> None:
    with pytest.raises(Refused, match="another key"):
        open_place(sshd.place(folder, host_key=ANY_KEY.public)).reach()


def test_a_host_key_of_a_kind_the_server_has_not_is_refused(sshd: Sshd, folder: Path) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    with pytest.raises(Refused):
        open_place(sshd.place(folder, host_key=line)).reach()


def test_one_of_several_pinned_host_keys_is_enough_while_it_is_changed(sshd: Sshd, folder: Path) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    other = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    for lines in (
        f"{other}\n{sshd.host_key}",
        f"{sshd.host_key}\n{ANY_KEY.public}",
        f"{ANY_KEY.public}\n{sshd.host_key}",
    ):
        place = open_place(sshd.place(folder, host_key=lines))
        place.reach()
        place.close()


def test_a_key_that_is_not_authorized_is_refused(sshd: Sshd, folder: Path) -> None:
    with pytest.raises(Refused, match="did not accept the login"):
        open_place(sshd.place(folder, private_key=new_key().private)).reach()


@pytest.mark.parametrize(
    "text", ["no key at all", "", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"]
)
def test_a_private_key_that_cannot_be_read_is_refused_without_showing_it(sshd: Sshd, folder: Path, text: str) -> None:
    with pytest.raises(Refused, match="cannot be read") as caught:
        open_place(sshd.place(folder, private_key=text or " ")).reach()
    assert "AAAA" not in caught.value.text.sv


def test_a_wrong_password_is_refused_without_showing_it(standin: SftpServer) -> None:
    settings = standin.settings() | {"password": "hemligt-och-fel"}
    with pytest.raises(Refused, match="did not accept the login") as caught:
        open_place(FilePlace.model_validate(settings)).reach()
    assert "hemligt" not in f"{caught.value.text.sv} {caught.value.text.en}"


def test_the_stand_in_shows_its_own_folder_and_nothing_above(standin: SftpServer) -> None:
    place = open_place(FilePlace.model_validate(standin.settings("/etc")))
    with pytest.raises(Unavailable):
        list(place.entries())
    place.close()


def test_a_server_that_is_not_there_is_unavailable(folder: Path) -> None:
    with pytest.raises(Unavailable, match="could not be opened"):
        open_place(_sftp(_closed_port())).reach()


def test_a_server_that_says_nothing_is_given_up_within_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        open_place(_sftp(silent.getsockname()[1], connect_timeout=0.3)).reach()


def test_a_server_that_talks_something_else_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
                line.settimeout(5)
                with suppress(OSError):
                    while line.recv(1000):
                        continue

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(Unavailable):
            open_place(_sftp(listener.getsockname()[1], connect_timeout=2)).reach()
        thread.join(10)


def test_a_connection_that_breaks_is_unavailable_in_every_call(folder: Path) -> None:
    (folder / "a.xml").write_bytes(b"1")
    with running_sftp(folder) as server:
        place = open_place(FilePlace.model_validate(server.settings()))
        stream = place.open("a.xml")
        assert stream.read() == b"1"
    for attempt in (
        lambda: list(place.entries()),
        lambda: place.stat("a.xml"),
        lambda: place.open("a.xml"),
        lambda: place.write("b.xml", [b"1"]),
        lambda: place.rename("a.xml", "b.xml"),
        lambda: place.remove("a.xml"),
    ):
        with pytest.raises(Unavailable):
            attempt()
    place.close()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sftp(port: int, connect_timeout: float = 5) -> FilePlace:
    return FilePlace(
        address=f"sftp://{getpass.getuser()}@127.0.0.1:{port}/",
        password="any",
        host_key=ANY_KEY.public,
        connect_timeout=connect_timeout,
    )


# --- settings and names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stated",
    [
        {"address": "/srv/inbox"},
        {"address": "ftp://server/inbox"},
        {"address": "file://server/inbox"},
        {"address": "sftp://server/inbox", "password": "x", "host_key": ANY_KEY.public},
        {"address": "sftp://user@server:abc/", "password": "x", "host_key": ANY_KEY.public},
        {"address": "sftp://user:hemligt@server/", "host_key": ANY_KEY.public},
        {"address": "sftp://user@server/", "password": "x"},
        {"address": "sftp://user@server/", "host_key": ANY_KEY.public},
        {"address": "sftp://user@server/", "password": "x", "host_key": "ssh-ed25519"},
        {"address": "sftp://user@server/", "password": "x", "host_key": "ssh-ed25519 !!!"},
        {"address": "file:///srv", "timeout": 0},
        {"address": "file:///srv", "unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_told_when_they_are_made(stated: dict[str, object]) -> None:
    with pytest.raises(ValueError) as caught:
        FilePlace.model_validate(stated)
    assert "hemligt" not in "; ".join(str(error["msg"]) for error in caught.value.errors())  # type: ignore[attr-defined]


def test_settings_that_are_wrong_say_so_in_both_languages() -> None:
    with pytest.raises(ValueError) as caught:
        FilePlace(address="sftp://user@server/", password="x")
    [error] = caught.value.errors()  # type: ignore[attr-defined]
    assert "host" in error["loc"] or "server's public key" in error["msg"]
    assert "serverns publika nyckel" in error["ctx"]["sv"]


def test_secrets_are_not_shown_with_the_settings() -> None:
    place = FilePlace(address="sftp://user@server/", password="hemligt", host_key=ANY_KEY.public)
    assert "hemligt" not in f"{place!r} {place} {place.model_dump_json()}"


def test_every_setting_has_its_words_in_both_languages() -> None:
    for name, field in FilePlace.model_fields.items():
        extra = field.json_schema_extra
        assert field.title, name
        assert field.description, name
        assert isinstance(extra, dict), name
        assert set(extra["en"]) == {"title", "description"}, name  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.xml", "Faktura åäö (2).XML", "..a", "-rf", "a" * 255, "ä" * 127])
def test_a_name_that_every_place_can_hold_is_fit(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "a\x00b", "a\x1b[31m", "\x85", "a" * 256, "ä" * 128, "\udc80"]
)
def test_a_name_that_could_do_harm_is_unfit_and_still_shown_safely(name: str) -> None:
    assert name_fault(name)
    shown = shown_name(name)
    shown.encode()
    assert all(character.isprintable() for character in shown)


# --- trying a place --------------------------------------------------------------------------------------------


def test_a_good_place_passes_every_check_and_keeps_what_lies_there(sshd: Sshd, folder: Path) -> None:
    (folder / "a.xml").write_bytes(b"1")
    for settings in (FilePlace(address=folder.as_uri()), sshd.place(folder)):
        assert [check.passed for check in check_place(settings)] == [True, True, True]
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("a.xml", b"1")]


def test_the_check_of_a_place_tells_the_names_that_are_not_fetched(folder: Path) -> None:
    (folder / "a\nb.xml").write_bytes(b"1")
    checks = list(check_place(FilePlace(address=folder.as_uri())))
    assert "1 av dem" in checks[1].detail.sv


def test_a_wrong_host_key_fails_the_first_check_and_ends_it(sshd: Sshd, folder: Path) -> None:
    [check] = check_place(sshd.place(folder, host_key=ANY_KEY.public))
    assert not check.passed
    assert "annan nyckel" in check.detail.sv
