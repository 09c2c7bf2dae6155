"""The headers that keep a page to what the server meant it to be: Content-Security-Policy and its neighbours."""

import secrets

from flask import Flask, Response, g, request

POLICY = {
    "default-src": "'none'",
    "script-src": "'nonce-{nonce}'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "htmx",
}
"""No inline script or style; only htmx, through its hx-csp extension, may turn text into elements."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


def csp_nonce() -> str:
    """Return this response's nonce. Scripts and every element with ``hx-`` attributes carry it."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    nonce: str = g.csp_nonce
    return nonce


def allow_styles() -> None:
    """Let this page have style elements that carry its nonce: the editor for code brings its own."""
    g.csp_styles = True


def init_app(app: Flask) -> None:
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    if response.mimetype == "text/html":
        styles = {"style-src": "'self' 'nonce-{nonce}'"} if g.get("csp_styles") else {}
        policy = "; ".join(f"{name} {value}" for name, value in {**POLICY, **styles}.items())
        response.headers.setdefault("Content-Security-Policy", policy.format(nonce=csp_nonce()))
        if request.endpoint != "static":
            # What a signed-in person saw must not come back from a cache after signing out.
            response.headers.setdefault("Cache-Control", "no-store")
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
