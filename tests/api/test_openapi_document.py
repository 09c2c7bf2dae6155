"""The OpenAPI document says what the server does: every route, body, answer and error."""

import json
import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from werkzeug.routing import Rule

from tests.api.client import Api, Server, rule
from webapp import create_app
from webapp.api.errors import ErrorCode
from webapp.api.routes import ROUTES, Nothing
from webapp.config import Settings


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    answer = server.request("GET", "/api/v1/openapi.json")
    assert answer.status == 200
    read: dict[str, Any] = answer.json
    return read


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_of_the_application_is_in_it(document: dict[str, Any], settings: Settings) -> None:
    app = create_app(settings)
    mine = [r for r in app.url_map.iter_rules() if r.rule.startswith("/api") or r.endpoint.split(".")[0] in PROBES]
    served = {(method, _template(r)) for r in mine for method in (r.methods or set()) - {"HEAD", "OPTIONS"}}
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert served == described


PROBES = ("health", "metrics")


def _template(entry: Rule) -> str:
    text = entry.rule
    for argument in entry.arguments:
        text = re.sub(rf"<(\w+:)?{argument}>", f"{{{argument}}}", text)
    return text


def test_every_route_describes_its_body_its_answers_and_its_errors(document: dict[str, Any]) -> None:
    for route in ROUTES:
        operation = document["paths"][route.template][route.method.lower()]
        assert operation["summary"]
        assert operation["description"]
        assert ("requestBody" in operation) == (route.body is not Nothing)
        assert operation["responses"][str(route.status)]["content"]
        for status in ("400", "401", "403", "404", "405", "422", "429", "500", "503"):
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_every_error_is_described_somewhere(document: dict[str, Any]) -> None:
    written = json.dumps(document)
    assert [code for code in ErrorCode if f"`{code.value}`" not in written] == []


def test_unknown_fields_are_refused_as_the_schemas_say(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for route in ROUTES:
        if route.body is not Nothing:
            assert schemas[route.body.__name__]["additionalProperties"] is False


def test_it_needs_no_key_and_the_rest_does(document: dict[str, Any]) -> None:
    assert document["security"] == [{"key": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert ("security" not in operation) == path.startswith("/api/v1/workspaces/")


def test_answers_are_as_the_document_says(document: dict[str, Any], api: Api) -> None:
    api.rules(rule("room/*", "A P M", history=25, history_events=True))
    api.publish("room/document", 1, event="x", auth={"dbo_id": 1, "row_id": 2})
    for method, path, template, body in (
        ("POST", "/events", "/events", {"channel": "room/document", "data": None}),
        ("POST", "/events", "/events", {"channel": "nowhere", "data": None}),
        ("POST", "/tokens", "/tokens", {"sub": "ann"}),
        ("POST", "/tokens/inspect", "/tokens/inspect", {"token": api.token("ann")["token"]}),
        ("DELETE", "/tokens/x", "/tokens/{jti}", None),
        ("GET", "/rules", "/rules", None),
        ("PUT", "/rules", "/rules", {"channels": [rule("room/*", "A", history=25)]}),
        ("POST", "/tests", "/tests", {"channel": "room/a", "operation": "join", "allowed": True}),
        ("GET", "/tests", "/tests", None),
        ("POST", "/tests/run", "/tests/run", {"tests": [{"channel": "a", "operation": "join", "allowed": True}]}),
        ("DELETE", "/tests/999999", "/tests/{test_id}", None),
        ("POST", "/decide", "/decide", {"channel": "room/a", "operation": "join"}),
        ("GET", "/refusals", "/refusals", None),
        ("GET", "/refusals/1", "/refusals/{ref}", None),
        ("GET", "/clients", "/clients", None),
        ("GET", "/channels", "/channels", None),
        ("GET", "/channels/a/members", "/channels/{channel}/members", None),
        ("POST", "/channels/a/members", "/channels/{channel}/members", {"user": "ann"}),
        ("DELETE", "/channels/a/members", "/channels/{channel}/members", {"user": "ann"}),
        ("GET", "/channels/room%2Fdocument/history", "/channels/{channel}/history", None),
        ("POST", "/webhooks", "/webhooks", {"name": "Hook", "url": "https://hooks.invalid/", "events": ["message"]}),
        ("GET", "/webhooks", "/webhooks", None),
        ("PATCH", "/webhooks/1", "/webhooks/{webhook_id}", {"name": "Other"}),
        ("POST", "/webhooks/1/test", "/webhooks/{webhook_id}/test", None),
        ("GET", "/webhooks/1/deliveries", "/webhooks/{webhook_id}/deliveries", None),
        ("POST", "/deliveries/1/resend", "/deliveries/{delivery_id}/resend", None),
        ("DELETE", "/webhooks/1", "/webhooks/{webhook_id}", None),
        ("DELETE", "/channels/a/history/1", "/channels/{channel}/history/{message_id}", None),
    ):
        answer = api(method, path, body)
        operation = document["paths"]["/api/v1/workspaces/{canonical}" + template][method.lower()]
        schema = operation["responses"][str(answer.status)]["content"]["application/json"]["schema"]
        OAS31Validator({**schema, "components": document["components"]}).validate(answer.json)
