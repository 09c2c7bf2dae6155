"""Behind a reverse proxy: whose forwarded headers count, and for what."""

from ipaddress import ip_network

import pytest

from webapp.api.addresses import TrustedProxies, client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what a client claims itself comes first
        ("10.0.0.1", "198.51.100.7, 10.1.1.1", "198.51.100.7"),
        ("10.0.0.1", "10.1.1.1", "10.1.1.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, <script>", "10.0.0.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),  # no proxy of ours: its word counts for nothing
        ("", "203.0.113.9", ""),
    ],
)
def test_the_clients_address(peer: str, forwarded: str, client: str) -> None:
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(environ, PROXIES) == client


def test_without_proxies_headers_count_for_nothing() -> None:
    assert client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [("10.0.0.1", "https", "https"), ("10.0.0.1", "javascript", "http"), ("198.51.100.1", "https", "http")],
)
def test_the_scheme_is_the_trusted_proxys(peer: str, said: str, scheme: str) -> None:
    seen = {}

    def app(environ, start_response):  # type: ignore[no-untyped-def]
        seen.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_X_FORWARDED_PROTO": said}
    TrustedProxies(app, PROXIES)(environ, lambda *_: None)  # type: ignore[arg-type, return-value]
    assert seen["wsgi.url_scheme"] == scheme
