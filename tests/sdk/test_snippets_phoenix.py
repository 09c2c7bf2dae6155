"""Code for phoenix.js and Supabase's client runs as it stands: the test bench's and the documentation's."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sdk.users import FOLDER
from tests.servers import ROOT, Server, rule, serving, until
from tests.sockets.clients import Client, Connect, connecting
from webapp.web.bench.snippets import snippets

NAMES = {
    "plain": "chat/lobby",
    "quotes": 'chat/it\'s "quoted" $HOME `id` ${1} \\ \\n',
    "wide": "chat/日本 \u202e😀",
    "markup": "chat/</script><b>&amp;",
    "long": "chat/" + "x" * 250,
}
README = (ROOT / "README.md").read_text("utf-8")
# What pages and newer versions of Node have of their own.
GLOBALS = 'import { WebSocket } from "ws";\nglobalThis.WebSocket ??= WebSocket;\n'


@pytest.fixture(scope="module")
def plain(node: str) -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(rule("chat/*", "A P M X V", history=25), rule("members", "M Ma"))
        yield server


@pytest.fixture
def connect(plain: Server) -> Iterator[Connect]:
    with connecting(plain) as connect:
        yield connect


def code_of(server: Server, title: str, channel: str) -> str:
    found = snippets(f"http://127.0.0.1:{server.port}/", "default", channel)
    return next(snippet.code for snippet in found if snippet.title == title)


@contextmanager
def running(node: str, code: str, globals_: str = GLOBALS) -> Iterator[list[str]]:
    """Run it as a module; yields the lines that it has written, those on the error output too."""
    program = subprocess.Popen(
        [node, "--input-type=module", "-"],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert program.stdin is not None
    assert program.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lines.extend, args=(program.stdout,), daemon=True)
    reader.start()
    program.stdin.write(globals_ + code)
    program.stdin.close()
    try:
        yield lines
    finally:
        program.kill()
        program.wait()
        reader.join()
        program.stdout.close()


def listening(connect: Connect, channel: str) -> Client:
    """A client of Xano's protocol that is in the channel and has its list of members."""
    client = connect()
    assert client.join(channel, presence=True)["action"] == "join"
    client.take("presence_full")
    return client


@pytest.mark.parametrize("title", ["phoenix.js", "Supabase's client"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_it_joins_sends_hears_and_shows_who_is_there(
    plain: Server, node: str, connect: Connect, title: str, name: str
) -> None:
    client = listening(connect, name)
    with running(node, code_of(plain, title, name)) as lines:
        came = client.take("presence_update", 20)["payload"]
        assert came["action"] == "join"
        said = client.take("message")
        assert (said["payload"], said["client"]["socketId"]) == ({"hello": "world"}, came["presence"]["socketId"])
        client.say(name, {"greetings": "from elsewhere"})
        until(lambda: any("from elsewhere" in line for line in lines), what="the message")
        until(lambda: any("metas" in line or "presence_ref" in line for line in lines), what="the list of members")
        assert any("world" in line for line in lines), "it hears what it says itself"


@pytest.mark.parametrize("title", ["phoenix.js", "Supabase's client"])
def test_it_says_why_it_was_refused(plain: Server, node: str, title: str) -> None:
    with running(node, code_of(plain, title, "members")) as lines:
        until(lambda: any("Anonymous clients cannot join" in line for line in lines), 20, "the refusal")
        until(lambda: any("anonymous_not_allowed" in line for line in lines), what="its code")
        (refusal,) = plain.call("refusals")[-1:]
        until(lambda: any(refusal["ref"] in line for line in lines), what="its reference number")


@pytest.mark.parametrize(
    ("title", "commented"), [("phoenix.js", "// authToken: token,"), ("Supabase's client", "// client.setAuth(token);")]
)
def test_the_token_goes_where_the_comment_says(
    plain: Server, node: str, connect: Connect, title: str, commented: str
) -> None:
    client = listening(connect, "chat/lobby")
    code = code_of(plain, title, "chat/lobby")
    assert commented in code
    token = json.dumps(plain.token("42", extras={"name": "Ada"}))
    code = (
        code.replace(commented, commented.removeprefix("// "))
        .replace("token,", f"{token},")
        .replace("(token)", f"({token})")
    )
    with running(node, code):
        assert client.take("presence_update", 20)["payload"]["presence"]["extras"] == {"name": "Ada"}


@pytest.mark.parametrize("title", ["phoenix.js", "Supabase's client"])
def test_the_documentation_s_code_runs(plain: Server, node: str, connect: Connect, title: str) -> None:
    page = (ROOT / "docs/phoenix.md").read_text("utf-8")
    (code,) = re.findall(rf"^## {title}$.*?^```js$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    token = f"const token = {json.dumps(plain.token('42', extras={'name': 'Ada'}))};\n"
    client = listening(connect, "chat/lobby")
    with running(node, token + code.replace("wss://realtime.example.com", f"ws://127.0.0.1:{plain.port}")) as lines:
        assert client.take("presence_update", 20)["payload"]["presence"]["extras"] == {"name": "Ada"}
        assert client.take("message")["payload"] == {"hello": "world"}
        client.say("chat/lobby", {"greetings": "from elsewhere"})
        until(lambda: any("from elsewhere" in line for line in lines), what="the message")


def test_the_first_look_of_the_readme_runs(plain: Server, node: str, connect: Connect) -> None:
    (code,) = re.findall(r"^ *```js\n( *import \{ Socket \} from \"phoenix\".*?)```$", README, re.MULTILINE | re.DOTALL)
    client = listening(connect, "chat/lobby")
    with running(node, code.replace("127.0.0.1:8080", f"127.0.0.1:{plain.port}")) as lines:
        assert client.take("presence_update", 20)["payload"]["action"] == "join"
        assert client.take("message")["payload"] == {"hello": "world"}
        until(lambda: any("world" in line for line in lines), what="its own message")


@pytest.mark.parametrize("waits", [True, False])
def test_a_supabase_client_s_access_token_is_in_the_first_join_once_it_was_waited_for(
    plain: Server, node: str, connect: Connect, waits: bool
) -> None:
    code = code_of(plain, "Supabase's client", "members")
    token = json.dumps(plain.token("42", extras={"name": "Ada"}))
    code = code.replace("params:", f"accessToken: async () => {token},\n  params:")
    if waits:
        code = code.replace("// client.setAuth(token);", "await client.setAuth();")
    with running(node, code) as lines:
        if waits:
            until(lambda: [c for c in plain.call("clients") if c["user_id"] == "42" and c["channels"]], 20, "the join")
            assert not any("CHANNEL_ERROR" in line for line in lines)
        else:
            until(lambda: any("anonymous_not_allowed" in line for line in lines), 20, "the refusal")


@pytest.mark.parametrize("title", ["phoenix.js", "Supabase's client"])
def test_older_versions_of_node_are_given_a_transport(plain: Server, node: str, connect: Connect, title: str) -> None:
    page = (ROOT / "docs/phoenix.md").read_text("utf-8")
    (given,) = re.findall(r"give `(transport: WebSocket)`", page)
    (line,) = re.findall(r"`(import \{ WebSocket \} from \"ws\")`", page)
    client = listening(connect, "chat/lobby")
    code = code_of(plain, title, "chat/lobby").replace("params:", f"{given},\n  params:")
    with running(node, f"{line};\ndelete globalThis.WebSocket;\n{code}", ""):
        assert client.take("presence_update", 20)["payload"]["action"] == "join"
        assert client.take("message")["payload"] == {"hello": "world"}
