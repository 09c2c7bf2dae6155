"""The blueprint that all pages of the test bench share."""

from flask import Blueprint

from ..access import in_workspace

blueprint = in_workspace(Blueprint("bench", __name__, url_prefix="/w/<canonical>/bench"))
