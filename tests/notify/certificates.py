"""Certificates of a mail server's own making, and a tap on the wire that keeps what a client sends."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = "127.0.0.1"


def certificate(folder: Path, name: str = HERE, *, days: int = 1) -> Path:
    """A file with a key and a certificate that it signed itself, for that address; good for so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address(name)) if name == HERE else x509.DNSName(name)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.not_valid_before(at - timedelta(days=9)).not_valid_after(at + timedelta(days=days))
    file = folder / f"{name}-{days}.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + made.sign(key, hashes.SHA256()).public_bytes(pem))
    return file


def server_context(file: Path) -> ssl.SSLContext:
    """What a server with that key and certificate shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@dataclass
class Tap:
    """What passed on its way to the server, and the port that leads there."""

    port: int = 0
    sent: bytes = b""


@contextmanager
def tapped(port: int) -> Iterator[Tap]:
    """A port that leads to that one; the tap keeps what a client sends. One client at a time."""
    tap = Tap()
    with socket.create_server((HERE, 0)) as listening:
        tap.port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listening, port, tap))
        thread.start()
        try:
            yield tap
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket, port: int, tap: Tap) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        with client, socket.create_connection((HERE, port)) as server:
            back = threading.Thread(target=_pass_on, args=(server, client, None))
            back.start()
            _pass_on(client, server, tap)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # the client is gone: nobody waits for an answer any more
            back.join()


def _pass_on(come: socket.socket, go: socket.socket, tap: Tap | None) -> None:
    try:
        while piece := come.recv(65536):
            if tap is not None:
                tap.sent += piece
            go.sendall(piece)
        go.shutdown(socket.SHUT_WR)
    except OSError:
        return
