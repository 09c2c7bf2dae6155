"""The seven permissions as a table, for every test that asks who may do what.

Written from PERMISSIONS.md, "The seven permissions", before the engine was looked at; nothing here imports it.
A row: the boxes, then three actors (an anonymous client, the same under *strict anonymous*, an authenticated
client). Each actor joins if it may, asks for presence, and the rule keeps history; a private message goes to and
comes from an authenticated member. Its letters are the operations it may do, in the order of ``COLUMNS``:

    j join · p/P send and receive public · a/A send and receive authenticated · v/V send and receive private
    e receive event · i in presence · s sees presence · h read history

The pair after them is what becomes of a plain message and of one marked ``authenticated``:
``p`` public, ``a`` authenticated, ``-`` refused.
"""

from typing import Literal

Letters = frozenset[str]
Audience = Literal["public", "authenticated"]

LETTERS: dict[str, str] = {
    "A": "anonymous_clients",
    "P": "presence",
    "M": "client_public_messaging",
    "Ma": "client_public_messaging_authenticated_only",
    "X": "client_authenticated_messaging",
    "V": "client_private_messaging",
    "Va": "client_private_messaging_authenticated_only",
}
"""The letters of the specification, and the names of Xano's settings."""

COLUMNS: dict[str, str] = {
    "j": "join",
    "p": "send_public",
    "P": "receive_public",
    "a": "send_authenticated",
    "A": "receive_authenticated",
    "v": "send_private",
    "V": "receive_private",
    "e": "receive_event",
    "i": "in_presence",
    "s": "sees_presence",
    "h": "read_history",
}
OPERATIONS: tuple[str, ...] = tuple(COLUMNS.values())

