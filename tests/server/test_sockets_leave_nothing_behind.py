"""All sockets share one response, which kept a cookie of every viewer of the inspector that ever came."""

from typing import Any

import pytest
from flask import Flask, Response, session

from webapp.api.handshake import Sock


def test_the_response_that_all_share_keeps_no_headers() -> None:
    app = Flask(__name__)
    app.secret_key = "x" * 32
    sockets = Sock()
    answers: list[Response] = []
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}

    @sockets.route("/socket", bp=app)
    def socket(_socket: Any) -> None:
        session["seen"] = True

    app.after_request(lambda response: (answers.append(response), response)[1])
    for _ in range(2):
        with pytest.raises(StopIteration):
            app.test_client().get("/socket", environ_overrides={"gunicorn.socket": None}, headers=upgrade)
    assert answers[0] is answers[1]
    assert list(answers[0].headers) == []
