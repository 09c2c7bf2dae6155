"""Posting a webhook: signed by Standard Webhooks, never into the private network, and over in time whatever comes."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import gevent
import pytest
from standardwebhooks import WebhookVerificationError

from tests.receiver import Receiver, receiving
from tests.servers import make_tls
from webapp.triggers import reaching
from webapp.triggers.moment import Answer
from webapp.triggers.webhooks import DeliveryProblem, new_id, new_secret, post

SECRET = new_secret()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def posted(url: str, body: bytes = b'{"type":"message"}', seconds: float = 5.0, **how: object) -> Answer:
    given = {"webhook_id": new_id(), "secrets": [SECRET], "allow_private": True, **how}
    return post(url, body, seconds=seconds, **given)  # type: ignore[arg-type]


def test_what_is_posted(receiver: Receiver) -> None:
    receiver.body, receiver.status = b'{"allow": false}', 202
    answer = posted(receiver.url + "?a=b", '{"type":"message","data":"é"}'.encode(), webhook_id="msg_1")
    assert (answer.status, answer.body, answer.retry_after) == (202, b'{"allow": false}', None)
    (request,) = receiver.requests
    assert request.path == "/hook?a=b"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Tidegate/")
    assert (request.id, request.verified(SECRET)) == ("msg_1", {"type": "message", "data": "é"})
    with pytest.raises(WebhookVerificationError):
        request.verified(new_secret())


def test_during_a_rotation_both_secrets_verify(receiver: Receiver) -> None:
    old = new_secret()
    posted(receiver.url, secrets=[SECRET, old])
    (request,) = receiver.requests
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert request.verified(SECRET) == request.verified(old)


def test_secrets_are_as_the_standard_writes_them() -> None:
    assert SECRET.startswith("whsec_")
    assert len({new_secret() for _ in range(10)}) == 10
    assert len(new_id()) > 20


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_private_addresses_are_out_of_reach(receiver: Receiver, host: str) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    with pytest.raises(DeliveryProblem, match="private"):
        posted(f"https://{host}:{port}/hook", allow_private=False)
    assert receiver.requests == []


def test_without_tls_only_where_private_addresses_are_allowed(receiver: Receiver) -> None:
    with pytest.raises(DeliveryProblem, match=r"https:// .TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off"):
        posted(receiver.url, allow_private=False)
    assert receiver.requests == []


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    with receiving() as inside:
        receiver.status, receiver.headers = 302, {"Location": inside.url}
        assert posted(receiver.url).status == 302
        assert inside.requests == []


def test_a_large_answer_is_a_problem_that_is_said(receiver: Receiver) -> None:
    receiver.body = b"x" * 10_000_000
    with pytest.raises(DeliveryProblem, match="larger than 65536 bytes"):
        posted(receiver.url)
    receiver.body = b"x" * 65536
    assert posted(receiver.url).body == receiver.body


def within(seconds: float, **how: object) -> None:
    began = monotonic()
    with pytest.raises(DeliveryProblem, match="longer than"):
        posted(seconds=seconds, **how)  # type: ignore[arg-type]
    assert monotonic() - began < seconds + 1


def test_a_receiver_that_says_nothing_is_given_up_in_time(receiver: Receiver) -> None:
    receiver.hang = True
    within(0.3, url=receiver.url)


def test_a_drip_of_bytes_does_not_put_off_the_end(receiver: Receiver) -> None:
    receiver.drip, receiver.body = 0.02, b"x" * 1000
    within(0.3, url=receiver.url)


def test_a_receiver_that_takes_no_body_is_given_up_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        within(0.5, url=f"http://127.0.0.1:{listener.getsockname()[1]}/", body=b"x" * 20_000_000)


def test_a_handshake_that_never_ends_is_given_up_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        within(0.3, url=f"https://127.0.0.1:{listener.getsockname()[1]}/")


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 10_000,
    ],
    ids=["interim answers", "trailers"],
)
def test_an_answer_that_never_ends_holds_nobody_up(stream: bytes) -> None:
    # Bytes that came faster than they were read kept the loop from everything else until the time was up, and only
    # the body was bounded: interim answers and trailers went on for ever.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def answer() -> None:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError):
                sock.recv(65536)
                sock.sendall(stream)
                while True:
                    sock.sendall(stream[-3000:])

        thread = threading.Thread(target=answer)
        thread.start()
        turns: list[float] = []
        other = gevent.spawn(lambda: [turns.append(monotonic()) or gevent.sleep(0) for _ in range(5)])
        with pytest.raises(DeliveryProblem, match="too large"):
            posted(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=5.0)
        assert len(turns) == 5
        other.kill()
        thread.join(5)


def test_what_is_no_http_is_said() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DeliveryProblem, match="not HTTP"):
            posted(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(5)


def test_nobody_there() -> None:
    with pytest.raises(DeliveryProblem, match="can't be reached"):
        posted("http://127.0.0.1:9/")
    with pytest.raises(DeliveryProblem, match="can't be found"):
        posted("https://nowhere.invalid/")


def test_tls_is_verified_under_the_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    tls = make_tls(tmp_path_factory.mktemp("tls"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    with receiving(context, "0.0.0.0") as receiver:
        url = receiver.url.replace("0.0.0.0", "localhost")
        with pytest.raises(DeliveryProblem, match="no valid certificate"):
            posted(url)
        reaching._tls().load_verify_locations(tls.authority)
        try:
            assert posted(url).status == 200
            with pytest.raises(DeliveryProblem, match="no valid certificate"):
                posted(url.replace("localhost", "127.0.0.2"))
        finally:
            reaching._tls.cache_clear()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("soon", None),
        ("-5", None),
        pytest.param(format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0.0, id="an hour ago"),
    ],
)
def test_when_to_come_back(receiver: Receiver, said: str, seconds: float | None) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": said}
    assert posted(receiver.url).retry_after == seconds
    receiver.headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)}
    assert 590 < (posted(receiver.url).retry_after or 0) <= 600
