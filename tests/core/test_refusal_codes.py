"""Which code a refusal has, and which of several comes first."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations

import pytest

from webapp.core.actors import Actor, Kind
from webapp.core.codes import Code
from webapp.core.grants import parse_grants
from webapp.core.policy import Facts, Peer, message_operation
from webapp.core.targets import parse_authorized_channel

from .making import CHANNEL, JOINED, NOT_JOINED, WITHOUT_CONNECTION, actor, ask, code_of, rule, rule_set
from .permission_table import ALL_LETTERS, LETTERS, OPERATIONS, Letters

# PERMISSIONS.md, "Decisions".
LISTED = """no_rule anonymous_not_allowed not_joined public_messaging_off authentication_required
authenticated_messaging_off private_messaging_off target_not_present grant_missing channel_not_authorized
blocked_by_trigger trigger_failed rate_limited too_many_channels too_many_connections invalid_channel invalid_frame
message_too_large token_invalid token_expired token_revoked blocked banned muted workspace_disabled origin_not_allowed
slow_client broker_unavailable storage_unavailable internal_error"""


def test_every_code_of_the_page_exists_and_has_a_sentence() -> None:
    assert set(LISTED.split()) <= set(Code)
    assert all(code.sentence for code in Code)


def wanted_code(letters: Letters, authenticated: bool, strict: bool, operation: str, depth: int) -> str | None:
    """The formulas of the page, read from left to right: the first factor that fails gives the code."""
    box = {letter: letter in letters for letter in LETTERS}
    open_public = box["M"] and not box["Ma"]
    lets_in = authenticated or box["A"] or (not strict and (open_public or box["X"]))
    joins = (lets_in, "anonymous_not_allowed")
    heard = (authenticated or box["A"] or open_public, "anonymous_not_allowed")
    public = (box["M"], "public_messaging_off")
    marked = [(box["X"], "authenticated_messaging_off"), (authenticated, "authentication_required")]
    private = [(box["V"], "private_messaging_off"), (authenticated or not box["Va"], "authentication_required")]
    presence = (box["P"], "presence_off")
    factors: dict[str, list[tuple[bool, str]]] = {
        "join": [],
        "send_public": [heard, public, (authenticated or not box["Ma"], "authentication_required")],
        "receive_public": [heard, public],
        "send_authenticated": marked,
        "receive_authenticated": marked,
        "send_private": [heard, *private],
        "receive_private": [heard, *private],
        "receive_event": [heard],
        "in_presence": [presence],
        "sees_presence": [heard, presence],
        "read_history": [heard, (depth > 0, "history_off")],
    }
    return next((code for holds, code in [joins, *factors[operation]] if not holds), None)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("facts", [JOINED, WITHOUT_CONNECTION], ids=["member", "without connection"])
def test_the_first_factor_that_fails_gives_the_code(operation: str, facts: Facts) -> None:
    wrong = []
    for letters in ALL_LETTERS:
        for authenticated in (False, True):
            for strict in (False, True):
                for depth in (0, 25):
                    rules = rule_set(rule(letters=letters, history=depth), strict_anonymous=strict)
                    code = code_of(ask(rules, actor(authenticated), operation, facts=facts))
                    wanted = wanted_code(letters, authenticated, strict, operation, depth)
                    if code != wanted:
                        wrong.append((sorted(letters), authenticated, strict, depth, code, wanted))
    assert wrong == []


@pytest.mark.parametrize("operation", OPERATIONS[1:])
def test_who_has_not_joined_is_told_so_whatever_the_boxes(operation: str) -> None:
    for letters in ALL_LETTERS:
        for authenticated in (False, True):
            decision = ask(rule_set(rule(letters=letters)), actor(authenticated), operation, facts=NOT_JOINED)
            assert code_of(decision) == "not_joined"


@pytest.mark.parametrize(("letters", "code"), [("A+X", "public_messaging_off"), ("X", "anonymous_not_allowed")])
def test_a_plain_message_of_an_anonymous_client_is_refused_as_a_public_one(letters: str, code: str) -> None:
    rules = rule_set(rule(letters=letters))
    operation = message_operation(rules, actor(False), CHANNEL, marked_authenticated=False)
    assert code_of(ask(rules, actor(False), operation)) == code


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_active_rule_denies_everything(operation: str) -> None:
    everything = rule(letters=LETTERS)
    for rules in (rule_set(), rule_set(replace(everything, enabled=False)), rule_set(rule("elsewhere", LETTERS))):
        for facts in (JOINED, NOT_JOINED, WITHOUT_CONNECTION):
            assert code_of(ask(rules, actor(True), operation, facts=facts)) == "no_rule"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_workspace_that_is_off_denies_everything(operation: str) -> None:
    rules = rule_set(rule(letters=LETTERS), enabled=False)
    assert code_of(ask(rules, actor(True), operation)) == "workspace_disabled"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("channel", ["", "a\x00b", "a\x85", "x" * 256])
def test_a_name_that_is_no_channel_is_refused(operation: str, channel: str) -> None:
    rules = rule_set(rule("*", LETTERS, nested=True))
    assert code_of(ask(rules, actor(True), operation, channel)) == "invalid_channel"


def test_blocks_and_bans_deny_everything_and_a_mute_sending_alone() -> None:
    rules = rule_set(rule(letters=LETTERS.keys() - {"Ma", "Va"}))
    for operation in OPERATIONS:
        for authenticated in (True, False):
            if operation.endswith("authenticated") and not authenticated:
                continue
            codes = [
                code_of(ask(rules, actor(authenticated), operation, facts=facts))
                for facts in (Facts(blocked=True), Facts(banned=True), Facts(muted=True))
            ]
            assert codes == ["blocked", "banned", "muted" if operation.startswith("send_") else None], operation


@dataclass
class Case:
    """A private message that is let through, until something is made wrong with it."""

    letters: set[str] = field(default_factory=lambda: set("AMXVP"))
    authenticated: bool = True
    authorized: tuple[str, ...] = ("*",)
    grants: object = field(default_factory=lambda: {"patterns": {"channels": {".*": ["read", "write"]}}})
    target: str = CHANNEL
    channel: str = CHANNEL
    enabled: bool = True
    facts: Facts = field(default_factory=lambda: Facts(peer=Peer(True, Kind(True))))

    def code(self) -> str | None:
        kind = Kind(
            self.authenticated,
            parse_grants(self.grants),
            tuple(parse_authorized_channel(text) for text in self.authorized),
        )
        rules = rule_set(rule(self.target, self.letters), enabled=self.enabled)
        return code_of(ask(rules, Actor(kind), "send_private", self.channel, self.facts))


def fact(**changes: bool | Peer) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.facts = replace(case.facts, **changes)  # type: ignore[arg-type]

    return change


def setting(**changes: object) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for name, value in changes.items():
            setattr(case, name, value)

    return change


def silent(case: Case) -> None:
    case.authenticated = False
    case.letters -= {"A", "M"}


def both_ends(case: Case) -> None:
    case.authenticated = False
    case.letters.add("Va")


# The page gives the order from `not_joined` to `authentication_required` (the formula) and says that a token
# narrows what the rule allows. The order of the rest is the engine's; it is held here so that it does not wander:
# what says least about the rules comes first.
IN_ORDER: list[tuple[str, Callable[[Case], None]]] = [
    ("workspace_disabled", setting(enabled=False)),
    ("invalid_channel", setting(channel=CHANNEL + "\x00")),
    ("blocked", fact(blocked=True)),
    ("banned", fact(banned=True)),
    ("channel_not_authorized", setting(authorized=("elsewhere",))),
    ("no_rule", setting(target="elsewhere")),
    ("not_joined", fact(joined=False)),
    ("anonymous_not_allowed", silent),
    ("private_messaging_off", lambda case: case.letters.discard("V")),
    ("authentication_required", both_ends),
    ("grant_missing", setting(grants={})),
    # A muted sender must not find out by it who is there.
    ("muted", fact(muted=True)),
    ("target_not_present", fact(peer=Peer(False))),
]


def test_the_private_message_of_the_next_test_is_let_through() -> None:
    assert Case().code() is None


@pytest.mark.parametrize("how_many", [1, 2, 3])
def test_the_first_of_several_reasons_gives_the_code(how_many: int) -> None:
    for reasons in combinations(IN_ORDER, how_many):
        case = Case()
        for _, spoil in reasons:
            spoil(case)
        assert case.code() == reasons[0][0], [code for code, _ in reasons]
