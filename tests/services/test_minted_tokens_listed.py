"""The list of minted tokens: found by a part of what names them, page by page."""

import pytest

from tests.services.making import BY
from webapp.models import Workspace
from webapp.services import tokens, workspaces


def found(workspace: Workspace, wanted: str, **asked: int) -> list[str | None]:
    return [token.subject for token, _ in tokens.minted_page(workspace, wanted=wanted, **asked).tokens]


def test_tokens_are_found_by_user_id_or_maker(workspace: Workspace) -> None:
    ada = tokens.mint(workspace, sub="Ada-100%", **BY)
    tokens.mint(workspace, sub="bob", author="backend", source="api")
    assert found(workspace, "ADA") == ["Ada-100%"]  # also made by `ada`, and there once
    assert found(workspace, ada.jti[5:20]) == ["Ada-100%"]
    assert found(workspace, "backend") == ["bob"]
    assert found(workspace, "0%") == ["Ada-100%"]
    assert found(workspace, "%") == ["Ada-100%"]
    assert found(workspace, "_") == []
    assert found(workspace, "b\x00ob") == ["bob"]


def test_pages_hold_everything_once(workspace: Workspace) -> None:
    for number in range(7):
        tokens.mint(workspace, sub=str(number), **BY)
    first = tokens.minted_page(workspace, most=3)
    assert (first.total, first.pages, first.page, len(first.tokens)) == (7, 3, 1, 3)
    seen = [subject for page in (1, 2, 3) for subject in found(workspace, "", page=page, most=3)]
    assert sorted(map(str, seen)) == [str(number) for number in range(7)]


@pytest.mark.parametrize(("asked", "page"), [(0, 1), (-5, 1), (99, 2)])
def test_a_page_that_is_not_there_is_the_nearest(workspace: Workspace, asked: int, page: int) -> None:
    for _ in range(4):
        tokens.mint(workspace, **BY)
    assert tokens.minted_page(workspace, page=asked, most=3).page == page


def test_revoked_ones_are_marked_and_others_workspaces_are_not_there(workspace: Workspace) -> None:
    other = workspaces.create("second", "Second", **BY)
    theirs = tokens.mint(other, sub="theirs", **BY)
    ours = tokens.mint(workspace, sub="ours", **BY)
    tokens.revoke(other, ours.jti, **BY)  # somebody else's revocation of our id is not ours
    assert [revoked for _, revoked in tokens.minted_page(workspace).tokens] == [False]
    tokens.revoke(workspace, ours.jti, **BY)
    assert [revoked for _, revoked in tokens.minted_page(workspace).tokens] == [True]
    assert found(workspace, theirs.jti) == []
    assert tokens.minted_page(workspace, wanted="nothing").pages == 1
