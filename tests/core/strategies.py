"""Hypothesis strategies for channels, targets, rules and rule sets."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from webapp.core.actors import Kind
from webapp.core.grants import Grants, parse_grants
from webapp.core.permissions import HISTORY_DEPTHS, GrantPermission, Permission
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import Target

quickly = settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

# Few different segments, so that targets and channels meet; some that look like others (case, dots, spaces, `*`).
SEGMENTS = ("a", "b", "ab", "A", "", ".", "é", "a b", "日本")

channels = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=5).map("/".join).filter(bool)
near_channels = st.lists(st.sampled_from(("a", "b", "")), min_size=1, max_size=4).map("/".join).filter(bool)


def _patterns(segments: tuple[str, ...], longest: int) -> st.SearchStrategy[Target]:
    words = st.lists(st.sampled_from((*segments, "*", "*")), min_size=1, max_size=longest)
    return words.filter(lambda word: "*" in word).map(lambda word: Target("/".join(word), nested=True))


patterns = _patterns(SEGMENTS, 5)
targets = st.one_of(patterns, channels.map(Target), st.just(Target("a/*")))
near_targets = st.one_of(_patterns(("a", "b", ""), 4), near_channels.map(Target))

boxes = st.frozensets(st.sampled_from(list(Permission)))
switches = st.builds(Switches, *[st.booleans()] * 5)


def rules_on(chosen: st.SearchStrategy[Target], longest: int = 8) -> st.SearchStrategy[list[Rule]]:
    rule = st.builds(
        Rule,
        chosen,
        boxes,
        enabled=st.sampled_from([True, True, True, False]),
        description=st.text(max_size=20),
        history=st.sampled_from(HISTORY_DEPTHS),
        history_events=st.booleans(),
    )
    return st.lists(rule, max_size=longest, unique_by=lambda made: made.target)


def rule_sets(chosen: st.SearchStrategy[Target] = targets) -> st.SearchStrategy[RuleSet]:
    return st.builds(
        lambda rules, switched, version: RuleSet(tuple(rules), switched, version),
        rules_on(chosen),
        switches,
        st.integers(0, 9),
    )


_held = st.lists(st.sampled_from([str(p) for p in GrantPermission]), unique=True)
_entries = st.dictionaries(near_channels, _held, max_size=3)
_pattern_entries = st.dictionaries(st.sampled_from(["a", "^a$", "^b/", ".*", "(?:a|b)$", r"\Ab"]), _held, max_size=3)
grant_claims = st.fixed_dictionaries(
    {},
    optional={
        "resources": st.dictionaries(st.sampled_from(["channels", "groups", "uuids"]), _entries),
        "patterns": st.dictionaries(st.sampled_from(["channels", "groups", "uuids"]), _pattern_entries),
    },
)
grants: st.SearchStrategy[Grants] = grant_claims.map(parse_grants)
kinds = st.builds(
    Kind,
    st.booleans(),
    st.none() | grants,
    st.none() | st.lists(near_targets, max_size=3).map(tuple),
)
