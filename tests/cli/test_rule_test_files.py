"""`tidegate rules check` and `rules tests`: what fails is told with the step that decided; exit code 1."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from tests.cli.conftest import Run
from webapp.services import audit, ruletests, workspaces

RULES = json.dumps({"channels": [{"pattern": "chat", "wildcard": True, "client_public_messaging": True}]})
HOLDS = {"name": "anyone joins", "channel": "chat/a", "operation": "join", "identity": None, "allowed": True}
FAILS = {"channel": "chat/a", "operation": "send_private", "identity": {"sub": "bob"}, "allowed": True}


def save(*tests: dict[str, Any]) -> None:
    ruletests.replace_all(workspaces.ensure_default(), ruletests.read_specs(list(tests)), author="t", source="cli")


def saved() -> list[dict[str, Any]]:
    return [ruletests.row(test) for test in ruletests.list_all(workspaces.ensure_default())]


def test_rules_that_hold_end_with_zero(run: Run, app: Flask) -> None:
    save(HOLDS)
    result = run("rules", "check", "-", input=RULES)
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "1 test, all hold.")


def test_a_test_that_fails_is_told_with_the_step_that_decided(run: Run, app: Flask) -> None:
    save(HOLDS, FAILS)
    result = run("rules", "check", "-", input=RULES)
    assert result.exit_code == 1
    assert result.output.splitlines()[-3:] == [
        "fails    bob may send private in `chat/a`",
        "         denied: private_messaging_off. Client private messaging is off.",
        "2 tests, 1 failed.",
    ]


def test_what_is_allowed_against_expectation_names_the_box(run: Run, app: Flask) -> None:
    save(HOLDS | {"operation": "send_public", "allowed": False})
    result = run("rules", "check", "-", input=RULES)
    assert (result.exit_code, result.output.splitlines()[-2]) == (
        1,
        "         allowed. Client public messaging is on.",
    )


def test_without_tests_nothing_is_said_of_them(run: Run, app: Flask) -> None:
    result = run("rules", "check", "-", input=RULES)
    assert (result.exit_code, "test" in result.output) == (0, False)


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_the_tests_of_a_file_stand_in_for_the_saved_ones(run: Run, app: Flask, tmp_path: Path, ending: str) -> None:
    save(FAILS)
    file = tmp_path / f"tests.{ending}"
    file.write_text(json.dumps([HOLDS]) if ending == "json" else yaml.safe_dump([HOLDS]))
    assert run("rules", "check", "-", "--tests", file, input=RULES).exit_code == 0
    file.write_text(json.dumps([FAILS]))
    assert run("rules", "check", "-", "--tests", file, input=RULES).exit_code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{}", "Expected a list of tests"),
        ('[{"channel": "a"}]', "[0].operation: This is missing"),
        ('[{"channel": "a", "operation": "fly", "allowed": true}]', "[0].operation: Expected one of"),
        ("- &a {channel: a, operation: join, allowed: true}\n- *a\n", "alias"),
    ],
)
def test_bad_tests_end_with_two_and_change_nothing(run: Run, app: Flask, tmp_path: Path, text: str, said: str) -> None:
    save(HOLDS)
    before = len(audit.entries(workspaces.ensure_default().id))
    file = tmp_path / "tests.yaml"
    file.write_text(text)
    for result in (run("rules", "check", "-", "--tests", file, input=RULES), run("rules", "tests", "apply", file)):
        assert result.exit_code == 2, result.output
        assert said in result.stderr
    assert saved() == [HOLDS]
    assert len(audit.entries(workspaces.ensure_default().id)) == before


def test_rules_with_errors_end_with_two_whatever_the_tests_say(run: Run, app: Flask) -> None:
    save(FAILS)
    assert run("rules", "check", "-", input='{"channels": 1}').exit_code == 2
    assert run("rules", "check", "-", "--tests", "-", input=RULES).exit_code == 2


def test_tests_are_exported_and_applied(run: Run, app: Flask, tmp_path: Path) -> None:
    save(HOLDS, FAILS)
    before = saved()
    file = tmp_path / "tests.yaml"
    written = run("rules", "tests", "export", file)
    assert (written.exit_code, written.stderr) == (0, f"2 tests in {file}.\n")
    assert yaml.safe_load(file.read_text()) == before == json.loads(run("rules", "tests", "export").stdout)
    save()
    assert run("rules", "tests", "apply", file).output == "2 tests: 2 added, 0 deleted.\n"
    assert saved() == before
    assert run("rules", "tests", "apply", "-", input="[]").output == "0 tests: 0 added, 2 deleted.\n"


def test_names_can_not_steer_a_terminal(run: Run, app: Flask) -> None:
    save(FAILS | {"channel": "chat/\u202egnp", "name": "harmless"})
    assert "\u202e" not in run("rules", "check", "-", input='{"channels": []}').output
