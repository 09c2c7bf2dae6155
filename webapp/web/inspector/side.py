"""The left pane: channels as a tree, who is in them, the connected clients, the blocks in force."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import cast

from flask import current_app, render_template
from flask.sansio.app import App

from ...core.targets import TargetError, parse_authorized_channel
from ...inspector import roll
from ...inspector.roll import Page
from ...inspector.tree import Row, Tree, Trees
from ...models import Block, RoleName
from ...realtime.listing import ClientInfo, describe
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import blocks
from ...services.blocks import Hits, Subject
from ..access import current_workspace, holds, may_edit, signed_in
from .address import Here
from .blueprint import blueprint, live
from .forms import BlockForm

_TREES = "tidegate.inspector.trees"
CHANNELS_SHOWN = 20
"""Channels of an unfolded client that are listed."""


def init_app(app: App) -> None:
    app.extensions[_TREES] = Trees()


blueprint.record(lambda setup: init_app(setup.app))
blueprint.context_processor(lambda: {"look_aside": look_aside})


class Tab(StrEnum):
    CHANNELS = "channels"
    CLIENTS = "clients"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the tree. ``toggle`` unfolds or folds it, ``only`` and ``below`` filter by it."""

    row: Row
    label: str
    rate: str
    toggle: str = ""
    only: str = ""
    below: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a list. ``may_act``: this person may kick it, and take it out of channels."""

    info: ClientInfo
    since: float
    toggle: str
    only: str
    only_user: str
    chosen: bool
    is_open: bool
    may_act: bool = False
    by_user: Hits = field(default_factory=Hits)
    by_address: Hits = field(default_factory=Hits)
    channels: tuple[tuple[str, str], ...] = ()
    more: int = 0

    @property
    def may_block_user(self) -> bool:
        return self.info.user_id is not None and may_block(Subject.USER, self.by_user)

    @property
    def may_block_address(self) -> bool:
        return bool(self.info.address) and may_block(Subject.ADDRESS, self.by_address)


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is in the channel that is chosen."""

    channel: str
    page: Page[Client]
    clear: str


@dataclass(frozen=True, slots=True)
class Side:
    """All that the pane shows of one tab."""

    here: Here
    tab: Tab
    wanted: str
    is_running: bool
    branches: list[Branch] = field(default_factory=list)
    more: int = 0
    total: int = 0
    presence: Presence | None = None
    clients: Page[Client] | None = None
    blocks: list[tuple[Block, bool]] = field(default_factory=list)
    form: BlockForm | None = None


@blueprint.get("/side")
def side() -> str:
    """Show the pane alone, as it is now."""
    return render_template("inspector/_side.html")


def look_aside(form: BlockForm | None = None) -> Side:
    """Look at what the address asks the pane to show; ``form`` is one with problems, to be shown again."""
    here, found = Here(), live()
    tab = Tab(here.one("tab")) if here.one("tab") in list(Tab) else Tab.CHANNELS
    wanted = here.one("q").strip()
    if tab is Tab.BLOCKS:
        listed = [(block, may_end(block)) for block in blocks.in_force(current_workspace())]
        return Side(here, tab, wanted, found is not None, blocks=listed, form=form or BlockForm(formdata=None))
    if found is None:
        return Side(here, tab, wanted, False)
    workspace = found[1]
    if tab is Tab.CLIENTS:
        page = roll.clients(workspace, wanted, _number(here))
        rows = [_client(here, describe(connection)) for connection in page.rows]
        return Side(here, tab, wanted, True, clients=page.showing(rows))
    tree = _tree(workspace)
    presence = _presence(here, workspace)
    if wanted:
        hits = tree.find(wanted)
        branches = [_branch(here, row, row.node.path if row.node else "") for row in hits.rows]
        return Side(here, tab, wanted, True, branches, hits.more, hits.total, presence)
    branches = _branches(here, tree.rows(_with_parents(here.all("open"))))
    return Side(here, tab, wanted, True, branches, 0, tree.root.channels, presence)


def may_act_on(client: ClientInfo) -> bool:
    """Whether this person may end this client's connection: developers only those of test clients."""
    return may_edit() or (client.is_test and holds(RoleName.DEVELOPER))


def may_block(subject: Subject, hits: Hits) -> bool:
    """Whether this person may block: developers only users all of whose clients are test clients.

    An address may be that of an office full of people who are not connected just now.
    """
    return may_edit() or (holds(RoleName.DEVELOPER) and subject is Subject.USER and hits.only_tests)


