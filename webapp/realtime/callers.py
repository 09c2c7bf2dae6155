"""Who asks to be let in: what a request says of its client, before there is a connection."""

import time
from functools import cached_property
from typing import TYPE_CHECKING

from ..core.actors import ANONYMOUS, Actor
from .addresses import normalized
from .events import Face
from .tokens import TokenProblem

if TYPE_CHECKING:
    from .workspace import Workspace


class Caller:
    """A request of a client. ``workspace`` is None where it names none that there is."""

    def __init__(
        self,
        face: Face,
        workspace: "Workspace | None",
        token: str | None,
        origin: str | None,
        address: str,
        user_agent: str,
    ) -> None:
        self.face = face
        self.workspace = workspace
        self.origin = origin
        self.address = normalized(address)
        self.user_agent = user_agent
        self._token = token

    @cached_property
    def identity(self) -> tuple[Actor, TokenProblem | None]:
        """Who it is; with a token that is not accepted it is anonymous, and the problem says why."""
        if self.workspace is None or self._token is None:
            return ANONYMOUS, None
        try:
            return self.workspace.config.verifier.verify(self._token, time.time()), None
        except TokenProblem as problem:
            return ANONYMOUS, problem
