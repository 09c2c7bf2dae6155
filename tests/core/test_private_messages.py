"""Private messages: both ends, the mark, the absent target, oneself, and a message to a user."""

import pytest

from webapp.core.actors import ANONYMOUS_KIND, AUTHENTICATED_KIND, Kind
from webapp.core.grants import parse_grants
from webapp.core.policy import Facts, Peer
from webapp.core.targets import parse_authorized_channel

from .making import CHANNEL, actor, ask, code_of, rule, rule_set

HERE_ANONYMOUS = Peer(True, ANONYMOUS_KIND)
HERE_AUTHENTICATED = Peer(True, AUTHENTICATED_KIND)
ABSENT = Peer(False)


@pytest.mark.parametrize(
    ("letters", "authenticated", "marked", "peer", "code"),
    [
        ("A+V", False, False, HERE_ANONYMOUS, None),
        ("A+V", True, False, HERE_ANONYMOUS, None),
        ("A+V", False, False, HERE_AUTHENTICATED, None),
        ("V", True, False, HERE_AUTHENTICATED, None),
        ("A", True, False, HERE_AUTHENTICATED, "private_messaging_off"),
        ("A+Va", True, False, HERE_AUTHENTICATED, "private_messaging_off"),
        # Va: both ends
        ("A+V+Va", True, False, HERE_AUTHENTICATED, None),
        ("A+V+Va", False, False, HERE_AUTHENTICATED, "authentication_required"),
        ("A+V+Va", True, False, HERE_ANONYMOUS, "target_not_present"),
        ("A+V+Va", False, False, HERE_ANONYMOUS, "authentication_required"),
        # the mark: the recipient must be authenticated, and an anonymous client can't mark
        ("A+V", True, True, HERE_AUTHENTICATED, None),
        ("A+V", True, True, HERE_ANONYMOUS, "target_not_present"),
        ("A+V", False, True, HERE_AUTHENTICATED, "authentication_required"),
        ("A+V", False, True, HERE_ANONYMOUS, "authentication_required"),
        # absent
        ("A+V", True, False, ABSENT, "target_not_present"),
        ("A+V", False, False, ABSENT, "target_not_present"),
        ("A+V", True, True, Peer(False, AUTHENTICATED_KIND), "target_not_present"),
        # a silent member receives nothing
        ("X+V", True, False, HERE_ANONYMOUS, "target_not_present"),
        ("X+V", True, False, HERE_AUTHENTICATED, None),
        ("X+V", False, False, HERE_AUTHENTICATED, "anonymous_not_allowed"),
        # a member whom the rule no longer lets in is on its way out
        ("V", True, False, HERE_ANONYMOUS, "target_not_present"),
    ],
)
def test_both_ends_of_a_private_message(
    letters: str, authenticated: bool, marked: bool, peer: Peer, code: str | None
) -> None:
    rules = rule_set(rule(letters=letters))
    facts = Facts(marked_authenticated=marked, peer=peer)
    assert code_of(ask(rules, actor(authenticated), "send_private", facts=facts)) == code


def test_the_sender_learns_nothing_about_the_target() -> None:
    rules = rule_set(rule(letters="A+X+V+Va"))
    elsewhere = Kind(True, None, (parse_authorized_channel("elsewhere"),))
    without_read = Kind(True, parse_grants({"resources": {"channels": {CHANNEL: ["write"]}}}))
    peers = [ABSENT, HERE_ANONYMOUS, Peer(True, elsewhere), Peer(True, without_read), Peer(False, AUTHENTICATED_KIND)]
    answers = {
        (decision.allowed, decision.code, decision.message)
        for decision in (ask(rules, actor(True), "send_private", facts=Facts(peer=peer)) for peer in peers)
    }
    assert len(answers) == 1
    assert {code for _, code, _ in answers} == {"target_not_present"}


def test_who_may_not_send_at_all_learns_nothing_about_the_target() -> None:
    for letters in ("A", "A+V+Va"):
        rules = rule_set(rule(letters=letters))
        codes = {
            code_of(ask(rules, actor(False), "send_private", facts=Facts(peer=peer)))
            for peer in (ABSENT, HERE_ANONYMOUS, HERE_AUTHENTICATED, None)
        }
        assert len(codes) == 1
        assert "target_not_present" not in codes


@pytest.mark.parametrize(("letters", "authenticated"), [("A+V", False), ("A+V", True), ("A+V+Va", True)])
def test_a_client_may_send_to_itself(letters: str, authenticated: bool) -> None:
    sender = actor(authenticated)
    decision = ask(rule_set(rule(letters=letters)), sender, "send_private", facts=Facts(peer=Peer(True, sender.kind)))
    assert decision.allowed


def test_an_anonymous_client_can_not_mark_a_message_to_itself() -> None:
    facts = Facts(marked_authenticated=True, peer=HERE_ANONYMOUS)
    decision = ask(rule_set(rule(letters="A+X+V")), actor(False), "send_private", facts=facts)
    assert code_of(decision) == "authentication_required"


def test_a_message_to_a_user_is_answered_without_looking_whether_it_is_there() -> None:
    rules = rule_set(rule(letters="A+V"))
    assert ask(rules, actor(True), "send_private", facts=Facts(peer=None)).allowed
    assert ask(rules, actor(False), "send_private", facts=Facts(peer=None)).allowed
    marked = Facts(peer=None, marked_authenticated=True)
    assert code_of(ask(rules, actor(False), "send_private", facts=marked)) == "authentication_required"


def test_a_marked_private_message_is_for_authenticated_recipients() -> None:
    rules = rule_set(rule(letters="A+V"))
    marked = Facts(marked_authenticated=True)
    assert ask(rules, actor(True), "receive_private", facts=marked).allowed
    assert code_of(ask(rules, actor(False), "receive_private", facts=marked)) == "authentication_required"
    assert ask(rules, actor(False), "receive_private").allowed


def test_the_mark_matters_for_private_messages_alone() -> None:
    rules = rule_set(rule(letters="A+M"))
    marked = Facts(marked_authenticated=True)
    for operation in ("send_public", "receive_public", "receive_event", "read_history"):
        assert ask(rules, actor(False), operation, facts=marked).allowed
