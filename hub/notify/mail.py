"""Mail over SMTP by the standard library, its failures told in our three classes.

A message is taken once the server has answered its last dot: what goes wrong after that is no failure. Its Message-ID
is the same in every try, so that a mail system can tell one that came twice.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import NoReturn

from hub.domain.texts import Reason, Text
from hub.notify.channels import Mail
from hub.plugin.errors import Refused, Rejected, Unavailable

_AUTHENTICATION = frozenset({530, 534, 535, 538})
_TRANSIENT = range(400, 500)
_DISAGREED = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "UNSUPPORTED_PROTOCOL",
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
    }
)
"""What OpenSSL calls an answer that is no TLS, or none that we would speak."""


def send(by: Mail, message_id: str, subject: str, text: str, at: datetime) -> Mapping[str, int]:
    """Send one mail to everyone at once; the recipients that the server would not take, with its codes.

    Raises Unavailable, Refused or Rejected when nobody was taken.
    """
    mail = _written(by, message_id, subject, text, at)
    try:
        with _opened(by) as server:
            return _sent(by, server, mail)
    except smtplib.SMTPRecipientsRefused as error:
        _raise_code(by, max(code for code, _ in error.recipients.values()))
    except smtplib.SMTPAuthenticationError:
        raise Refused(_not_let_in(by)) from None
    except smtplib.SMTPNotSupportedError:
        raise Refused(_not_secure(by)) from None
    except smtplib.SMTPResponseException as error:
        _raise_code(by, error.smtp_code)
    except ssl.SSLCertVerificationError as error:
        raise Refused(_untrusted(by, error.verify_message)) from None
    except (smtplib.SMTPException, OSError) as error:
        if _is_other_language(error):
            raise Refused(_not_secure(by)) from None
        raise Unavailable(_unreached(by, type(error).__name__)) from None


@contextmanager
def _opened(by: Mail) -> Iterator[smtplib.SMTP]:
    """A session with the server; leaving it never undoes what was sent."""
    context = _trusting(by)
    if by.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(by.host, by.port, timeout=by.timeout, context=context)
    else:
        server = smtplib.SMTP(by.host, by.port, timeout=by.timeout)
    try:
        if by.security == "starttls":
            server.starttls(context=context)
        if by.user:
            server.login(by.user, by.password)
        yield server
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _trusting(by: Mail) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=by.authorities)
    except OSError as error:  # no such file, or no certificates in it
        raise Refused(_no_authorities(by, error.strerror or type(error).__name__)) from None


def _is_other_language(error: Exception) -> bool:
    """Whether the server is there and we and it cannot agree on TLS, or on how to log in: waiting mends neither."""
    if isinstance(error, ssl.SSLError):
        return error.reason in _DISAGREED
    return type(error) is smtplib.SMTPException  # smtplib's own for: no way to log in that both know


def _sent(by: Mail, server: smtplib.SMTP, mail: EmailMessage) -> Mapping[str, int]:
    refused = server.send_message(mail, by.sender, list(by.to))
    return {name: code for name, (code, _) in refused.items()}


def _written(by: Mail, message_id: str, subject: str, text: str, at: datetime) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"] = by.sender, ", ".join(by.to)
    mail["Subject"] = " ".join(subject.split())
    mail["Message-ID"], mail["Date"] = message_id, format_datetime(at)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to us
    mail.set_content(text)
    return mail


def _raise_code(by: Mail, code: int) -> NoReturn:
    where = f"{by.host}:{by.port}"
    if code in _AUTHENTICATION:
        raise Refused(_not_let_in(by))
    if code in _TRANSIENT:
        raise Unavailable(
            Text(
                f"{where}: e-postservern kan inte ta emot nu (SMTP {code}). Hubben försöker igen.",
                f"{where}: the mail server cannot take it now (SMTP {code}). The hub tries again.",
            )
        )
    raise Rejected(
        (
            Reason(
                f"SMTP-{code}",
                Text(
                    f"{where}: e-postservern avvisade brevet (SMTP {code}).",
                    f"{where}: the mail server rejected the mail (SMTP {code}).",
                ),
                Text(
                    "Kontrollera avsändare och mottagare under [notify.mail] och prova med hub incidents test-message.",
                    "Check sender and recipients under [notify.mail] and try hub incidents test-message.",
                ),
            ),
        )
    )


def _not_let_in(by: Mail) -> Text:
    return Text(
        f"{by.host}:{by.port}: e-postservern släppte inte in oss. "
        "Kontrollera notify.mail.user, notify.mail.password och notify.mail.security.",
        f"{by.host}:{by.port}: the mail server did not let us in. "
        "Check notify.mail.user, notify.mail.password and notify.mail.security.",
    )


def _not_secure(by: Mail) -> Text:
    return Text(
        f"{by.host}:{by.port}: servern kan inte det som krävs (kryptering eller inloggning på ett sätt som vi kan). "
        "Inget brev skickades. Rätta port och notify.mail.security.",
        f"{by.host}:{by.port}: the server lacks what is demanded (encryption, or a login of a kind that we know). "
        "No mail was sent. Mend the port and notify.mail.security.",
    )


def _untrusted(by: Mail, why: str) -> Text:
    return Text(
        f"{by.host}:{by.port}: e-postserverns certifikat kunde inte verifieras ({why}). Inget brev skickades. "
        "Rätta certifikatet, eller ange utfärdarens i notify.mail.authorities.",
        f"{by.host}:{by.port}: the mail server's certificate could not be verified ({why}). No mail was sent. "
        "Mend the certificate, or name its issuer's in notify.mail.authorities.",
    )


def _no_authorities(by: Mail, why: str) -> Text:
    return Text(
        f"{by.authorities}: certifikaten kan inte läsas ({why}). Inget brev skickades. Rätta notify.mail.authorities.",
        f"{by.authorities}: the certificates cannot be read ({why}). No mail was sent. Mend notify.mail.authorities.",
    )


def _unreached(by: Mail, error: str) -> Text:
    return Text(
        f"{by.host}:{by.port}: e-postservern nåddes inte ({error}). Hubben försöker igen.",
        f"{by.host}:{by.port}: the mail server was not reached ({error}). The hub tries again.",
    )
