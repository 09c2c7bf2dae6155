"""What a rule that is being edited would do: the matrix, what its boxes imply, its neighbours, the open channels."""

from dataclasses import dataclass, field, replace

from ...core.actors import ANONYMOUS, Actor, actor_from_claims
from ...core.decision import Decision
from ...core.permissions import Operation, Permission
from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target, channel_problem
from ...inspector.simulate import example_channel, matrix, with_rule
from ...models import Workspace
from ...services.decisions import actor_of
from ...services.errors import ServiceError
from .glyphs import hints
from .live import OpenChannels, open_channels

CLAIMS_MOST = 16 * 1024
KEPT_CLAIMS_MOST = 2000
CLAIMS = '{"sub": "bob"}'
"""The custom identity that stands there until another one is typed."""
NEIGHBOURS_NAMED = 20
AUTHENTICATED = actor_from_claims({})


@dataclass(frozen=True, slots=True)
class Column:
    """An operation of the matrix: the group that it belongs to, and its own word in it."""

    operation: Operation
    group: str
    verb: str


COLUMNS = (
    Column(Operation.JOIN, "", "join"),
    Column(Operation.SEES_PRESENCE, "presence", "see"),
    Column(Operation.IN_PRESENCE, "presence", "listed"),
    Column(Operation.SEND_PUBLIC, "public", "send"),
    Column(Operation.RECEIVE_PUBLIC, "public", "receive"),
    Column(Operation.SEND_AUTHENTICATED, "authenticated", "send"),
    Column(Operation.RECEIVE_AUTHENTICATED, "authenticated", "receive"),
    Column(Operation.SEND_PRIVATE, "private", "send"),
    Column(Operation.RECEIVE_PRIVATE, "private", "receive"),
    Column(Operation.RECEIVE_EVENT, "", "events"),
    Column(Operation.READ_HISTORY, "", "history"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A verdict of the matrix. ``changed``: it was the other way when the page opened."""

    column: Column
    decision: Decision
    changed: bool


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Who asks, and all verdicts. ``claims`` are what a saved test would say of them; None if it can't."""

    key: str
    label: str
    cells: tuple[Cell, ...]
    claims: str | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The rules that cover some of the same channels: those that decide instead of this one, and the others."""

    before: list[Rule] = field(default_factory=list)
    after: list[Rule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that stands beside the form."""

    rule: Rule | None
    replaces: Target | None
    hints: dict[Permission, str]
    claims: str
    claims_problem: str = ""
    example: str = ""
    """What was typed as the channel; "" for the one that is chosen."""
    chosen: str = ""
    channel_problem: str = ""
    rows: list[MatrixRow] = field(default_factory=list)
    decides: Rule | None = None
    taken: bool = False
    neighbours: Neighbours = field(default_factory=Neighbours)
    open: OpenChannels | None = None

    @property
    def channel(self) -> str:
        return self.example or self.chosen

    @property
    def is_ours(self) -> bool:
        """Whether the rule of the form decides on the channel that the matrix is about."""
        return self.decides is not None and self.rule is not None and self.decides.target == self.rule.target

    @property
    def changed(self) -> int:
        return sum(cell.changed for row in self.rows for cell in row.cells)


def outlook(
    workspace: Workspace,
    working: RuleSet,
    boxes: Rule,
    rule: Rule | None,
    *,
    opened: Rule | None = None,
    replaces: Target | None = None,
    example: str = "",
    claims: str = CLAIMS,
) -> Outlook:
    """Say what a rule would do if it were saved as the form is now.

    Args:
        workspace: where.
        working: the rules that are being worked on, with the rule as it was saved last.
        boxes: what is ticked, whatever the target.
        rule: the rule of the form; None while its target can't be one.
        opened: what was ticked when the page opened.
        replaces: the rule that is edited; None for a new one.
        example: the channel that the matrix is to be about; "" for one that is chosen.
        claims: the custom identity, as claims of a token.
    """
    said = hints(boxes, working.switches)
    custom, problem = _custom(workspace, claims)
    if rule is None:
        return Outlook(None, replaces, said, claims, problem, example)
    after = with_rule(working, rule, replaces)
    others = [r for r in working.rules if r.target not in (replaces, rule.target)]
    near = [r for r in others if r.target.overlaps(rule.target)]
    chosen = example_channel(after, rule.target)
    channel = example or chosen
    wrong = channel_problem(channel) or ""
    rows: list[MatrixRow] = []
    if not wrong:
        before = with_rule(working, replace(opened, target=rule.target), replaces) if opened is not None else after
        rows = _rows(before, after, channel, custom, claims)
    return Outlook(
        rule=rule,
        replaces=replaces,
        hints=said,
        claims=claims,
        claims_problem=problem,
        example=example,
        chosen=chosen,
        channel_problem=wrong,
        rows=rows,
        decides=after.resolve(channel),
        taken=rule.target != replaces and any(r.target == rule.target for r in working.rules),
        neighbours=Neighbours(
            [r for r in near if r.target.precedence < rule.target.precedence],
            [r for r in near if r.target.precedence >= rule.target.precedence],
        ),
        open=open_channels(workspace, replaces, rule, after),
    )


def _rows(before: RuleSet, after: RuleSet, channel: str, custom: Actor | None, claims: str) -> list[MatrixRow]:
    actors = {"anonymous": ANONYMOUS, "authenticated": AUTHENTICATED}
    # A token, which is a secret, or much text has no place in an address.
    is_short = claims.lstrip().startswith("{") and len(claims) <= KEPT_CLAIMS_MOST
    kept_as = {"anonymous": "", "authenticated": "{}", "custom": claims.strip() if is_short else None}
    if custom is not None:
        actors["custom"] = custom
    was, will_be = (matrix(rules, channel, list(actors.values())) for rules in (before, after))
    rows = []
    for label, old, new in zip(actors, was, will_be, strict=True):
        old_of = {decision.operation: decision for decision in old}
        new_of = {decision.operation: decision for decision in new}
        cells = tuple(
            Cell(c, new_of[c.operation], new_of[c.operation].allowed != old_of[c.operation].allowed) for c in COLUMNS
        )
        rows.append(MatrixRow(label, label, cells, kept_as[label]))
    return rows


def _custom(workspace: Workspace, claims: str) -> tuple[Actor | None, str]:
    if len(claims) > CLAIMS_MOST:
        return None, f"At most {CLAIMS_MOST:,} characters."
    if not claims.strip():
        return None, 'Type the claims of a token as a JSON object, such as `{"sub": "bob"}`.'
    try:
        return actor_of(workspace, claims), ""
    except ServiceError as error:
        return None, next(iter(error.problems.values()))
