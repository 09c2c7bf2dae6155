"""Reading signing keys: secrets, public keys in PEM, and sets of keys (JWKS). Each is bound to one algorithm."""

import json
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from ..models import KeyKind
from ..realtime.tokens import VerifyKey
from .errors import InvalidInput

SECRET_MIN_BYTES = 32
RSA_MIN_BITS = 2048
MATERIAL_MOST = 256 * 1024
KEYS_MOST = 50
_PUBLIC = (KeyKind.RS256, KeyKind.ES256, KeyKind.EDDSA)


def checked_secret(secret: object) -> str:
    """Return a shared secret for HS256, used as the bytes of its UTF-8 text.

    Raises:
        InvalidInput: shorter than 32 bytes, or a key of another kind pasted by mistake.
    """
    if not isinstance(secret, str):
        raise InvalidInput({"secret": "Expected a text."})
    secret = secret.strip()
    try:
        length = len(secret.encode())
    except UnicodeEncodeError:
        raise InvalidInput({"secret": "This is not a text that can be encoded."}) from None
    if length < SECRET_MIN_BYTES:
        raise InvalidInput({"secret": f"A secret for HS256 has at least {SECRET_MIN_BYTES} bytes."})
    if length > 1024:
        raise InvalidInput({"secret": "A secret for HS256 has at most 1024 bytes."})
    if "-----BEGIN" in secret or secret.startswith(("ssh-", "ecdsa-")):
        raise InvalidInput({"secret": "This looks like a key in PEM or SSH form; add it as a public key."})
    return secret


def read_public_key(pem: object) -> tuple[KeyKind, Any]:
    """Read a public key (or a certificate) in PEM and say which algorithm it is bound to.

    Raises:
        InvalidInput: not a public key, or one that no supported algorithm uses.
    """
    if not isinstance(pem, str) or len(pem) > MATERIAL_MOST:
        raise InvalidInput({"public_key": "Expected a public key in PEM."})
    text = pem.strip()
    if "PRIVATE KEY" in text:
        raise InvalidInput({"public_key": "This is a private key. Keep it to yourself and give its public key here."})
    try:
        data = text.encode()
        if "BEGIN CERTIFICATE" in text:
            key: Any = load_pem_x509_certificate(data).public_key()
        else:
            key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput({"public_key": "Expected a public key in PEM (`-----BEGIN PUBLIC KEY-----`)."}) from None
    return _kind_of(key, "public_key"), key


def read_key_set(document: object) -> tuple[VerifyKey, ...]:
    """Read the usable keys of a JWKS document, given as text or as an object. Others in it are passed over.

    Raises:
        InvalidInput: not such a document, or no usable key in it.
    """
    if isinstance(document, str | bytes):
        if len(document) > MATERIAL_MOST:
            raise InvalidInput({"jwks": "This is larger than a set of keys can be."})
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            raise InvalidInput({"jwks": "This is not JSON."}) from None
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise InvalidInput({"jwks": "Expected an object with a list `keys`."})
    if len(rows) > KEYS_MOST:
        raise InvalidInput({"jwks": f"At most {KEYS_MOST} keys."})
    read = [key for key in map(_read_jwk, rows) if key is not None]
    if not read:
        raise InvalidInput({"jwks": "There is no public key for RS256, ES256 or EdDSA in it."})
    return tuple(read)


def _read_jwk(row: object) -> VerifyKey | None:
    # A shared secret (`oct`) has no place in a set of public keys: whoever can read the set could sign.
    if not isinstance(row, dict) or row.get("kty") not in ("RSA", "EC", "OKP") or row.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in row.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth", "alg")}
    try:
        kind = _kind_of(key := jwt.PyJWK(public, algorithm=_algorithm(row)).key, "jwks")
    except (jwt.PyJWTError, InvalidInput, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None
    if row.get("alg", kind.value) != kind.value:
        return None
    kid = row.get("kid")
    return VerifyKey(kid if isinstance(kid, str) else None, kind.value, key)


def _algorithm(row: dict[str, Any]) -> str:
    return {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[row["kty"]]


def _kind_of(key: Any, field: str) -> KeyKind:
    if isinstance(key, RSAPublicKey):
        if key.key_size < RSA_MIN_BITS:
            raise InvalidInput({field: f"An RSA key has at least {RSA_MIN_BITS} bits; this one has {key.key_size}."})
        return KeyKind.RS256
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return KeyKind.ES256
    if isinstance(key, Ed25519PublicKey):
        return KeyKind.EDDSA
    raise InvalidInput({field: "Supported are RSA, the elliptic curve P-256, and Ed25519."})


def verify_keys(kind: KeyKind, kid: str, material: str, fetched: str | None) -> tuple[VerifyKey, ...]:
    """Compile a stored, decrypted key into what verifies tokens.

    Raises:
        InvalidInput: what is stored can't be read.
    """
    if kind is KeyKind.HS256:
        return (VerifyKey(kid, kind.value, material.encode()),)
    if kind in _PUBLIC:
        return (VerifyKey(kid, kind.value, read_public_key(material)[1]),)
    document = material if kind is KeyKind.JWKS else fetched
    return read_key_set(document) if document else ()
