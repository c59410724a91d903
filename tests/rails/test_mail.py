"""Letters over SMTP: to the sandbox's inbox, and to somebody else's server, over TLS, with a log-in."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Peer  # noqa: N811 - a class, whatever its letters
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from bezant.core.deliveries import Answered, Fate, Letter, Unreachable
from bezant.core.sensitive import Secret
from bezant.rails.mail import Security, SmtpSender
from bezant.rails.mail.sandbox import KEPT_MAX, LINE_MAX, MAIL_BYTES_MAX, MailInbox, MailSandbox
from tests.support.gateway import free_port

pytestmark = [
    pytest.mark.anyio,
    # The library looks for STARTTLS alone, and takes TLS from the first byte on for none.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]

FROM = "receipts@pay.example.com"
TAKEN = Answered(status=250)
AT = datetime(2026, 3, 24, 5, 36, 44, tzinfo=UTC)
LETTER = Letter(
    to="payer@example.com",
    sender='Café "Ñandú", متجر',
    subject="Su recibo de Café Ñandú إيصالك",
    text="Total: $20.00\n.\n..dots\nFrom here to there " + "long " * 400 + "\n",
    html="<p>إيصالك</p>\n.\n",
    language="es",
    reference="0123456789abcdef",
)


class TestALetter:
    async def test_arrives_in_the_sandboxs_inbox_as_it_was_written(self) -> None:
        async with _sandbox() as sandbox:
            assert await _sender(sandbox).post(LETTER) == TAKEN
            assert await _sender(sandbox).post(replace(LETTER, to="other@example.com")) == TAKEN
            inbox = MailInbox(sandbox.control_address)
            (found,) = await inbox.mails("payer@example.com")
            assert (found.number, found.to, found.subject) == (1, [LETTER.to], LETTER.subject)
            assert found.sender == f'"Café \\"Ñandú\\", متجر" <{FROM}>'
            assert (found.text, found.html) == (LETTER.text, LETTER.html)
            assert [each.number for each in await inbox.mails()] == [1, 2]
            await inbox.clear()
            assert await inbox.mails() == []

    async def test_names_itself_in_the_same_way_each_time(self, tmp_path: Path) -> None:
        with _relay() as relay:
            for _ in range(2):
                assert await _to(relay, security=Security.NONE).post(LETTER) == TAKEN
            first, second = relay.handler.messages
        assert first["Message-ID"] == second["Message-ID"] == f"<{LETTER.reference}@pay.example.com>"
        assert first["Date"] == "Tue, 24 Mar 2026 05:36:44 +0000"
        assert (first["Auto-Submitted"], first["Content-Language"]) == ("auto-generated", "es")
        assert [part.get_content_type() for part in first.iter_parts()] == ["text/plain", "text/html"]
        assert first.defects == []

    async def test_has_one_recipient_and_a_head_of_our_own(self) -> None:
        with _relay() as relay:
            await _to(relay, security=Security.NONE).post(LETTER)
            ((sender, recipients),) = relay.handler.envelopes
            (message,) = relay.handler.messages
        assert (sender, recipients) == (FROM, [LETTER.to])
        assert sorted(message.keys()) == [
            "Auto-Submitted",
            "Content-Language",
            "Content-Type",
            "Date",
            "From",
            "MIME-Version",
            "Message-ID",
            "Subject",
            "To",
        ]


class TestARelay:
    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
    async def test_is_handed_letters_over_tls_after_a_log_in(
        self, tmp_path: Path, security: Security
    ) -> None:
        with _relay(_certificate(tmp_path), security=security, password="right") as relay:
            sender = _to(relay, security=security, ca_file=tmp_path / "ca.pem", password=Secret("right"))
            assert await sender.post(LETTER) == TAKEN
            assert relay.handler.secured == [True]

    async def test_that_does_not_know_us_is_no_success(self, tmp_path: Path) -> None:
        with _relay(_certificate(tmp_path), security=Security.TLS, password="right") as relay:
            sender = _to(relay, security=Security.TLS, ca_file=tmp_path / "ca.pem", password=Secret("wr0ng"))
            with capture_logs() as logs:
                assert await sender.post(LETTER) == Answered(status=535)
        assert "wr0ng" not in str(logs)

    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
    async def test_with_a_certificate_of_nobodys_is_told_nothing(
        self, tmp_path: Path, security: Security
    ) -> None:
        with _relay(_certificate(tmp_path), security=security, password="right") as relay:
            sender = _to(relay, security=security, password=Secret("right"))
            assert await sender.post(LETTER) == Unreachable(cause="not reached")
            assert relay.handler.messages == []

    async def test_without_starttls_is_told_nothing(self) -> None:
        with _relay() as relay:
            sender = _to(relay, security=Security.STARTTLS, password=Secret("right"))
            assert await sender.post(LETTER) == Unreachable(cause="not reached")
            assert relay.handler.messages == []

    async def test_that_is_out_of_order_is_tried_again_later(self) -> None:
        async with _sandbox() as sandbox:
            sandbox.refusing = True
            assert await _sender(sandbox).post(LETTER) == Answered(status=451)
            sandbox.refusing = False
            assert await _sender(sandbox).post(LETTER) == TAKEN

    @pytest.mark.parametrize("status", [450, 550, 552])
    async def test_that_refuses_a_recipient_says_so_and_nothing_of_it_is_logged(self, status: int) -> None:
        with _relay(refuses=status) as relay, capture_logs() as logs:
            fate = await _to(relay, security=Security.NONE).post(LETTER)
        assert fate == Answered(status=status, final=status >= 500)
        assert logs
        assert not any(word in str(logs) for word in ("payer", "recibo", "Total", "nobody home"))

    @pytest.mark.parametrize(
        ("said", "fate"),
        [
            pytest.param(b"451 not now\r\n", Answered(status=451), id="not now"),
            pytest.param(b"554 never\r\n", Answered(status=554, final=True), id="never"),
            pytest.param(b"", Unreachable(cause="not reached"), id="hangs up"),
            pytest.param(b"250 tak", Unreachable(cause="not reached"), id="hangs up half way"),
            pytest.param(None, Unreachable(cause="time-out"), id="says nothing"),
        ],
    )
    async def test_may_do_anything_once_it_has_the_whole_letter(self, said: bytes | None, fate: Fate) -> None:
        """What it then has taken, it is handed again, under the same name: it can tell that it knows it."""
        async with _typing(said) as (address, letters):
            sender = SmtpSender(address, sender=FROM, security=Security.NONE, timeout_seconds=0.5)
            assert [await sender.post(LETTER) for _ in range(2)] == [fate, fate]
        names = [re.findall(rb"^Message-ID: (.*)\r$", letter, re.MULTILINE) for letter in letters]
        assert names == [[b"<0123456789abcdef@pay.example.com>"]] * 2

    async def test_that_is_gone_is_not_reached(self) -> None:
        sandbox = MailSandbox()
        await sandbox.start()
        sender = _sender(sandbox)
        await sandbox.stop()
        assert await sender.post(LETTER) == Unreachable(cause="not reached")

    @pytest.mark.parametrize(
        "greeting",
        [b"", b"garbage\r\n", b"554 go away\r\n", b"220 " + b"x" * 100_000 + b"\r\n", b"220 \xff\r\n", None],
    )
    async def test_that_makes_no_sense_is_no_success(self, greeting: bytes | None) -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if greeting is None:
                await reader.read()
            else:
                writer.write(greeting)
            writer.close()
            gone.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        sender = SmtpSender(
            server.sockets[0].getsockname()[:2], sender=FROM, security=Security.NONE, timeout_seconds=0.5
        )
        fate = await sender.post(LETTER)
        await gone.wait()
        server.close()
        assert fate in {Unreachable(cause="not reached"), Unreachable(cause="time-out"), Answered(status=554)}


class TestTheSandboxsInbox:
    async def test_speaks_as_much_as_a_client_needs(self) -> None:
        async with _sandbox() as sandbox:
            said = await _typed(
                sandbox,
                *(
                    "HELO me",
                    "NOOP",
                    "DATA",
                    "RCPT TO:<a@example.com>",
                    "MAIL FROM:<>",
                    "RSET",
                    "MAIL FROM:nobody",
                ),
                *("mail from: <me@example.com> SIZE=100", "RCPT TO:<>", "rcpt to:<you@example.com>"),
                *("DATA", "Subject: hi\r\n\r\nhello\r\n.", "VRFY you", "QUIT"),
            )
        assert [line[:3] for line in said] == [
            *("220", "250", "250", "503", "503", "250", "250", "501"),
            *("250", "501", "250", "354", "250", "502", "221"),
        ]
        (mail,) = sandbox.mails
        assert (mail.to, mail.subject, mail.text) == (["you@example.com"], "hi", "hello\n")

    @pytest.mark.parametrize(
        "flood", [b"x" * (LINE_MAX * 20), b"\xff\xfe\r\n" * 3 + b"x" * (LINE_MAX * 20), b"EHLO me"]
    )
    async def test_lets_go_of_a_client_that_talks_without_end(self, flood: bytes) -> None:
        async with _sandbox() as sandbox:
            reader, writer = await asyncio.open_connection(*sandbox.address)
            writer.write(flood)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert await _sender(sandbox).post(LETTER) == TAKEN

    async def test_takes_no_mail_without_end(self) -> None:
        async with _sandbox() as sandbox:
            big = replace(LETTER, text="x" * 60 + "\n" + ("y" * 60 + "\n") * (MAIL_BYTES_MAX // 60))
            assert await _sender(sandbox).post(big) == Unreachable(cause="not reached")
            assert not sandbox.mails

    async def test_keeps_the_newest(self) -> None:
        async with _sandbox() as sandbox:
            for _ in range(KEPT_MAX + 1):
                assert sandbox._take([LETTER.to], b"Subject: x\r\n\r\ny\r\n")  # noqa: SLF001 - a thousand connections show no more
            assert (len(sandbox.mails), sandbox.mails[0].number) == (KEPT_MAX, 2)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\r\n",
            b'From: "=?utf-8?q?=0D=0ABcc:_b@example.com?=" <a@example.com>\r\n\r\nx',
            b"From: =?utf-8?q?=0D=0ABcc:_victim@example.com?= <a@example.com>\r\n\r\nx",
            b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
            b"Content-Type: text/plain; charset=klingon\r\n\r\nx",
            b"Content-Type: multipart/alternative; boundary=\r\n\r\nx",
            b"From: <<<>>>\r\nTo: ,,,\r\n\r\n\xff\xfe",
            b"\x00\x00: \x00\r\n\r\n\x00",
        ],
    )
    async def test_takes_what_is_hardly_a_mail(self, content: bytes) -> None:
        async with _sandbox() as sandbox:
            assert sandbox._take([LETTER.to], content)  # noqa: SLF001 - what a client could send, without the client
            assert len(await MailInbox(sandbox.control_address).mails()) == 1


# -- who is spoken to ----------------------------------------------------------------------------------


class _Handler:
    """Keeps what comes; refuses every recipient with ``refuses``, if that is set."""

    def __init__(self, refuses: int | None) -> None:
        self._refuses = refuses
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.messages: list[EmailMessage] = []
        self.secured: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Peer, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if self._refuses is not None:
            return f"{self._refuses} nobody home at {address}"
        envelope.rcpt_tos.append(address)
        return "250 yes"

    async def handle_DATA(self, server: Peer, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.messages.append(BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(content))
        self.secured.append(
            session.ssl is not None
            or (server.transport is not None and server.transport.get_extra_info("ssl_object") is not None)
        )
        return "250 taken"


class _Relay(Controller):
    handler: _Handler


@asynccontextmanager
async def _typing(said: bytes | None) -> AsyncIterator[tuple[tuple[str, int], list[bytes]]]:
    """A mail server that says that to each letter and hangs up, or nothing: its address, and the letters."""
    letters: list[bytes] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        writer.write(b"220 here\r\n")
        while (line := await reader.readline()) and not line.startswith(b"DATA"):
            writer.write(b"250 yes\r\n")
        writer.write(b"354 go on\r\n")
        letters.append(await reader.readuntil(b"\r\n.\r\n"))
        if said is None:
            await reader.read()
        else:
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2], letters
    await asyncio.gather(*(task for task in tasks if task is not None))


@contextmanager
def _relay(
    context: ssl.SSLContext | None = None,
    *,
    security: Security = Security.NONE,
    password: str | None = None,
    refuses: int | None = None,
) -> Iterator[_Relay]:
    """A mail server that is not ours."""

    def proves(
        _server: Peer, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == (password or "").encode()
        return AuthResult(success=right, handled=False)

    options: dict[str, Any] = {}
    if password is not None:
        options |= {
            "authenticator": proves,
            "auth_required": True,
            "auth_require_tls": security is Security.STARTTLS,
        }
    if security is Security.STARTTLS:
        options |= {"tls_context": context, "require_starttls": True}
    relay = _Relay(
        _Handler(refuses),
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=context if security is Security.TLS else None,
        **options,
    )
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()


def _to(
    relay: _Relay, *, security: Security, ca_file: Path | None = None, password: Secret | None = None
) -> SmtpSender:
    return SmtpSender(
        ("127.0.0.1", relay.port),
        sender=FROM,
        security=security,
        user="us" if password else None,
        password=password,
        ca_file=ca_file,
        timeout_seconds=10,
        now=lambda: AT,
    )


def _sender(sandbox: MailSandbox) -> SmtpSender:
    return SmtpSender(sandbox.address, sender=FROM, security=Security.NONE, timeout_seconds=10)


@asynccontextmanager
async def _sandbox() -> AsyncIterator[MailSandbox]:
    sandbox = MailSandbox()
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


async def _typed(sandbox: MailSandbox, *lines: str) -> list[str]:
    """What the inbox answers to a client that types."""
    reader, writer = await asyncio.open_connection(*sandbox.address)
    said = [(await reader.readline()).decode()]
    for line in lines:
        writer.write(f"{line}\r\n".encode())
        said.append((await reader.readline()).decode())
    writer.close()
    return said


def _certificate(folder: Path) -> ssl.SSLContext:
    """A certificate of our own for this machine; ``ca.pem`` in the folder is what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    made = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(made - timedelta(days=1))
        .not_valid_after(made + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
