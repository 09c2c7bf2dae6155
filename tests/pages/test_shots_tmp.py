import pytest
from .conftest import Office
from .test_trigger_editor import rule, CALM, RULE, TRANSFORM

JS = {
    "type": "javascript",
    "code": "async function (event) {\n  // five a minute\n  const n = await kv.increment(`m:${event.client.userId}`, 1, 60);\n  if (n > 5) throw new Error('slow');\n  return { ...event, payload: { ...event.payload, n } };\n}",
}
T = [
    CALM,
    {
        "name": "Everything there is, with a rather long name",
        "events": ["message", "join", "event"],
        "on_failure": "pass",
        "enabled": False,
        "steps": [
            {"type": "condition", "expression": "event.payload.text.length < 500", "otherwise": "skip", "skip": 1},
            {"type": "validate"},
            TRANSFORM,
            JS,
            {"type": "webhook", "url": "https://hooks.example.com/a"},
            {"type": "publish", "data": {"a": "{{ event.payload }}"}},
            {"type": "log"},
        ],
    },
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shots(at_home, office, scheme):
    office.publish(rule(*T))
    at_home.emulate_media(color_scheme=scheme)
    for w in (1440, 1024, 390):
        at_home.set_viewport_size({"width": w, "height": 900})
        for n, p in {
            "rule": f"/w/default/channels/edit{RULE}",
            "edit": f"/w/default/channels/triggers/edit{RULE}&trigger={T[1]['name']}",
            "new": f"/w/default/channels/triggers/new{RULE}",
        }.items():
            at_home.goto(p)
            at_home.wait_for_timeout(400)
            at_home.screenshot(path=f"/tmp/wt/shots/{n}-{scheme}-{w}.png", full_page=True)
