"""Webhooks: what is set of them, what was delivered, and delivering."""

from .checking import Spec
from .deliveries import Page, Summary, find, page, resend, summaries
from .kept import (
    create,
    delete,
    get,
    list_all,
    pending_of,
    rotate,
    secret_of,
    send_test,
    set_active,
    update,
    used_by_triggers,
)
from .of_triggers import add_those_of_triggers
from .rows import document

__all__ = [
    "Page",
    "Spec",
    "Summary",
    "add_those_of_triggers",
    "create",
    "delete",
    "document",
    "find",
    "get",
    "list_all",
    "page",
    "pending_of",
    "resend",
    "rotate",
    "secret_of",
    "send_test",
    "set_active",
    "summaries",
    "update",
    "used_by_triggers",
]
