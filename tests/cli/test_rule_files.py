"""`tidegate rules`: what a file holds is published, or refused with exit code 2 and nothing changed."""

import json
from pathlib import Path

import pytest
import yaml
from flask import Flask

from tests.cli.conftest import Run
from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.services import audit, drafts, workspaces
from webapp.services import rules as service

GOOD = {"enabled": True, "hash": "theirs", "channels": [{"pattern": "chat", "wildcard": True, "presence": True}]}


def versions() -> list[int]:
    return [version.number for version in service.versions(workspaces.ensure_default())]


def test_a_file_is_applied_and_exported_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(GOOD))
    result = run("rules", "apply", file, "--reason", "first rules")
    assert (result.exit_code, result.output) == (0, "Version 1 is in force: 1 rule.\n")
    entry = audit.entries(workspaces.get("default").id)[0]
    assert (entry.source, entry.reason) == ("cli", "first rules")
    out = tmp_path / "out.json"
    written = run("rules", "export", out)
    assert (written.exit_code, written.stdout, written.stderr) == (0, "", f"Version 1 is in {out}: 1 rule.\n")
    exported = json.loads(out.read_text())
    assert exported["hash"] == "default"
    assert exported["channels"][0]["pattern"] == "chat/*"
    assert run("rules", "apply", out).exit_code == 0
    assert json.loads(run("rules", "export").stdout) == exported


def test_a_draft_that_is_behind_is_told_of(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(GOOD))
    drafts.save_rule(workspaces.ensure_default(), Rule(Target("room")), author="bob")
    result = run("rules", "apply", file)
    assert result.exit_code == 0
    assert result.stderr.startswith("The dashboard's draft (1 change, last by bob) is behind now")
    assert drafts.working_rules(workspaces.get("default")).rules[0].target == Target("room")


def test_yaml_does_as_well(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("channels:\n  - pattern: news\n    anonymous_clients: true\n")
    assert run("rules", "apply", file).exit_code == 0
    out = tmp_path / "out.yml"
    run("rules", "export", out)
    assert yaml.safe_load(out.read_text())["channels"][0]["anonymous_clients"] is True


def test_the_input_can_be_a_pipe(run: Run, app: Flask) -> None:
    assert run("rules", "apply", "-", input=json.dumps(GOOD)).exit_code == 0
    assert run("rules", "check", "-", input="").exit_code == 2
    assert versions() == [1]


def test_unknown_fields_are_warned_of(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({**GOOD, "colour": "red"}))
    result = run("rules", "apply", file)
    assert (result.exit_code, result.stderr) == (0, "Warning: colour: Unknown field, passed over.\n")


def test_checking_changes_nothing(run: Run, tmp_path: Path, app: Flask) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(GOOD))
    assert run("rules", "check", file).output == "1 rule, no errors.\nAgainst version 0:\n  new      chat/*\n"
    assert versions() == []


def test_checking_says_what_would_change(run: Run, tmp_path: Path, app: Flask) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"channels": [{"pattern": "chat", "wildcard": True}, {"pattern": "old"}]}))
    run("rules", "apply", file)
    rows = [{"pattern": "chat/*", "wildcard": True, "presence": True, "history": 25}, {"pattern": "a*"}]
    file.write_text(json.dumps({"channels": rows, "strict_anonymous": True}))
    assert run("rules", "check", file).output.splitlines() == [
        "2 rules, no errors.",
        "Against version 1:",
        "  new      a* (exact name)",
        "  changed  chat/*: history, presence",
        "  removed  old",
        "  switches strict_anonymous",
    ]
    workspaces.create("second", "Second", author="ada", source="cli")
    assert "Against version 0:" in run("rules", "check", file, "--workspace", "second").output
    run("rules", "apply", file)
    assert "Nothing would change: version 2 holds the same." in run("rules", "check", file).output


