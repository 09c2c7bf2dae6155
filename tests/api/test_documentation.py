"""The documentation names every route, error, scope and number that there is, and no others."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.api.client import Server
from tests.servers import ROOT
from webapp.api.decide import OPERATIONS
from webapp.api.errors import ErrorCode
from webapp.api.routes import ROUTES
from webapp.models import Scope

API = (ROOT / "docs/api.md").read_text()
METRICS = (ROOT / "docs/metrics.md").read_text()


def test_every_route_with_its_scopes() -> None:
    documented = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| ([a-z ]+) \|", API, re.MULTILINE))
    served = {(f"{r.method} {r.path}", " or ".join(scope.value for scope in r.scopes)) for r in ROUTES}
    assert documented == served


def test_every_error_with_its_status() -> None:
    documented = set(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", API, re.MULTILINE))
    assert documented == {(code.value, str(code.status)) for code in ErrorCode}


def test_every_scope_and_operation() -> None:
    for name in (*Scope, *OPERATIONS):
        assert f"`{name}`" in API


def test_every_number(server: Server) -> None:
    text = server.request("GET", "/metrics").body.decode()
    served = {s.name for family in text_string_to_metric_families(text) for s in family.samples}
    documented = set(re.findall(r"^\| `(tidegate_[a-z_]+)(?:\{[a-z]+\})?` \|", METRICS, re.MULTILINE))
    assert documented == {name for name in served if name.startswith("tidegate_")}
