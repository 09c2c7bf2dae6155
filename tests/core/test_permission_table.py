"""All 128 combinations of the seven permissions, for every operation and actor, against the table."""

import pytest

from webapp.core.permissions import PERMISSIONS, Operation
from webapp.core.policy import Facts, message_operation

from .making import CHANNEL, JOINED, NOT_JOINED, WITHOUT_CONNECTION, actor, ask, rule, rule_set
from .permission_table import (
    ALL_LETTERS,
    AUDIENCE,
    AUDIENCE_STRICT,
    EXPECTED,
    EXPECTED_STRICT,
    LETTERS,
    OPERATIONS,
    Letters,
    boxes,
)

everyone = pytest.mark.parametrize(
    ("authenticated", "strict"),
    [(False, False), (False, True), (True, False), (True, True)],
    ids=["anonymous", "anonymous-strict", "authenticated", "authenticated-strict"],
)

Rows = dict[str, dict[str, bool]]


def name(letters: Letters) -> str:
    return "+".join(letter for letter in LETTERS if letter in letters) or "none"


def expected(authenticated: bool, strict: bool) -> Rows:
    table = EXPECTED_STRICT if strict else EXPECTED
    return {
        name(letters): {operation: table[letters, authenticated, operation] for operation in OPERATIONS}
        for letters in ALL_LETTERS
    }


def engine(authenticated: bool, strict: bool, facts: Facts) -> Rows:
    who = actor(authenticated)
    rows: Rows = {}
    for letters in ALL_LETTERS:
        rules = rule_set(rule(letters=letters), strict_anonymous=strict)
        rows[name(letters)] = {operation: ask(rules, who, operation, facts=facts).allowed for operation in OPERATIONS}
    return rows


def test_the_table_has_every_combination_and_operation() -> None:
    assert len(ALL_LETTERS) == 128
    assert len(EXPECTED) == len(EXPECTED_STRICT) == 128 * 2 * len(OPERATIONS)
    assert len(AUDIENCE) == len(AUDIENCE_STRICT) == 128 * 2 * 2
    assert set(OPERATIONS) == set(Operation)
    assert {info.letter: str(permission) for permission, info in PERMISSIONS.items()} == LETTERS


@everyone
def test_a_member_may_do_what_the_table_says(authenticated: bool, strict: bool) -> None:
    # Where the rule would not let it join, a member is on its way out and may do nothing: as if it had not joined.
    assert engine(authenticated, strict, JOINED) == expected(authenticated, strict)


@everyone
def test_a_request_without_connection_may_do_what_a_client_that_joins_may(authenticated: bool, strict: bool) -> None:
    assert engine(authenticated, strict, WITHOUT_CONNECTION) == expected(authenticated, strict)


@everyone
def test_who_has_not_joined_may_join_at_most(authenticated: bool, strict: bool) -> None:
    wanted = {
        boxes: dict.fromkeys(OPERATIONS, False) | {"join": row["join"]}
        for boxes, row in expected(authenticated, strict).items()
    }
    assert engine(authenticated, strict, NOT_JOINED) == wanted


@everyone
def test_a_message_goes_to_the_audience_of_the_table(authenticated: bool, strict: bool) -> None:
    who = actor(authenticated)
    table = AUDIENCE_STRICT if strict else AUDIENCE
    wrong = []
    for letters in ALL_LETTERS:
        rules = rule_set(rule(letters=letters), strict_anonymous=strict)
        for marked in (False, True):
            operation = message_operation(rules, who, CHANNEL, marked)
            audience = operation.removeprefix("send_") if ask(rules, who, operation).allowed else None
            if audience != table[letters, authenticated, marked]:
                wrong.append((name(letters), marked, audience))
    assert wrong == []


ANYONE, ANONYMOUS, AUTHENTICATED = (False, True), (False,), (True,)

