"""The page of the test clients."""

from flask import Blueprint, render_template

from ..access import in_workspace

blueprint = in_workspace(Blueprint("bench", __name__, url_prefix="/w/<canonical>/bench"))


@blueprint.get("")
def page() -> str:
    """Show the bench."""
    return render_template("bench/page.html")
