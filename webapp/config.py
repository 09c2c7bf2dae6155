"""Settings from ``TIDEGATE_*`` variables, read and validated once, at the start.

Every setting is a field of :class:`Settings` that carries its help, its default and how it is read, so that
the documentation and the tests can list them.
"""

# ruff: noqa: RUF009 (`_setting` makes a dataclass field)

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "TIDEGATE_"
PACKAGE = Path(__file__).resolve().parent
SECRET_KEY_MIN_LENGTH = 32
Network = IPv4Network | IPv6Network


class ConfigError(ValueError):
    """Settings that can't be used. ``problems`` maps each variable to what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in self.problems.items()))


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What the documentation says about a setting."""

    variable: str
    default: str
    help: str


def source_root() -> Path | None:
    """Return the folder of the source tree this runs from; None in an installed wheel."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() else None


def shared_folder(name: str) -> Path:
    """Return ``migrations``, ``templates`` or ``static``: beside the package, or inside it in an installed wheel."""
    root = source_root()
    return root / name if root is not None else PACKAGE / "_root" / name


def _default_instance() -> Path:
    return (source_root() or Path.cwd()) / "instance"


def _text(value: str) -> str:
    return value


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def read(value: str) -> int:
        expected = f"expected a whole number from {least}" + (f" to {most}" if most is not None else "")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(expected) from None
        if number < least or (most is not None and number > most):
            raise ValueError(expected)
        return number

    return read


def _seconds(value: str) -> float:
    expected = "expected a number of seconds above 0, at most 86400"
    try:
        number = float(value)
    except ValueError:
        raise ValueError(expected) from None
    if not 0 < number <= 86400:
        raise ValueError(expected)
    return number


def _waits(value: str) -> tuple[float, ...]:
    waits = tuple(_seconds(part.strip()) for part in value.split(","))
    if len(waits) > 50:
        raise ValueError("expected at most 50 numbers of seconds")
    return waits


def _switch(value: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in known:
        raise ValueError("expected on or off")
    return known[value.lower()]


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        raise ValueError(f"expected one of {', '.join(choices)}")

    return read


def _folder(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("this is a file; expected a folder")
    return path


def _file(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


def _networks(value: str) -> tuple[Network, ...]:
    networks = []
    for part in filter(None, (p.strip() for p in value.split(","))):
        try:
            networks.append(ip_network(part))
        except ValueError:
            raise ValueError(f"`{part}` is neither an address nor a network such as 10.0.0.0/8") from None
    return tuple(networks)


def _database(value: str) -> str:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError("expected a database address such as postgresql://user:password@host/name") from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite(url)
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        if not url.database:
            raise ValueError("the address names no database")
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    raise ValueError(f"`{url.drivername}` is not supported; use sqlite or postgresql")


def _sqlite(url: URL) -> str:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError("expected the path of a file: a database in memory would lose everything")
    path = Path(url.database).expanduser().absolute()
    return url.set(drivername="sqlite", database=str(path)).render_as_string(hide_password=False)


def _secret(value: str) -> str:
    if len(value) < SECRET_KEY_MIN_LENGTH:
        raise ValueError(f"expected at least {SECRET_KEY_MIN_LENGTH} characters")
    return value


def _redis(value: str) -> str:
    raise ValueError("not available in this version: one process serves all clients")


def _setting(
    default: Any, purpose: str, read: Callable[[str], Any] = _text, shown: str | None = None, **options: Any
) -> Any:
    metadata = {"help": purpose, "read": read, "default": str(default) if shown is None else shown}
    if callable(default):
        return field(default_factory=default, metadata=metadata, **options)
    return field(default=default, metadata=metadata, **options)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an administrator can set. Sizes are in bytes, times in seconds; 0 means no limit where it says so."""

    host: str = _setting("127.0.0.1", "The address to listen on; 0.0.0.0 for all.")
    port: int = _setting(8080, "The port to listen on; 0 for any free one.", _whole(0, 65535))
    tls_cert: Path | None = _setting(
        None, "The certificate (chain) in PEM. Set it together with the key to serve TLS.", _file, ""
    )
    tls_key: Path | None = _setting(None, "The certificate's private key in PEM.", _file, "")
    instance: Path = _setting(
        _default_instance,
        "The folder for what the server keeps: database, secret key, recordings, control socket.",
        _folder,
        "instance",
    )
    secret_key: str = _setting(
        "",
        "Signs dashboard sessions and encrypts stored secrets; at least 32 characters. "
        "Made and kept in the instance folder if absent.",
        _secret,
        repr=False,
    )
    database_url: str = _setting(
        "",
        "The database: sqlite:///path or postgresql://user:password@host/name.",
        _database,
        "sqlite:///<instance>/tidegate.db",
        repr=False,
    )
    sqlite_synchronous: str = _setting(
        "NORMAL",
        "NORMAL is safe against a crash of the server; FULL also keeps the last moment before a power cut.",
        _choice("NORMAL", "FULL"),
    )
    redis_url: str | None = _setting(
        None, "Reserved for several processes; not available in this version.", _redis, "", repr=False
    )
    workers: int = _setting(1, "How many processes serve clients. More than one needs Redis.", _whole(1, 64))
    proxies: tuple[Network, ...] = _setting(
        (),
        "Addresses or networks of reverse proxies whose forwarded headers count, separated by commas.",
        _networks,
        "",
    )
    allow_private_addresses: bool = _setting(
        False,
        "Whether keys may be fetched from private and loopback addresses, and webhooks sent there, without TLS too.",
        _switch,
        "off",
    )
    webhook_retries: tuple[float, ...] = _setting(
        (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0),
        "Seconds before each further attempt to deliver to a webhook, separated by commas; then it is given up.",
        _waits,
        "5,60,300,1800,7200,18000,36000,50400,72000,86400",
    )
    webhook_timeout: float = _setting(15.0, "Seconds a webhook's receiver has to answer.", _seconds, "15")
    log_level: str = _setting(
        "info", "How much is logged: debug, info, warning or error.", _choice("debug", "info", "warning", "error")
    )
    limit_message_bytes: int = _setting(65536, "The largest message a client may send.", _whole(1, 64 * 1024 * 1024))
    limit_channels_per_client: int = _setting(128, "How many channels one client may be in.", _whole(1))
    limit_outbox_bytes: int = _setting(
        1048576, "How much may wait for a client that reads slowly before it is closed.", _whole(1)
    )
    limit_messages_per_minute: int = _setting(
        1000, "How many messages a client may send a minute; 0 = no limit.", _whole(0)
    )
    limit_clients: int = _setting(0, "How many clients may be connected; 0 = no limit.", _whole(0))
    limit_clients_per_address: int = _setting(
        0, "How many clients may be connected from one address; 0 = no limit.", _whole(0)
    )
    limit_clients_per_user: int = _setting(0, "How many clients one user may have; 0 = no limit.", _whole(0))
    limit_webhook_backlog: int = _setting(
        100000, "How many deliveries may wait for one webhook; further ones are dropped.", _whole(1)
    )
    inspector_messages: int = _setting(
        10000, "How many of the last messages the inspector keeps in memory; 0 = none.", _whole(0, 10_000_000)
    )
    inspector_bytes: int = _setting(
        67108864, "How many bytes of payloads these messages may keep in memory.", _whole(65536)
    )
    ping_interval: float = _setting(25.0, "Seconds between pings to a client.", _seconds, "25")
    ping_timeout: float = _setting(10.0, "Seconds a client has to answer a ping.", _seconds, "10")

    def __post_init__(self) -> None:
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{self.instance / 'tidegate.db'}")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; an empty variable counts as absent. Makes the instance folder and its secret key.

        Raises:
            ConfigError: with every variable that is unknown or has a value that can't be used.
        """
        environ = os.environ if environ is None else environ
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        problems: dict[str, str] = {}
        values: dict[str, Any] = {}
        for variable, raw in environ.items():
            if not variable.startswith(PREFIX):
                continue
            if variable not in known:
                problems[variable] = _unknown(variable, list(known))
            elif raw.strip():
                try:
                    values[known[variable].name] = known[variable].metadata["read"](raw.strip())
                except ValueError as error:
                    problems[variable] = f"{error}."
        _check_together(values, problems)
        if problems:
            raise ConfigError(problems)
        if "secret_key" not in values:
            values["secret_key"] = _kept_secret(values.get("instance") or _default_instance())
        return cls(**values)

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def sqlite_path(self) -> Path | None:
        """The database's file, or None on PostgreSQL."""
        return Path(make_url(self.database_url).database or "") if self.is_sqlite else None

    @property
    def control_socket(self) -> Path:
        """The Unix socket on which the running server takes commands from this machine."""
        return self.instance / "control.sock"

    @property
    def secret_key_file(self) -> Path:
        return self.instance / "secret_key"


