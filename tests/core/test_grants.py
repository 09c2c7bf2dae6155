"""Token grants: resources beat patterns, patterns are RE2 and unanchored, each operation needs its permission."""

import time

import pytest
from hypothesis import given

from webapp.core.grants import GrantError, Grants, grants_document, parse_grants
from webapp.core.permissions import GrantPermission

from .making import CHANNEL, actor, ask, code_of, holder, rule, rule_set
from .permission_table import OPERATIONS
from .strategies import grants, quickly

READ = GrantPermission.READ
EVERYTHING = rule(letters="A+P+M+X+V")


def channel_grants(
    resources: dict[str, list[str]] | None = None, patterns: dict[str, list[str]] | None = None
) -> Grants:
    return parse_grants({"resources": {"channels": resources or {}}, "patterns": {"channels": patterns or {}}})


def reads(held: Grants, name: str) -> bool:
    return held.ask("channels", name, READ).allowed


def test_a_resource_entry_decides_alone() -> None:
    held = channel_grants({"a": ["write"], "b": []}, {".*": ["read"]})
    assert not reads(held, "a")
    assert not reads(held, "b")
    assert reads(held, "c")
    assert reads(channel_grants({"a": ["read"]}, {"a": ["write"]}), "a")


def test_without_an_entry_any_pattern_that_matches_may_grant() -> None:
    for patterns in ({"^a": ["write"], "a$": ["read"]}, {"a$": ["read"], "^a": ["write"]}):
        assert reads(channel_grants(patterns=patterns), "a")
    assert not reads(channel_grants(patterns={"^a": ["write"]}), "a")
    assert not reads(channel_grants(patterns={"^a": ["read"]}), "b")


def test_patterns_are_searched_unanchored() -> None:
    held = channel_grants(patterns={"room": ["read"]})
    assert all(reads(held, name) for name in ("room", "my-room/1", "xroom"))
    anchored = channel_grants(patterns={"^room$": ["read"]})
    assert [name for name in ("room", "my-room", "room/1") if reads(anchored, name)] == ["room"]


def test_names_of_resources_are_no_patterns() -> None:
    held = channel_grants({"a.c": ["read"], "b/*": ["read"]})
    assert [name for name in ("a.c", "abc", "b/*", "b/c") if reads(held, name)] == ["a.c", "b/*"]


def test_entries_speak_of_their_kind_alone() -> None:
    held = parse_grants({"resources": {"groups": {"a": ["read"]}}, "patterns": {"uuids": {"a": ["read"]}}})
    allowed = [kind for kind in ("channels", "groups", "uuids") if held.ask(kind, "a", READ).allowed]
    assert allowed == ["groups", "uuids"]


def test_the_answer_names_the_entry_that_decided() -> None:
    held = channel_grants({"a": ["write"]}, {"^b": ["write"], "b": ["read"], "^c": []})
    answers = [held.ask("channels", name, READ) for name in "abcd"]
    assert [(answer.allowed, answer.entry, answer.is_pattern) for answer in answers] == [
        (False, "a", False),
        (True, "b", True),
        (False, "^c", True),
        (False, None, False),
    ]


@pytest.mark.parametrize("pattern", ["(a)", "^(a|b)$", "(?P<name>a)", "a(?:b(c))"])
def test_capturing_groups_are_refused(pattern: str) -> None:
    with pytest.raises(GrantError, match=r"capturing group.*\(\?:"):
        channel_grants(patterns={pattern: ["read"]})


@pytest.mark.parametrize("pattern", ["(?:a|b)", r"\(a\)", "[(]"])
def test_other_brackets_are_not(pattern: str) -> None:
    assert channel_grants(patterns={pattern: ["read"]}).patterns


@pytest.mark.parametrize("pattern", ["a**", "(?=a)", r"(?:a)\1", "[", "a{2000}", "\ud800"])
def test_what_is_not_re2_is_refused_with_its_place(pattern: str) -> None:
    with pytest.raises(GrantError, match=r"^grants\.patterns"):
        channel_grants(patterns={pattern: ["read"]})


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["^(?:a+)+$", "^(?:a|aa)+$", "^(?:a*)*b", ".*.*.*.*x$"])
def test_catastrophic_patterns_stay_linear(pattern: str) -> None:
    # A backtracking engine needs about 2^200 steps for one of these, this one some microseconds.
    held = channel_grants(patterns={pattern: ["read"]})
    before = time.process_time()
    for _ in range(200):
        assert not reads(held, "a" * 200 + "!")
    assert time.process_time() - before < 10


