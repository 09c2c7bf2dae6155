"""flask-htmx for htmx 4, which renamed some request headers (npm htmx.org, dist/skills/htmx-upgrade-from-htmx2.md)."""

from urllib.parse import unquote

from flask import Response, make_response, redirect, request
from flask_htmx import HTMX
from werkzeug.wrappers import Response as BaseResponse


class HTMX4(HTMX):
    """``target`` and ``trigger`` are element ids as before, read from ``HX-Target`` and ``HX-Source`` (``tag#id``)."""

    @property
    def target(self) -> str | None:
        return _element_id(request.headers.get("HX-Target"))

    @property
    def trigger(self) -> str | None:
        return _element_id(request.headers.get("HX-Source"))

    @property
    def trigger_name(self) -> None:
        """htmx 4 no longer sends the element's name."""
        return None

    @property
    def partial(self) -> bool:
        """Whether a part of the page is asked for; going back through history asks for a whole page."""
        return request.headers.get("HX-Request-Type") == "partial" and not self.history_restore_request


htmx = HTMX4()


def _element_id(identifier: str | None) -> str | None:
    if identifier is None or "#" not in identifier:
        return None
    return unquote(identifier.partition("#")[2])


def go_to(url: str) -> BaseResponse:
    """Send the browser to another page, whether htmx or the browser itself asked."""
    if htmx:
        response: Response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return redirect(url, 303)