def test_problems_come_in_the_order_of_the_file_with_unknown_fields_before_them(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    rows = [
        {"history": 7, "colour": 1, "pattern": ""},
        {"pattern": "a"},
        {"pattern": "a", "presence": 1},
        {"wildcard": 2},
    ]
    file.write_text(json.dumps({"channels": rows, "shade": 1, "enabled": "yes"}))
    for command in ("check", "apply"):
        result = run("rules", command, file)
        assert result.exit_code == 2
        assert [
            line.split(": ")[:2][-1 if line.startswith("Warning") else 0] for line in result.stderr.splitlines()
        ] == [
            "shade",
            "channels[0].colour",
            "Error",
            "channels[0].pattern",
            "channels[2].presence",
            "channels[3].wildcard",
            "channels[3].pattern",
            "enabled",
        ]


def test_an_expected_version_guards_against_overwriting(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(GOOD))
    assert run("rules", "apply", file, "--expected-version", "0").exit_code == 0
    result = run("rules", "apply", file, "--expected-version", "0")
    assert (result.exit_code, versions()) == (2, [1])
    assert "Version 1 is in force, not 0" in result.stderr


BAD = {
    "empty": b"",
    "white space": b" \n\t ",
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "utf-16": json.dumps(GOOD).encode("utf-16"),
    "half a file": json.dumps(GOOD).encode()[:-3],
    "two documents": json.dumps(GOOD).encode() * 2,
    "doubled name": b'{"channels": [{"pattern": "a", "pattern": "b"}]}',
    "doubled name in yaml": b"channels: []\nchannels: []\n",
    "yaml with an object": b"!!python/object/apply:os.system ['true']",
    "yaml with tabs": b"channels:\n\t- pattern: a\n",
    "yaml with two documents": b"channels: []\n---\nchannels: []\n",
    "yaml with a strange name": b"? [a, b]\n: 1\nchannels: []\n",
    "yaml that doubles": b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nchannels: *c\n",
    "yaml that holds itself": b"channels: &a [*a]\n",
    "a word": b"hello",
    "a number": b"7",
    "a list": b"[]",
    "null": b"null",
    "too deep": b"[" * 200_000,
    "too deep in yaml": b"- " * 3000 + b"x",
    "no channels": b"{}",
    "wrong type": b'{"channels": [{"pattern": 5}]}',
    "wrong permission": b'{"channels": [{"pattern": "a", "presence": "yes"}]}',
    "bad target": b'{"channels": [{"pattern": "foo*", "wildcard": true}]}',
    "control character": b'{"channels": [{"pattern": "a\\u0000"}]}',
    "doubled target": b'{"channels": [{"pattern": "a"}, {"pattern": "a"}]}',
    "bad depth": b'{"channels": [{"pattern": "a", "history": 26}]}',
    "NaN": b'{"channels": [{"pattern": "a", "history": NaN}]}',
    "too many rules": json.dumps({"channels": [{"pattern": f"c{i}"} for i in range(10_001)]}).encode(),
    "huge": b" " * (17 * 1024 * 1024),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_bad_file_is_refused_and_changes_nothing(
    run: Run, tmp_path: Path, app: Flask, name: str, ending: str
) -> None:
    workspace = workspaces.ensure_default()
    before = (workspace.generation, len(audit.entries(workspace.id)))
    file = tmp_path / f"bad.{ending}"
    file.write_bytes(BAD[name])
    for command in ("check", "apply"):
        result = run("rules", command, file)
        assert result.exit_code == 2, result.output
        said = [line for line in result.stderr.splitlines() if not line.startswith("Warning: ")]
        assert said[0].startswith("Error: ")
        assert "Traceback" not in result.output
    after = workspaces.by_id(workspace.id)
    assert (after.generation, len(audit.entries(workspace.id))) == before
    assert versions() == []


def test_what_is_no_file_is_refused(run: Run, tmp_path: Path) -> None:
    assert run("rules", "apply", tmp_path / "nowhere.json").exit_code == 2
    assert run("rules", "apply", tmp_path).exit_code == 2
    assert run("rules", "apply").exit_code == 2
    assert run("rules", "apply", "-", "--expected-version", "one", input="{}").exit_code == 2
    assert run("rules", "export", tmp_path / "no" / "folder.json").exit_code == 1
    assert run("rules", "export", "--workspace", "nowhere").exit_code == 2


def test_every_problem_is_told_with_its_place(run: Run) -> None:
    result = run("rules", "apply", "-", input='{"channels": [{"pattern": "foo*", "wildcard": true}, {"history": 3}]}')
    assert "channels[0].pattern: `*` stands for a whole segment" in result.stderr
    assert "channels[1].history:" in result.stderr