NEEDED = {operation: "write" if operation.startswith("send_") else "read" for operation in OPERATIONS}


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "in_presence"])
@pytest.mark.parametrize("access_manager", [False, True])
def test_each_operation_needs_its_permission(operation: str, access_manager: bool) -> None:
    rules = rule_set(EVERYTHING, access_manager=access_manager)
    for permission in GrantPermission:
        for section, name in (("resources", CHANNEL), ("patterns", "^lob")):
            decision = ask(rules, holder({section: {"channels": {name: [str(permission)]}}}), operation)
            assert decision.allowed == (permission == NEEDED[operation])
            assert decision.allowed or code_of(decision) == "grant_missing"


def test_being_listed_is_no_operation_that_a_grant_could_lack() -> None:
    writes = holder({"resources": {"channels": {CHANNEL: ["write"]}}})
    assert ask(rule_set(EVERYTHING, access_manager=True), writes, "in_presence").allowed


def test_access_manager_denies_whoever_has_no_grants() -> None:
    rules = rule_set(EVERYTHING, access_manager=True)
    for who in (actor(False), actor(True)):
        for operation in NEEDED.keys() - {"in_presence"}:
            if operation.endswith("authenticated") and not who.authenticated:
                continue
            assert code_of(ask(rules, who, operation)) == "grant_missing"


@pytest.mark.parametrize("claim", [{}, {"resources": {}}, {"resources": {"groups": {CHANNEL: ["read", "write"]}}}])
def test_a_token_that_carries_grants_is_held_to_them_without_access_manager(claim: object) -> None:
    assert code_of(ask(rule_set(EVERYTHING), holder(claim), "join")) == "grant_missing"
    assert ask(rule_set(EVERYTHING), actor(True), "join").allowed


def test_a_grant_opens_nothing_that_the_rule_does_not() -> None:
    everything = holder({"patterns": {"channels": {".*": [str(permission) for permission in GrantPermission]}}})
    for access_manager in (False, True):
        rules = rule_set(rule(letters="P"), access_manager=access_manager)
        assert code_of(ask(rules, everything, "send_public")) == "public_messaging_off"
        assert code_of(ask(rules, everything, "send_private")) == "private_messaging_off"
        assert code_of(ask(rules, everything, "join", "elsewhere")) == "no_rule"


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ([], "grants"),
        ("all", "grants"),
        ({"channels": {}}, "channels"),
        ({"resources": []}, "grants.resources"),
        ({"resources": {"rooms": {}}}, "rooms"),
        ({"patterns": {"channels": ["a"]}}, "grants.patterns.channels"),
        ({"resources": {"channels": {"a": "read"}}}, "grants.resources.channels.a"),
        ({"resources": {"channels": {"a": ["reed"]}}}, "grants.resources.channels.a"),
        ({"resources": {"channels": {"a": [1]}}}, "grants.resources.channels.a"),
        ({"resources": {"channels": {"a": {"read": 1}}}}, "grants.resources.channels.a"),
        ({"resources": {"channels": {"a": 3}}}, "grants.resources.channels.a"),
    ],
)
def test_what_are_no_grants_is_refused_with_its_place(claim: object, place: str) -> None:
    with pytest.raises(GrantError) as caught:
        parse_grants(claim)
    assert place in str(caught.value)


def test_permissions_may_be_written_as_an_object() -> None:
    held = parse_grants({"resources": {"channels": {"a": {"read": True, "write": False}}}})
    assert held == channel_grants({"a": ["read"]})


@quickly
@given(grants)
def test_grants_that_were_written_read_the_same_and_are_one_kind(held: Grants) -> None:
    again = parse_grants(grants_document(held))
    assert again == held
    assert hash(again) == hash(held)


@pytest.mark.parametrize(
    "patterns",
    [
        {f"^room-{number}$": ["read"] for number in range(101)},
        {"x" * 501: ["read"]},
        {".{999}0": ["read"]},  # small to write, large to compile
    ],
)
def test_patterns_that_would_take_the_loop_s_time_are_refused(patterns: dict[str, list[str]]) -> None:
    """Seven hundred of them, in claims that nobody had signed, stopped all clients for seconds."""
    with pytest.raises(GrantError, match=r"grants\.patterns"):
        channel_grants(patterns=patterns)


def test_as_many_patterns_as_may_be_are_compiled_and_searched() -> None:
    held = channel_grants(patterns={f"^room-{number}-{'.' * 20}$": ["read"] for number in range(100)})
    assert reads(held, "room-99-" + "x" * 20)
