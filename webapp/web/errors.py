"""Error pages in the look of the dashboard; for htmx a notice, so that the page stays as it is."""

from flask import Flask, current_app, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from . import refusals
from .htmx import htmx

TEXTS: dict[int, tuple[str, str]] = {
    400: ("That request was not understood", "Go back and try again."),
    403: (
        "Your role does not allow this",
        "Nothing was changed. An owner of the workspace can give you another role.",
    ),
    404: (
        "There is nothing here",
        "The address may be mistyped, what it named may be gone, or you have no role there.",
    ),
    405: ("That can't be done here", "This address does not answer to that kind of request."),
    409: ("Something changed in the meantime", "Look at what is in force now and try again."),
    413: ("That is too much at once", "The server accepts no more than a few megabytes in a form."),
    422: ("Something in that request can't be used", "Go back, correct it and try again."),
    429: ("Too many attempts", "Wait a minute, then try again."),
    500: ("Something went wrong on the server", "What you were doing may not have happened. The log says more."),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(HTTPException, _page)


def _form_too_old(error: CSRFError) -> Response:
    refusals.note(f"no valid token in the form: {error.description}")
    return _render(
        400, "This form is too old", "You were signed out or signed in again since. Reload the page and try again."
    )


def _page(error: HTTPException) -> Response | HTTPException:
    if error.code == 404 and request.method == "POST" and g.get("role") is not None:
        refusals.note("names something that this workspace does not have")
    if error.code is None or error.code < 400 or not _wants_page():
        return error
    title, text = TEXTS.get(error.code, (error.name, error.description or ""))
    return _render(error.code, title, text)


def _wants_page() -> bool:
    """Whether a person reads the answer. The API and the sockets answer for themselves."""
    return not request.path.startswith(("/api/", "/rt/")) and request.accept_mimetypes.accept_html


def _render(code: int, title: str, text: str) -> Response:
    if htmx.partial:
        response = make_response(render_template("_notice.html", kind="error", text=f"{title}. {text}"), code)
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "beforeend"
        return response
    try:
        page = render_template("errors/page.html", code=code, title=title, text=text)
    except Exception:
        # What failed may be what the page itself needs, such as the database.
        current_app.logger.exception("The error page could not be made either")
        return Response(f"{code} {title}. {text}\n", code, mimetype="text/plain")
    return make_response(page, code)
