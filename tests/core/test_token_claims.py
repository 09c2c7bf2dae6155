"""The identity that verified claims give, and where ``authorized_channels`` lets it go."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.actors import ANONYMOUS, ClaimError, actor_from_claims
from webapp.core.permissions import Operation
from webapp.core.policy import JOINED, NOT_JOINED, WITHOUT_CONNECTION, decide
from webapp.core.ruleset import RuleSet
from webapp.core.targets import Target

from . import naive
from .making import ask, code_of, holder, pattern, rule_set
from .permission_table import LETTERS, OPERATIONS
from .strategies import channels, grant_claims, near_channels, near_targets, quickly, rule_sets


def test_claims_are_read() -> None:
    who = actor_from_claims(
        {"sub": "u1", "extras": {"name": "Ada"}, "dbo_id": 3, "row_id": 4, "jti": "t1", "exp": 1700000000, "nbf": 1}
    )
    assert who.authenticated
    assert (who.user_id, who.extras, who.dbo_id, who.row_id) == ("u1", {"name": "Ada"}, 3, 4)
    assert (who.token_id, who.expires_at, who.kind.narrowed) == ("t1", 1700000000.0, False)


@pytest.mark.parametrize(
    ("claims", "user_id"),
    [
        ({"sub": "a"}, "a"),
        ({"user_id": "b"}, "b"),
        ({"sub": "a", "user_id": "b"}, "a"),
        ({"user_id": 7}, "7"),
        ({}, None),
    ],
)
def test_the_user_is_sub_or_user_id(claims: dict[str, object], user_id: str | None) -> None:
    who = actor_from_claims(claims)
    assert who.authenticated
    assert who.user_id == user_id


def test_token_type_must_be_realtime_if_present() -> None:
    assert actor_from_claims({"token_type": "realtime"}).authenticated
    for other in ("access", "", "Realtime", 1, False):
        with pytest.raises(ClaimError, match="token_type"):
            actor_from_claims({"token_type": other})


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("sub", True),
        ("sub", ["a"]),
        ("user_id", 1.5),
        ("extras", []),
        ("extras", "a"),
        ("dbo_id", "3"),
        ("row_id", True),
        ("jti", 5),
        ("exp", "tomorrow"),
        ("exp", [1]),
        ("exp", None),
        ("exp", 10**400),
        ("exp", float("nan")),
        ("exp", float("inf")),
        ("grants", []),
        ("grants", {"patterns": {"channels": {"(a)": []}}}),
        ("authorized_channels", "lobby"),
        ("authorized_channels", {"lobby": True}),
        ("authorized_channels", [1]),
        ("authorized_channels", ["foo*"]),
        ("authorized_channels", [""]),
    ],
)
def test_a_claim_of_the_wrong_type_is_refused(claim: str, value: object) -> None:
    with pytest.raises(ClaimError):
        actor_from_claims({claim: value})


@pytest.mark.parametrize("claim", ["extras", "grants", "authorized_channels", "sub", "token_type"])
def test_a_claim_that_is_null_is_as_if_it_were_absent(claim: str) -> None:
    assert actor_from_claims({claim: None}) == actor_from_claims({})


def test_without_a_token_a_client_is_anonymous() -> None:
    assert not ANONYMOUS.authenticated
    assert ANONYMOUS.user_id is None


@pytest.mark.parametrize("operation", OPERATIONS)
def test_elsewhere_every_operation_is_denied(operation: str) -> None:
    rules = rule_set(pattern("*", LETTERS))
    who = holder(authorized=["lobby", "chat/*"])
    for channel in ("lobby", "chat/a", "chat/a/b"):
        assert ask(rules, who, operation, channel).allowed
    for channel in ("Lobby", "lobby/a", "chat", "other"):
        assert code_of(ask(rules, who, operation, channel)) == "channel_not_authorized"
    assert code_of(ask(rules, holder(authorized=[]), operation, "lobby")) == "channel_not_authorized"


def test_authorized_channels_open_nothing_that_the_rules_do_not() -> None:
    who = holder(authorized=["*"])
    assert code_of(ask(rule_set(pattern("chat")), who, "join", "lobby")) == "no_rule"
    assert code_of(ask(rule_set(pattern("*", "A")), who, "send_public", "lobby")) == "public_messaging_off"


@quickly
@given(st.lists(near_targets.filter(lambda t: t.nested == ("*" in t.text)), max_size=4), near_channels)
def test_a_channel_is_authorized_if_a_target_of_the_list_covers_it(targets: list[Target], channel: str) -> None:
    who = actor_from_claims({"authorized_channels": [target.text for target in targets]})
    assert who.kind.is_authorized(channel) == any(naive.matches(target, channel) for target in targets)
    assert who.kind.narrowed
    assert who.authenticated


@quickly
@given(rules=rule_sets(), channel=channels, operation=st.sampled_from(list(Operation)), more=grant_claims)
def test_an_anonymous_test_client_is_decided_as_an_anonymous_client(
    rules: RuleSet, channel: str, operation: Operation, more: dict[str, object]
) -> None:
    claims = {"test": True, "anonymous": True, "sub": "u", "grants": more, "authorized_channels": ["a"], "exp": 5}
    who = actor_from_claims(claims | {"jti": "t"})
    assert (who.authenticated, who.user_id, who.is_test, who.token_id, who.expires_at) == (False, None, True, "t", 5.0)
    for facts in (JOINED, NOT_JOINED, WITHOUT_CONNECTION):
        assert decide(rules, who, operation, channel, facts) == decide(rules, ANONYMOUS, operation, channel, facts)


@pytest.mark.parametrize(
    "marks", [{"anonymous": True}, {"test": True}, {"test": True, "anonymous": "yes"}, {"test": 1, "anonymous": True}]
)
def test_anonymous_is_only_what_is_a_test_client_s_too(marks: dict[str, object]) -> None:
    assert actor_from_claims({"sub": "u"} | marks).authenticated


def test_extras_are_kept_small() -> None:
    """As objects they took 110 KB a client that connected with a token of 7 KB, and ten thousand are remembered."""
    written = json.dumps({"a": [{} for _ in range(1600)]})
    tracemalloc.start()
    try:
        actors = [actor_from_claims({"sub": "u", "extras": json.loads(written)}) for _ in range(200)]
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert actors[0].extras == json.loads(written)
    assert kept / len(actors) < 2 * len(written)
