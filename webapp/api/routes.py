"""The table of the API's routes, and how each request goes: who asks, may they, what do they send, do it, answer.

A view is registered with :func:`route`; the blueprint and the OpenAPI document are both made from the table.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from flask import Blueprint, Response, current_app, request

from ..models import Scope, Workspace
from ..realtime.server import Realtime
from ..services import workspaces
from . import access
from .access import Caller
from .bodies import BODY_MOST, read_body, read_query
from .errors import ApiError, ErrorCode, answer
from .names import read_names

ROOT = "/api/v1/workspaces/{canonical}"


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body or a query without fields."""


B = TypeVar("B", bound=msgspec.Struct)
Q = TypeVar("Q", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """A request that has been let in: by whom, on which workspace, with what."""

    caller: Caller
    workspace: Workspace
    body: B
    query: Q
    names: dict[str, str]

    @property
    def channel(self) -> str:
        return self.names["channel"]

    @property
    def authorship(self) -> dict[str, Any]:
        """Who changes something, and from where, as the services ask for it."""
        return {"author": self.caller.name, "source": self.caller.source, "address": self.caller.address}

    @property
    def canonical(self) -> str:
        return self.workspace.canonical

    @property
    def realtime(self) -> Realtime:
        """The running server, which has this workspace.

        Raises:
            ApiError: 503 if it is not running, or about to end.
        """
        realtime: Realtime | None = current_app.extensions.get("tidegate.realtime")
        if realtime is None or realtime.draining:
            raise ApiError(ErrorCode.NOT_SERVING, headers={"Retry-After": "2"})
        if realtime.workspace(self.canonical) is None:  # made by another process just now
            workspaces.refresh(self.workspace.id)
        return realtime


View = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address, and all that the document says of it.

    ``path`` is below the workspace; of its variables, ``open_name`` may hold ``/``. A key needs one of ``scopes``.
    ``checks_body``: the view reads the body itself, ``body`` only describes it.
    """

    method: str
    path: str
    view: View
    summary: str
    scopes: tuple[Scope, ...]
    answer: type
    status: int = 200
    body: type[msgspec.Struct] = Nothing
    query: type[msgspec.Struct] = Nothing
    checks_body: bool = False
    body_optional: bool = False
    body_most: Callable[[], int] = lambda: BODY_MOST
    errors: tuple[ErrorCode, ...] = ()
    open_name: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return ROOT + self.path

    @property
    def name(self) -> str:
        return self.view.__name__

    def answer_to(self) -> Response:
        """Let a request in, do what it asks, and answer."""
        names = read_names(request.environ, self.template, self.open_name)
        caller = access.identify()
        workspace = access.enter(caller, names.pop("canonical"), self.scopes)
        query = read_query(self.query)
        result = self.view(Call(caller, workspace, self._read_body(), query, names))
        return result if isinstance(result, Response) else answer(result, self.status)

    def _read_body(self) -> msgspec.Struct:
        if self.body is Nothing or self.checks_body or (self.body_optional and not _has_body()):
            return Nothing()
        return read_body(self.body, self.body_most())


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


ROUTES: list[Route] = []
NUMBERS = ("message_id", "test_id", "block_id", "webhook_id", "delivery_id")
"""Variables of addresses that are numbers."""


def route(method: str, path: str, *scopes: Scope, summary: str, answer: type, **details: Any) -> Callable[[View], View]:
    """Register a view of a workspace; see :class:`Route`. Its docstring explains it in the OpenAPI document."""

    def register(view: View) -> View:
        ROUTES.append(Route(method, path, view, summary, scopes, answer, **details))
        return view

    return register


def mount(blueprint: Blueprint) -> None:
    """Put every route of the table on the blueprint."""
    for entry in ROUTES:
        rule = entry.template.replace("{canonical}", "<canonical>")
        for name in NUMBERS:
            rule = rule.replace("{" + name + "}", f"<digits:{name}>")
        if entry.open_name is not None:
            rule = rule.replace("{" + entry.open_name + "}", f"<any_name:{entry.open_name}>")
        blueprint.add_url_rule(
            rule,
            endpoint=entry.name,
            view_func=_view(entry),
            methods=[entry.method],
            provide_automatic_options=False,
            strict_slashes=True,
        )


def _view(entry: Route) -> Callable[..., Response]:
    # The variables that Flask has matched are decoded and may mean something else: see `names`.
    return lambda **_matched: entry.answer_to()
