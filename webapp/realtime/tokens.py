"""From a token to an actor: signature, lifetime, audience, revocation."""

import json
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Any

import jwt

from ..core.actors import Actor, ClaimError, actor_from_claims, is_time
from ..core.codes import Code

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")


class TokenProblem(Exception):
    """Why a token was not accepted: a code, and a sentence for the inspector."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A key that may verify tokens, bound to one algorithm. ``key`` is what PyJWT takes for it."""

    kid: str | None
    algorithm: str
    key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """All that verifying a workspace's tokens needs. ``revoked`` holds ids (``jti``)."""

    keys: tuple[VerifyKey, ...] = ()
    canonical: str = ""
    audience_required: bool = False
    revoked: frozenset[str] = frozenset()

    def verify(self, token: str, now: float) -> Actor:
        """Return the actor a token stands for. ``now`` is in seconds since 1970.

        Raises:
            TokenProblem: bad signature, expired, not yet valid, revoked, wrong audience, unreadable claims.
        """
        return self.actor(self.claims(token), now)

    def claims(self, token: str) -> dict[str, Any]:
        """Check the signature alone and return the claims.

        Raises:
            TokenProblem: not a JWT, an algorithm or key this workspace does not have, a bad signature.
        """
        header = read_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        fitting = [key for key in self.keys if key.algorithm == algorithm]
        if not fitting:
            raise TokenProblem(Code.TOKEN_INVALID, f"No key of this workspace verifies {algorithm!r} tokens.")
        # A kid only orders the attempts: keys without one, and tokens of other issuers, still get their try.
        fitting.sort(key=lambda key: key.kid != kid)
        for key in fitting:
            try:
                claims: dict[str, Any] = jwt.decode(token, key.key, algorithms=[key.algorithm], options=_SIGNATURE_ONLY)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError) as error:
                raise TokenProblem(Code.TOKEN_INVALID, f"The token can't be read: {error}.") from None
            return claims
        raise TokenProblem(Code.TOKEN_INVALID, "The signature fits no key of this workspace.")

    def actor(self, claims: dict[str, Any], now: float) -> Actor:
        """Check verified claims and read the actor out of them.

        Raises:
            TokenProblem: as :meth:`verify`, but for the signature.
        """
        expires_at = _time(claims, "exp")
        if expires_at is None:
            raise TokenProblem(Code.TOKEN_INVALID, "exp: a token needs an expiry time.")
        if expires_at <= now:
            raise TokenProblem(Code.TOKEN_EXPIRED, f"The token expired {now - expires_at:.0f} seconds ago.")
        not_before = _time(claims, "nbf")
        if not_before is not None and not_before > now:
            raise TokenProblem(Code.TOKEN_INVALID, f"nbf: the token is valid only in {not_before - now:.0f} seconds.")
        self._check_audience(claims.get("aud"))
        try:
            actor = actor_from_claims(claims)
        except ClaimError as error:
            raise TokenProblem(Code.TOKEN_INVALID, str(error)) from None
        if actor.token_id is not None and actor.token_id in self.revoked:
            raise TokenProblem(Code.TOKEN_REVOKED, f"The token {actor.token_id} was revoked.")
        return actor

    def _check_audience(self, audience: object) -> None:
        if audience is None:
            if self.audience_required:
                raise TokenProblem(
                    Code.TOKEN_INVALID,
                    f"aud: where there are several workspaces, it must name this one ({self.canonical}).",
                )
            return
        named = audience if isinstance(audience, list) else [audience]
        if self.canonical not in named:
            raise TokenProblem(Code.TOKEN_INVALID, "aud: the token was made for another workspace.")


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **dict.fromkeys(
        ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False
    ),
}


def read_header(token: str) -> dict[str, Any]:
    """Read a JWT's header without trusting it.

    Raises:
        TokenProblem: it is not a JWT.
    """
    try:
        segment = token.split(".", 1)[0].encode("ascii")
        header = json.loads(urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)))
    except (ValueError, Base64Error, RecursionError):
        header = None
    if not isinstance(header, dict) or token.count(".") != 2:
        raise TokenProblem(Code.TOKEN_INVALID, "This is not a JSON Web Token.")
    return header


def _time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_time(value):
        raise TokenProblem(Code.TOKEN_INVALID, f"{name}: expected seconds since 1970.")
    return float(value)
