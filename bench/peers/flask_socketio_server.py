"""A Flask-SocketIO server for gunicorn's gevent worker: clients join a room and send messages to it."""

from flask import Flask
from flask_socketio import SocketIO, join_room

app = Flask(__name__)
socketio = SocketIO(app, async_mode="gevent", ping_interval=600, ping_timeout=600, http_compression=False)


@socketio.on("join")
def join(room: str) -> str:
    """Add the client to the room; the answer is Socket.IO's acknowledgement."""
    join_room(room)
    return "ok"


@socketio.on("message")
def message(room: str, payload: object) -> None:
    """Send the payload to all members of the room, the sender among them."""
    socketio.emit("message", payload, to=room)