ROWS = """
boxes             anonymous       strict          authenticated
none              ........... --  ........... --  j......e..h --
A                 j......e..h --  j......e..h --  j......e..h --
P                 ........... --  ........... --  j......eish --
A+P               j......eish --  j......eish --  j......eish --
M                 jpP....e..h p-  ........... --  jpP....e..h p-
A+M               jpP....e..h p-  jpP....e..h p-  jpP....e..h p-
P+M               jpP....eish p-  ........... --  jpP....eish p-
A+P+M             jpP....eish p-  jpP....eish p-  jpP....eish p-
Ma                ........... --  ........... --  j......e..h --
A+Ma              j......e..h --  j......e..h --  j......e..h --
P+Ma              ........... --  ........... --  j......eish --
A+P+Ma            j......eish --  j......eish --  j......eish --
M+Ma              ........... --  ........... --  jpP....e..h p-
A+M+Ma            j.P....e..h --  j.P....e..h --  jpP....e..h p-
P+M+Ma            ........... --  ........... --  jpP....eish p-
A+P+M+Ma          j.P....eish --  j.P....eish --  jpP....eish p-
X                 j.......... --  ........... --  j..aA..e..h aa
A+X               j......e..h --  j......e..h --  j..aA..e..h aa
P+X               j.......i.. --  ........... --  j..aA..eish aa
A+P+X             j......eish --  j......eish --  j..aA..eish aa
M+X               jpP....e..h p-  ........... --  jpPaA..e..h pa
A+M+X             jpP....e..h p-  jpP....e..h p-  jpPaA..e..h pa
P+M+X             jpP....eish p-  ........... --  jpPaA..eish pa
A+P+M+X           jpP....eish p-  jpP....eish p-  jpPaA..eish pa
Ma+X              j.......... --  ........... --  j..aA..e..h aa
A+Ma+X            j......e..h --  j......e..h --  j..aA..e..h aa
P+Ma+X            j.......i.. --  ........... --  j..aA..eish aa
A+P+Ma+X          j......eish --  j......eish --  j..aA..eish aa
M+Ma+X            j.......... --  ........... --  jpPaA..e..h pa
A+M+Ma+X          j.P....e..h --  j.P....e..h --  jpPaA..e..h pa
P+M+Ma+X          j.......i.. --  ........... --  jpPaA..eish pa
A+P+M+Ma+X        j.P....eish --  j.P....eish --  jpPaA..eish pa
V                 ........... --  ........... --  j....vVe..h --
A+V               j....vVe..h --  j....vVe..h --  j....vVe..h --
P+V               ........... --  ........... --  j....vVeish --
A+P+V             j....vVeish --  j....vVeish --  j....vVeish --
M+V               jpP..vVe..h p-  ........... --  jpP..vVe..h p-
A+M+V             jpP..vVe..h p-  jpP..vVe..h p-  jpP..vVe..h p-
P+M+V             jpP..vVeish p-  ........... --  jpP..vVeish p-
A+P+M+V           jpP..vVeish p-  jpP..vVeish p-  jpP..vVeish p-
Ma+V              ........... --  ........... --  j....vVe..h --
A+Ma+V            j....vVe..h --  j....vVe..h --  j....vVe..h --
P+Ma+V            ........... --  ........... --  j....vVeish --
A+P+Ma+V          j....vVeish --  j....vVeish --  j....vVeish --
M+Ma+V            ........... --  ........... --  jpP..vVe..h p-
A+M+Ma+V          j.P..vVe..h --  j.P..vVe..h --  jpP..vVe..h p-
P+M+Ma+V          ........... --  ........... --  jpP..vVeish p-
A+P+M+Ma+V        j.P..vVeish --  j.P..vVeish --  jpP..vVeish p-
X+V               j.......... --  ........... --  j..aAvVe..h aa
A+X+V             j....vVe..h --  j....vVe..h --  j..aAvVe..h aa
P+X+V             j.......i.. --  ........... --  j..aAvVeish aa
A+P+X+V           j....vVeish --  j....vVeish --  j..aAvVeish aa
M+X+V             jpP..vVe..h p-  ........... --  jpPaAvVe..h pa
A+M+X+V           jpP..vVe..h p-  jpP..vVe..h p-  jpPaAvVe..h pa
P+M+X+V           jpP..vVeish p-  ........... --  jpPaAvVeish pa
A+P+M+X+V         jpP..vVeish p-  jpP..vVeish p-  jpPaAvVeish pa
Ma+X+V            j.......... --  ........... --  j..aAvVe..h aa
A+Ma+X+V          j....vVe..h --  j....vVe..h --  j..aAvVe..h aa
P+Ma+X+V          j.......i.. --  ........... --  j..aAvVeish aa
A+P+Ma+X+V        j....vVeish --  j....vVeish --  j..aAvVeish aa
M+Ma+X+V          j.......... --  ........... --  jpPaAvVe..h pa
A+M+Ma+X+V        j.P..vVe..h --  j.P..vVe..h --  jpPaAvVe..h pa
P+M+Ma+X+V        j.......i.. --  ........... --  jpPaAvVeish pa
A+P+M+Ma+X+V      j.P..vVeish --  j.P..vVeish --  jpPaAvVeish pa
Va                ........... --  ........... --  j......e..h --
A+Va              j......e..h --  j......e..h --  j......e..h --
P+Va              ........... --  ........... --  j......eish --
A+P+Va            j......eish --  j......eish --  j......eish --
M+Va              jpP....e..h p-  ........... --  jpP....e..h p-
A+M+Va            jpP....e..h p-  jpP....e..h p-  jpP....e..h p-
P+M+Va            jpP....eish p-  ........... --  jpP....eish p-
A+P+M+Va          jpP....eish p-  jpP....eish p-  jpP....eish p-
Ma+Va             ........... --  ........... --  j......e..h --
A+Ma+Va           j......e..h --  j......e..h --  j......e..h --
P+Ma+Va           ........... --  ........... --  j......eish --
A+P+Ma+Va         j......eish --  j......eish --  j......eish --
M+Ma+Va           ........... --  ........... --  jpP....e..h p-
A+M+Ma+Va         j.P....e..h --  j.P....e..h --  jpP....e..h p-
P+M+Ma+Va         ........... --  ........... --  jpP....eish p-
A+P+M+Ma+Va       j.P....eish --  j.P....eish --  jpP....eish p-
X+Va              j.......... --  ........... --  j..aA..e..h aa
A+X+Va            j......e..h --  j......e..h --  j..aA..e..h aa
P+X+Va            j.......i.. --  ........... --  j..aA..eish aa
A+P+X+Va          j......eish --  j......eish --  j..aA..eish aa
M+X+Va            jpP....e..h p-  ........... --  jpPaA..e..h pa
A+M+X+Va          jpP....e..h p-  jpP....e..h p-  jpPaA..e..h pa
P+M+X+Va          jpP....eish p-  ........... --  jpPaA..eish pa
A+P+M+X+Va        jpP....eish p-  jpP....eish p-  jpPaA..eish pa
Ma+X+Va           j.......... --  ........... --  j..aA..e..h aa
A+Ma+X+Va         j......e..h --  j......e..h --  j..aA..e..h aa
P+Ma+X+Va         j.......i.. --  ........... --  j..aA..eish aa
A+P+Ma+X+Va       j......eish --  j......eish --  j..aA..eish aa
M+Ma+X+Va         j.......... --  ........... --  jpPaA..e..h pa
A+M+Ma+X+Va       j.P....e..h --  j.P....e..h --  jpPaA..e..h pa
P+M+Ma+X+Va       j.......i.. --  ........... --  jpPaA..eish pa
A+P+M+Ma+X+Va     j.P....eish --  j.P....eish --  jpPaA..eish pa
V+Va              ........... --  ........... --  j....vVe..h --
A+V+Va            j......e..h --  j......e..h --  j....vVe..h --
P+V+Va            ........... --  ........... --  j....vVeish --
A+P+V+Va          j......eish --  j......eish --  j....vVeish --
M+V+Va            jpP....e..h p-  ........... --  jpP..vVe..h p-
A+M+V+Va          jpP....e..h p-  jpP....e..h p-  jpP..vVe..h p-
P+M+V+Va          jpP....eish p-  ........... --  jpP..vVeish p-
A+P+M+V+Va        jpP....eish p-  jpP....eish p-  jpP..vVeish p-
Ma+V+Va           ........... --  ........... --  j....vVe..h --
A+Ma+V+Va         j......e..h --  j......e..h --  j....vVe..h --
P+Ma+V+Va         ........... --  ........... --  j....vVeish --
A+P+Ma+V+Va       j......eish --  j......eish --  j....vVeish --
M+Ma+V+Va         ........... --  ........... --  jpP..vVe..h p-
A+M+Ma+V+Va       j.P....e..h --  j.P....e..h --  jpP..vVe..h p-
P+M+Ma+V+Va       ........... --  ........... --  jpP..vVeish p-
A+P+M+Ma+V+Va     j.P....eish --  j.P....eish --  jpP..vVeish p-
X+V+Va            j.......... --  ........... --  j..aAvVe..h aa
A+X+V+Va          j......e..h --  j......e..h --  j..aAvVe..h aa
P+X+V+Va          j.......i.. --  ........... --  j..aAvVeish aa
A+P+X+V+Va        j......eish --  j......eish --  j..aAvVeish aa
M+X+V+Va          jpP....e..h p-  ........... --  jpPaAvVe..h pa
A+M+X+V+Va        jpP....e..h p-  jpP....e..h p-  jpPaAvVe..h pa
P+M+X+V+Va        jpP....eish p-  ........... --  jpPaAvVeish pa
A+P+M+X+V+Va      jpP....eish p-  jpP....eish p-  jpPaAvVeish pa
Ma+X+V+Va         j.......... --  ........... --  j..aAvVe..h aa
A+Ma+X+V+Va       j......e..h --  j......e..h --  j..aAvVe..h aa
P+Ma+X+V+Va       j.......i.. --  ........... --  j..aAvVeish aa
A+P+Ma+X+V+Va     j......eish --  j......eish --  j..aAvVeish aa
M+Ma+X+V+Va       j.......... --  ........... --  jpPaAvVe..h pa
A+M+Ma+X+V+Va     j.P....e..h --  j.P....e..h --  jpPaAvVe..h pa
P+M+Ma+X+V+Va     j.......i.. --  ........... --  jpPaAvVeish pa
A+P+M+Ma+X+V+Va   j.P....eish --  j.P....eish --  jpPaAvVeish pa
"""