# The sentences of the page, by hand: a slip of whoever wrote the 128 rows shows here.
PROSE = [
    # (what the page says, boxes, who, may, may not)
    (
        "chat, connect and send anonymously",
        "A+M",
        ANYONE,
        "join send_public receive_public",
        "in_presence sees_presence",
    ),
    ("anonymous in, sign in to send", "A+M+Ma", ANONYMOUS, "join receive_public receive_event", "send_public"),
    ("anonymous in, sign in to send", "A+M+Ma", AUTHENTICATED, "join send_public receive_public receive_event", ""),
    ("notifications to anyone", "A", ANYONE, "join receive_event", "send_public send_authenticated send_private"),
    ("signed-in users only", "M+Ma", ANONYMOUS, "", " ".join(OPERATIONS)),
    ("signed-in users only", "M+Ma", AUTHENTICATED, "join send_public receive_public", "send_private"),
    ("with direct messages", "M+Ma+V+Va", ANONYMOUS, "", " ".join(OPERATIONS)),
    (
        "with direct messages",
        "M+Ma+V+Va",
        AUTHENTICATED,
        "join send_public send_private receive_private",
        "in_presence",
    ),
    ("so that people find each other", "M+Ma+V+Va+P", AUTHENTICATED, "in_presence sees_presence send_private", ""),
    ("X lets anyone connect", "X", ANONYMOUS, "join", " ".join(OPERATIONS[1:])),
    (
        "a silent member whom others see",
        "X+P",
        ANONYMOUS,
        "join in_presence",
        "sees_presence receive_event read_history",
    ),
    ("others see it", "X+P", AUTHENTICATED, "in_presence sees_presence send_authenticated receive_authenticated", ""),
    ("silent in private too", "X+V", ANONYMOUS, "join", "send_private receive_private"),
    ("Ma closes public messaging: X alone lets in", "X+M+Ma", ANONYMOUS, "join", "receive_public receive_event"),
    ("unless A is on too", "X+A", ANONYMOUS, "join receive_event", "send_authenticated receive_authenticated"),
    ("or open public messaging", "X+M", ANONYMOUS, "join receive_event send_public", "receive_authenticated"),
    ("M implies A", "M", ANONYMOUS, "join send_public receive_public receive_event read_history", "send_private"),
    ("M implies A, for all that A opens", "M+V+P", ANONYMOUS, "send_private receive_private sees_presence", ""),
    ("Ma without its parent does nothing", "Ma", ANONYMOUS, "", " ".join(OPERATIONS)),
    ("Ma without its parent does nothing", "A+Ma", ANYONE, "join receive_event", "send_public receive_public"),
    ("Va without its parent does nothing", "A+Va", ANYONE, "join receive_event", "send_private receive_private"),
    ("Va narrows", "A+V+Va", ANONYMOUS, "join receive_event", "send_private receive_private"),
    ("Va narrows only anonymous clients", "A+V+Va", AUTHENTICATED, "send_private receive_private", "send_public"),
    (
        "an authenticated client joins wherever a rule is active",
        "none",
        AUTHENTICATED,
        "join receive_event",
        "in_presence",
    ),
    ("presence lets nobody in", "P", ANONYMOUS, "", " ".join(OPERATIONS)),
    ("private messaging lets nobody in", "V", ANONYMOUS, "", " ".join(OPERATIONS)),
]


@pytest.mark.parametrize(("says", "letters", "who", "may", "may_not"), PROSE)
def test_the_table_says_what_the_prose_says(
    says: str, letters: str, who: tuple[bool, ...], may: str, may_not: str
) -> None:
    for authenticated in who:
        row = {operation: EXPECTED[boxes(letters), authenticated, operation] for operation in OPERATIONS}
        assert [operation for operation in may.split() if not row[operation]] == [], says
        assert [operation for operation in may_not.split() if row[operation]] == [], says


@pytest.mark.parametrize(
    ("letters", "authenticated", "marked", "audience"),
    [
        ("M", True, False, "public"),
        ("M", True, True, None),  # a marked message needs X
        ("X", True, False, "authenticated"),  # M off, X on: delivered as an authenticated one
        ("X+Ma", True, False, "authenticated"),
        ("X", True, True, "authenticated"),
        ("M+X", True, False, "public"),  # both on: the mark decides
        ("M+X", True, True, "authenticated"),
        ("M+Ma+X", True, False, "public"),
        ("A", True, False, None),
        ("X", False, False, None),
        ("A+X", False, False, None),  # never delivered as an authenticated one
        ("M+X", False, True, None),  # an anonymous client that marks a message gets an error
        ("M+X", False, False, "public"),
        ("A+M+Ma+X", False, False, None),
    ],
)
def test_the_fate_of_a_message_by_hand(letters: str, authenticated: bool, marked: bool, audience: str | None) -> None:
    assert AUDIENCE[boxes(letters), authenticated, marked] == audience


def test_strict_anonymous_lets_anonymous_clients_in_through_their_box_alone() -> None:
    for letters in ALL_LETTERS:
        assert EXPECTED_STRICT[letters, False, "join"] == ("A" in letters)
        for operation in OPERATIONS:
            assert EXPECTED_STRICT[letters, True, operation] == EXPECTED[letters, True, operation]


def test_every_box_grants_and_only_two_narrow() -> None:
    for letters in ALL_LETTERS:
        for box in {"A", "P", "M", "X", "V"} - letters:
            # With Ma already ticked there is nothing for M to take away: it was off.
            for authenticated in (False, True):
                for operation in OPERATIONS:
                    before = EXPECTED[letters, authenticated, operation]
                    assert not before or EXPECTED[letters | {box}, authenticated, operation], (letters, box, operation)


def test_a_narrowing_box_does_nothing_without_its_parent() -> None:
    for letters in ALL_LETTERS:
        for parent, narrow in (("M", "Ma"), ("V", "Va")):
            if parent not in letters:
                for authenticated in (False, True):
                    for operation in OPERATIONS:
                        with_it = EXPECTED[letters | {narrow}, authenticated, operation]
                        assert with_it == EXPECTED[letters - {narrow}, authenticated, operation]


def test_open_public_messaging_implies_anonymous_clients() -> None:
    for letters in ALL_LETTERS:
        if "M" in letters and "Ma" not in letters:
            for operation in OPERATIONS:
                assert EXPECTED[letters, False, operation] == EXPECTED[letters | {"A"}, False, operation]


def test_history_and_presence_need_what_was_asked_for() -> None:
    everything = rule_set(rule(letters=LETTERS, history=0))
    for authenticated in (False, True):
        assert not ask(everything, actor(authenticated), "read_history").allowed
        unasked = Facts(joined=True, asked_for_presence=False)
        assert not ask(everything, actor(authenticated), "sees_presence", facts=unasked).allowed
        assert ask(everything, actor(authenticated), "in_presence", facts=unasked).allowed