def may_end(block: Block) -> bool:
    """Whether this person may let somebody in again: developers those that they blocked."""
    return may_edit() or (holds(RoleName.DEVELOPER) and block.created_by == signed_in().username)


def _tree(workspace: LiveWorkspace) -> Tree:
    trees = cast(Trees, current_app.extensions[_TREES])
    return trees.look(workspace.canonical, workspace.channels.values())  # type: ignore[arg-type]


def _with_parents(opened: list[str]) -> set[str]:
    """A branch that is unfolded is there to be seen: what it hangs on is unfolded too."""
    paths = set(opened)
    for path in opened:
        at = path.find("/", 1)
        while at > 0:
            paths.add(path[:at])
            at = path.find("/", at + 1)
    return paths


def _branches(here: Here, rows: list[Row]) -> list[Branch]:
    return [_branch(here, row, (row.node.name or "(empty)") if row.node else "") for row in rows]


def _branch(here: Here, row: Row, label: str) -> Branch:
    node = row.node
    if node is None:
        return Branch(row, label, "")
    chosen = here.one("channel")
    toggle = only = below = ""
    if node.children and not here.one("q"):
        if row.is_open:
            inside = node.path + "/"
            rest = [path for path in here.all("open") if path != node.path and not path.startswith(inside)]
            above, slash, _ = node.path.rpartition("/")
            toggle = here.at(open=[*rest, above] if slash else rest)
        else:
            # What is above a branch is unfolded with it, and need not stand there for itself.
            rest = [path for path in here.all("open") if not node.path.startswith(path + "/")]
            toggle = here.at(open=[*rest, node.path])
    if node.here is not None:
        only = here.at(channel=None if chosen == node.path else node.path, page=None)
    if node.children:
        pattern = node.path + "/*"
        below = here.at(channel=None if chosen == pattern else pattern, page=None)
    return Branch(row, label, _rate(row.rate), toggle, only, below, chosen in (node.path, node.path + "/*"))


def _presence(here: Here, workspace: LiveWorkspace) -> Presence | None:
    """Look who is in the channel that the filter names; a pattern names none."""
    name = here.one("channel").strip()
    try:
        if not name or parse_authorized_channel(name).nested:
            return None
    except TargetError:
        return None
    clear = here.at(channel=None, page=None)
    channel = workspace.channels.get(name)
    if channel is None:
        return Presence(name, Page([], 0, 1, 1), clear)
    page = roll.members(channel, _number(here))
    rows = [_client(here, describe(m.connection), m.since / 10_000_000) for m in page.rows]
    return Presence(name, page.showing(rows), clear)


def _client(here: Here, info: ClientInfo, since: float | None = None) -> Client:
    unfolded = here.all("unfold")
    is_open = info.socket_id in unfolded
    toggle = (
        here.at(unfold=[each for each in unfolded if each != info.socket_id])
        if is_open
        else here.setting("unfold")(info.socket_id)
    )
    chosen = here.one("client") == info.socket_id
    shown = Client(
        info,
        info.since if since is None else since,
        toggle,
        here.at(client=None if chosen else info.socket_id),
        here.at(user=None if here.one("user") == info.user_id else info.user_id) if info.user_id else "",
        chosen,
        is_open,
    )
    return _unfolded(here, shown) if is_open else shown


def _unfolded(here: Here, client: Client) -> Client:
    info, workspace = client.info, current_workspace()
    to_channel = here.setting("channel", page=None)
    acts = may_act_on(info)
    return replace(
        client,
        may_act=acts,
        by_user=blocks.hits(workspace, Subject.USER, info.user_id) if acts and info.user_id else Hits(),
        by_address=blocks.hits(workspace, Subject.ADDRESS, info.address) if acts and info.address else Hits(),
        channels=tuple((name, to_channel(name)) for name in info.channels[:CHANNELS_SHOWN]),
        more=max(len(info.channels) - CHANNELS_SHOWN, 0),
    )


def _number(here: Here) -> int:
    asked = here.one("page")
    return int(asked) if asked.isdecimal() and len(asked) <= 6 else 1


def _rate(rate: float | None) -> str:
    """Messages a minute, short: the pane is narrow."""
    if rate is None or rate <= 0:
        return ""
    if rate < 9.95:
        return f"{rate:.1f}"
    return f"{rate:,.0f}" if rate < 99_950 else f"{rate / 1000:,.0f}k"
