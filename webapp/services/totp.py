"""The second factor: six digits from an app (TOTP, RFC 6238), and recovery codes for when the app is gone."""

import secrets
from base64 import b32encode
from dataclasses import dataclass
from enum import StrEnum
from time import time

import pyotp
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from ..models import Action, Admin, RecoveryCode, Source, now
from . import audit, passwords, vault
from .admins import by_username
from .errors import Conflict, InvalidInput
from .hashes import hash_of
from .transactions import reading, writing

ISSUER = "Tidegate"
STEP = 30
DRIFT = 1
"""Steps that the clock of a phone may be off, in either direction."""
RECOVERY_CODES = 10

WRONG_CODE = "This code is not right, or was used before. The app shows another one every 30 seconds."


class Factor(StrEnum):
    """With what somebody got past the second page of the sign-in."""

    CODE = "code"
    RECOVERY_CODE = "recovery code"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret for an app, as text and as the address that a QR code holds."""

    secret: str
    uri: str


def is_on(admin: Admin) -> bool:
    """Whether signing in asks this admin for a code."""
    return admin.totp_confirmed_at is not None


def begin(admin: Admin, password: str) -> None:
    """Make a secret for an app; nothing is asked for until a first code of it was given.

    Raises:
        InvalidInput: the password is wrong.
        Conflict: it is switched on already.
    """
    _check_password(admin, password)
    encrypted = vault.encrypt(pyotp.random_base32())
    with writing() as session:
        row = _row(session, admin)
        if row.totp_confirmed_at is not None:
            raise Conflict("Two-step sign-in is on already.")
        row.totp_secret, row.totp_step = encrypted, None


def enrolment(admin: Admin) -> Enrolment | None:
    """Return the secret that waits for its first code, or None."""
    if admin.totp_secret is None or is_on(admin):
        return None
    secret = vault.decrypt(admin.totp_secret)
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=admin.username, issuer_name=ISSUER))


def confirm(admin: Admin, code: str, *, address: str | None = None) -> tuple[str, ...]:
    """Switch it on with a first code of the app; return recovery codes, which are shown this once.

    Raises:
        InvalidInput: the code is wrong.
        Conflict: no secret was made, another one was made since, or it is on already.
    """
    if enrolment(admin) is None:
        raise Conflict("Begin again: no secret waits for a code.")
    step = _step_of(admin, code)
    if step is None:
        raise InvalidInput({"code": WRONG_CODE})
    codes = _new_codes()
    with writing() as session:
        row = _row(session, admin)
        if row.totp_confirmed_at is not None or row.totp_secret != admin.totp_secret:
            raise Conflict("Something changed in the meantime. Look again.")
        row.totp_confirmed_at, row.totp_step = now(), step
        _replace_codes(session, row, codes)
        _record(session, Action.TOTP_ENABLE, row, address)
    return codes


def check(admin: Admin, code: str, *, address: str | None = None) -> Factor | None:
    """Take a code of the app or a recovery code, which then can't be used again; None if it is neither."""
    step = _step_of(admin, code)
    with writing() as session:
        if step is not None:
            return Factor.CODE if _take_step(session, admin, step) else None
        if not _take_recovery_code(session, admin, code):
            return None
        _record(session, Action.RECOVERY_CODE_USE, admin, address, left=_left(session, admin))
    return Factor.RECOVERY_CODE


def renew_codes(admin: Admin, code: str, *, address: str | None = None) -> tuple[str, ...]:
    """Replace all recovery codes; return the new ones, which are shown this once.

    Raises:
        InvalidInput: the code is wrong.
        Conflict: it is not switched on.
    """
    _check_on(admin)
    if check(admin, code, address=address) is None:
        raise InvalidInput({"code": WRONG_CODE})
    codes = _new_codes()
    with writing() as session:
        row = _row(session, admin)
        _check_on(row)
        _replace_codes(session, row, codes)
        _record(session, Action.RECOVERY_CODES_CREATE, row, address)
    return codes


def disable(admin: Admin, password: str, code: str, *, address: str | None = None) -> None:
    """Switch it off with the password and a code.

    Raises:
        InvalidInput: the password or the code is wrong.
        Conflict: it is not switched on.
    """
    _check_on(admin)
    _check_password(admin, password)
    if check(admin, code, address=address) is None:
        raise InvalidInput({"code": WRONG_CODE})
    with writing() as session:
        _switch_off(session, _row(session, admin))
        _record(session, Action.TOTP_DISABLE, admin, address)


def reset(username: str, *, author: str, source: Source | str) -> Admin:
    """Switch it off for somebody who has neither app nor recovery codes.

    Raises:
        NotFound: there is no such admin.
        Conflict: it is not switched on.
    """
    admin = by_username(username)
    with writing() as session:
        row = _row(session, admin)
        _check_on(row)
        _switch_off(session, row)
        audit.record(session, Action.TOTP_DISABLE, actor=author, source=source, before={"username": row.username})
    return row


def codes_left(admin: Admin) -> int:
    """Count the recovery codes that were not used."""
    with reading() as session:
        return _left(session, admin)


def _row(session: Session, admin: Admin) -> Admin:
    row = session.get(Admin, admin.id, with_for_update=True)
    if row is None:
        raise Conflict("This account was removed.")
    return row


def _check_on(admin: Admin) -> None:
    if not is_on(admin):
        raise Conflict("Two-step sign-in is not on.")


def _check_password(admin: Admin, password: str) -> None:
    if not passwords.verify(admin.password_hash, password):
        raise InvalidInput({"password": "This is not your password."})


def _step_of(admin: Admin, code: str) -> int | None:
    """Return the step whose code this is, if it is near now."""
    digits = "".join(code.split())
    if admin.totp_secret is None or len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    totp = pyotp.TOTP(vault.decrypt(admin.totp_secret), interval=STEP)
    current = int(time()) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), digits):
            return step
    return None


def _take_step(session: Session, admin: Admin, step: int) -> bool:
    """Whether nobody has used a code of this step, or of a later one, before."""
    done = session.execute(
        update(Admin)
        .where(Admin.id == admin.id, Admin.totp_secret == admin.totp_secret)
        .where(or_(Admin.totp_step.is_(None), Admin.totp_step < step))
        .values(totp_step=step)
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _take_recovery_code(session: Session, admin: Admin, code: str) -> bool:
    plain = "".join(c for c in code if c.isalnum()).lower()
    done = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.admin_id == admin.id, RecoveryCode.hash == hash_of(plain), RecoveryCode.used_at.is_(None))
        .values(used_at=now())
    )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _left(session: Session, admin: Admin) -> int:
    query = select(func.count()).where(RecoveryCode.admin_id == admin.id, RecoveryCode.used_at.is_(None))
    return session.scalar(query) or 0


def _new_codes() -> tuple[str, ...]:
    """Make codes of 80 bits, in groups that can be read out."""
    texts = (b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES))
    return tuple("-".join(text[i : i + 4] for i in range(0, 16, 4)) for text in texts)


def _replace_codes(session: Session, admin: Admin, codes: tuple[str, ...]) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.admin_id == admin.id))
    session.add_all(RecoveryCode(admin_id=admin.id, hash=hash_of(code.replace("-", ""))) for code in codes)


def _switch_off(session: Session, row: Admin) -> None:
    row.totp_secret = row.totp_confirmed_at = row.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.admin_id == row.id))


def _record(session: Session, action: Action, admin: Admin, address: str | None, **more: object) -> None:
    audit.record(
        session,
        action,
        actor=admin.username,
        source=Source.WEB,
        after={"username": admin.username, **more},
        address=address,
    )
