"""What a use case can refuse, in words for the person who asked."""

from collections.abc import Iterable, Mapping

from ..core.problems import Problem


class ServiceError(Exception):
    """Something was refused, and nothing was changed. ``problems`` maps fields to messages; "" is the whole."""

    def __init__(self, problems: Mapping[str, str] | str) -> None:
        self.problems: dict[str, str] = {"": problems} if isinstance(problems, str) else dict(problems)
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in self.problems.items()))


class InvalidInput(ServiceError):
    """A field holds something that can't be taken."""

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "InvalidInput":
        """Gather the problems of a document, by their places."""
        gathered: dict[str, str] = {}
        for problem in problems:
            before = gathered.get(problem.path)
            gathered[problem.path] = f"{before} {problem.message}" if before else problem.message
        return cls(gathered)


class NotFound(ServiceError):
    """What was named does not exist (or not in this workspace)."""


class Conflict(ServiceError):
    """Somebody else changed it in the meantime, or it can't be done in the present state."""


class SecretKeyMismatch(ServiceError):
    """Stored secrets were encrypted with another secret key than the one in use."""
