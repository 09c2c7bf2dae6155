"""The matrix beside the form, asked through its own endpoint, says what the judge says, for every ticking."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webapp.core.actors import ANONYMOUS, Actor, actor_from_claims
from webapp.core.permissions import HISTORY_DEPTHS, Operation, Permission
from webapp.core.policy import decide
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import parse_target

from .conftest import Office

CLAIMS = {"sub": "bob", "authorized_channels": ["chat/*"], "grants": {"resources": {"channels": {"chat/x": ["read"]}}}}
ACTORS = {
    "anonymous": ANONYMOUS,
    "authenticated": actor_from_claims({"sub": "u"}),
    "custom": actor_from_claims(CLAIMS),
}
ALL = [frozenset(p for p, on in zip(Permission, ticks, strict=True) if on) for ticks in product([0, 1], repeat=7)]
SignIn = Callable[..., FlaskClient]
Cells = dict[tuple[str, str], tuple[str, bool, list[str]]]


class Reader(HTMLParser):
    """Reads the matrix: by row and operation the verdict, whether it is marked as changed, and the steps' sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: Cells = {}
        self._at: tuple[str, str] | None = None
        self._step: list[str] | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = given.get("class", "").split()
        if "cell" in classes:
            row, _, operation = given["id"].removeprefix("cell-").partition("-")
            self._at = (row, operation)
            self.cells[self._at] = ("", "changed" in classes, [])
        elif "verdict" in classes and self._at and not self.cells[self._at][0]:
            verdict = next(name for name in ("allowed", "denied") if name in classes)
            self.cells[self._at] = (verdict, *self.cells[self._at][1:])
        elif tag == "li" and self._at:
            self._step = []

    def handle_data(self, data: str) -> None:
        if self._step is not None:
            self._step.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "li" and self._step is not None and self._at:
            self.cells[self._at][2].append("".join(self._step).strip())
            self._step = None
        elif tag == "td":
            self._at = None


def read(html: str) -> Cells:
    reader = Reader()
    reader.feed(html)
    return reader.cells


def form(rule: Rule, **more: object) -> dict[str, object]:
    boxes = {permission.value: "y" for permission in rule.permissions}
    switches = {name: "y" for name in ("enabled", "history_events") if getattr(rule, name)}
    nested = {"wildcard": "y"} if rule.target.nested else {}
    return {"pattern": rule.target.text, "history": rule.history, **boxes, **switches, **nested, **more}


def look(client: FlaskClient, rule: Rule, address: str = "", **more: object) -> str:
    given = form(rule, csrf_token=client.token, **more)  # type: ignore[attr-defined]
    answer = client.post(f"/w/default/channels/look{address}", data=given)
    assert answer.status_code == 200
    return answer.text


def expected(rules: RuleSet, channel: str, actors: dict[str, Actor]) -> dict[tuple[str, str], bool]:
    return {
        (row, operation.value): decide(rules, actor, operation, channel).allowed
        for row, actor in actors.items()
        for operation in Operation
    }


@pytest.fixture
def owner(signed_in: SignIn, office: Office) -> FlaskClient:
    office.publish({"pattern": "other", "anonymous_clients": True})
    return signed_in()


@pytest.mark.parametrize("history", [0, 100])
def test_all_128_combinations(owner: FlaskClient, history: int) -> None:
    for permissions in ALL:
        rule = Rule(parse_target("chat/*", True), permissions, history=history)
        cells = read(look(owner, rule, example="chat/x", claims=json.dumps(CLAIMS)))
        wanted = expected(RuleSet((rule,)), "chat/x", ACTORS)
        assert {place: cell[0] == "allowed" for place, cell in cells.items()} == wanted, permissions
        assert len(cells) == 33


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    boxes=st.frozensets(st.sampled_from(list(Permission))),
    strict=st.booleans(),
    enabled=st.booleans(),
    history=st.sampled_from(HISTORY_DEPTHS),
    channel=st.sampled_from(["chat/x", "chat/staff", "elsewhere", "chat"]),
)
def test_the_matrix_is_that_of_the_working_set_with_the_rule_in_its_place(
    owner: FlaskClient,
    office: Office,
    boxes: frozenset[Permission],
    strict: bool,
    enabled: bool,
    history: int,
    channel: str,
) -> None:
    staff, everything = {"pattern": "chat/staff", "presence": True}, {"pattern": "*", "wildcard": True}
    office.publish({"pattern": "chat/*", "wildcard": True}, staff, everything, strict_anonymous=strict)
    rule = Rule(parse_target("chat/*", True), boxes, enabled=enabled, history=history)
    cells = read(look(owner, rule, "?target=chat/*&nested=1", example=channel, claims=json.dumps(CLAIMS)))
    others = (
        Rule(parse_target("chat/staff", False), frozenset({Permission.PRESENCE})),
        Rule(parse_target("*", True)),
    )
    rules = RuleSet((rule, *others), Switches(strict_anonymous=strict))
    assert {place: cell[0] == "allowed" for place, cell in cells.items()} == expected(rules, channel, ACTORS)
    for (row, operation), (_, _, sentences) in cells.items():
        decision = decide(rules, ACTORS[row], Operation(operation), channel)
        plain = [re.sub(r"[*`]", "", re.sub(r"version \d+", "version", step.sentence)) for step in decision.steps]
        assert [re.sub(r"[*`]", "", re.sub(r"version \d+", "version", s)) for s in sentences] == plain