EXPECTED: dict[tuple[Letters, bool, str], bool] = {}
"""(letters, authenticated, operation) → allowed, with *strict anonymous* off."""
EXPECTED_STRICT: dict[tuple[Letters, bool, str], bool] = {}
"""The same with *strict anonymous* on."""
AUDIENCE: dict[tuple[Letters, bool, bool], Audience | None] = {}
"""(letters, authenticated, marked) → who receives the message, None if it is refused."""
AUDIENCE_STRICT: dict[tuple[Letters, bool, bool], Audience | None] = {}

_AUDIENCES: dict[str, Audience | None] = {"p": "public", "a": "authenticated", "-": None}


def boxes(text: str) -> Letters:
    """Read ``A+M+Ma`` as a set of letters; ``none`` is the empty one."""
    letters = frozenset() if text == "none" else frozenset(text.split("+"))
    if not letters <= LETTERS.keys():
        raise ValueError(f"unknown letter in {text!r}")
    return letters


def _fill() -> None:
    for line in ROWS.split("\n")[2:-1]:
        name, anonymous, anonymous_fate, strict, strict_fate, authenticated, authenticated_fate = line.split()
        for allowed, fate, is_authenticated, tables in (
            (anonymous, anonymous_fate, False, [(EXPECTED, AUDIENCE)]),
            (strict, strict_fate, False, [(EXPECTED_STRICT, AUDIENCE_STRICT)]),
            (authenticated, authenticated_fate, True, [(EXPECTED, AUDIENCE), (EXPECTED_STRICT, AUDIENCE_STRICT)]),
        ):
            for operations, audiences in tables:
                for letter, operation in COLUMNS.items():
                    operations[boxes(name), is_authenticated, operation] = letter in allowed
                audiences[boxes(name), is_authenticated, False] = _AUDIENCES[fate[0]]
                audiences[boxes(name), is_authenticated, True] = _AUDIENCES[fate[1]]


_fill()

ALL_LETTERS: tuple[Letters, ...] = tuple(dict.fromkeys(letters for letters, _, _ in EXPECTED))