def setting_infos() -> list[SettingInfo]:
    """List every setting as the documentation shows it."""
    return [SettingInfo(PREFIX + f.name.upper(), f.metadata["default"], f.metadata["help"]) for f in fields(Settings)]


def _unknown(variable: str, known: list[str]) -> str:
    # Compared without what all of them begin with, which would make any two look alike.
    near = get_close_matches(variable.removeprefix(PREFIX), [name.removeprefix(PREFIX) for name in known], n=1)
    return "there is no such setting" + (f"; did you mean {PREFIX}{near[0]}?" if near else ".")


def _check_together(values: Mapping[str, Any], problems: dict[str, str]) -> None:
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        name, missing = PREFIX + one.upper(), PREFIX + other.upper()
        if one in values and other not in values and missing not in problems:
            problems[name] = f"needs {missing} too."
    if values.get("workers", 1) > 1:
        problems[PREFIX + "WORKERS"] = f"more than one process needs {PREFIX}REDIS_URL, which this version lacks."


def _kept_secret(instance: Path) -> str:
    """Read the secret key kept in the instance folder, making it first if there is none."""
    path = instance / "secret_key"
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked: of two processes that start at once, both end up with the same key.
            aside = instance / f".secret_key.{os.getpid()}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(aside, path)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError({PREFIX + "INSTANCE": f"can't be used: {error}."}) from None
    if len(secret) < SECRET_KEY_MIN_LENGTH:
        raise ConfigError({PREFIX + "SECRET_KEY": f"the kept file {path} holds no usable key."})
    return secret