def test_it_is_about_the_draft_where_there_is_one(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat/*", "wildcard": True})
    office.draft({"pattern": "chat/*", "wildcard": True}, {"pattern": "chat/lobby", "client_private_messaging": True})
    rule = Rule(parse_target("chat/*", True), frozenset({Permission.ANONYMOUS_CLIENTS}))
    page = look(owner, rule, "?target=chat/*&nested=1", example="chat/lobby")
    assert "decides, not this rule" in page
    assert read(page)["authenticated", "send_private"][0] == "allowed"


def test_what_changed_since_the_page_opened_is_marked(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat", "client_public_messaging": True})
    page = owner.get("/w/default/channels/edit?target=chat").text
    assert not any(changed for _, changed, _ in read(page).values())
    found = re.search(r'name="opened" type="hidden" value="([^"]*)"', page)
    assert found is not None
    opened = found[1].replace("&#34;", '"')
    boxes = frozenset({Permission.CLIENT_PUBLIC_MESSAGING, Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY})
    cells = read(look(owner, Rule(parse_target("chat", False), boxes), "?target=chat", opened=opened))
    changed = {place for place, cell in cells.items() if cell[1]}
    assert changed == {
        ("anonymous", name) for name in ("join", "send_public", "receive_public", "receive_event")
    }  # fmt: skip


@pytest.mark.parametrize("opened", ["", "[]", "{", "null", '{"history": 7}', '{"enabled": "x"}', "[" * 100_000])
def test_a_broken_memory_of_the_page_marks_nothing(owner: FlaskClient, opened: str) -> None:
    cells = read(look(owner, Rule(parse_target("chat", False), ALL[-1]), opened=opened))
    assert len(cells) == 33
    assert not any(changed for _, changed, _ in cells.values())


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ("", "Type the claims of a token"),
        ("{", "not a JSON object"),
        ("[1]", "not"),
        ('{"authorized_channels": 1}', "authorized_channels: expected a list"),
        ('{"sub": true}', "sub: expected a string"),
        ('{"a": ' + "[" * 5000, "not a JSON object"),
        ("x" * 20_000, "At most 16,384 characters"),
        ('{"exp": 1e400}', "exp"),
        ("<script>alert(1)</script>", "claims-says"),
    ],
)
def test_wrong_claims_are_told_beside_their_field_and_leave_the_other_rows(
    owner: FlaskClient, claims: str, says: str
) -> None:
    page = look(owner, Rule(parse_target("chat", False), ALL[-1]), claims=claims)
    assert "<script>" not in page
    assert says in page
    assert {row for row, _ in read(page)} == {"anonymous", "authenticated"}


@pytest.mark.parametrize("history", ["", "7", "x", "-1", "9" * 5000])
@pytest.mark.parametrize("pattern", ["chat", "", "a\x00b", "x" * 300, "foo*"])
def test_hostile_values_are_looked_at_without_harm(owner: FlaskClient, pattern: str, history: str) -> None:
    data = {"csrf_token": owner.token, "pattern": pattern, "wildcard": "y", "history": history}  # type: ignore[attr-defined]
    answer = owner.post("/w/default/channels/look", data=data | {"example": "y" * 300})
    assert answer.status_code == 200


def hint(page: str, permission: Permission) -> str:
    found = re.search(rf'<p id="{permission.value}-hint"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


@pytest.mark.parametrize(
    ("boxes", "permission", "says"),
    [
        ({Permission.CLIENT_PUBLIC_MESSAGING}, Permission.ANONYMOUS_CLIENTS, "On, implied by public messaging"),
        (
            {Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY},
            Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY,
            "Ticked, but without Client public messaging it does nothing",
        ),
        ({Permission.CLIENT_AUTHENTICATED_MESSAGING}, Permission.CLIENT_AUTHENTICATED_MESSAGING, "are silent"),
    ],
)
def test_boxes_that_mislead_say_what_they_come_to(
    owner: FlaskClient, boxes: set[Permission], permission: Permission, says: str
) -> None:
    target = parse_target("chat", False)
    assert says in hint(look(owner, Rule(target, frozenset(boxes))), permission)
    assert hint(look(owner, Rule(target)), permission) == ""


def test_a_strict_workspace_implies_nothing(owner: FlaskClient, office: Office) -> None:
    office.publish(strict_anonymous=True)
    page = look(owner, Rule(parse_target("chat", False), frozenset({Permission.CLIENT_PUBLIC_MESSAGING})))
    assert "the workspace is strict" in hint(page, Permission.ANONYMOUS_CLIENTS)


def test_overlaps_and_a_name_that_is_taken(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat/a"}, {"pattern": "*", "wildcard": True}, {"pattern": "news"})
    page = look(owner, Rule(parse_target("chat", True)))
    near = page[page.index("Rules that overlap") :]
    assert "More specific" in near
    assert "target=chat/a" in near
    assert "Broader: this rule decides instead of it" in near
    assert "target=news" not in near
    inactive = look(owner, Rule(parse_target("chat", True), enabled=False))
    assert "This rule is inactive" in inactive
    assert "it decides for its channels" in inactive
    assert "already a rule for" in look(owner, Rule(parse_target("news", False)))
    assert "already a rule for" not in look(owner, Rule(parse_target("news", False)), "?target=news")


def test_looking_saves_nothing(owner: FlaskClient, office: Office) -> None:
    before = office.version()
    look(owner, Rule(parse_target("chat", True), ALL[-1]))
    assert (office.version(), office.drafted()) == (before, None)
