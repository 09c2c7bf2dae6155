"""Settings: every variable is read, checked, and documented."""

import os
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from webapp.config import ConfigError, Settings, setting_infos

SECRET = "0123456789abcdef0123456789abcdef"


def read(tmp_path: Path, **variables: str) -> Settings:
    return Settings.from_env(
        {"TIDEGATE_INSTANCE": str(tmp_path / "i")} | {f"TIDEGATE_{k}": v for k, v in variables.items()}
    )


def test_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert settings.database_url == f"sqlite:///{tmp_path}/i/tidegate.db"
    assert settings.sqlite_path == tmp_path / "i" / "tidegate.db"
    assert (settings.limit_message_bytes, settings.limit_channels_per_client) == (65536, 128)
    assert (settings.limit_outbox_bytes, settings.limit_messages_per_minute) == (1048576, 1000)
    assert (settings.limit_clients, settings.limit_clients_per_address, settings.limit_clients_per_user) == (0, 0, 0)
    assert (settings.ping_interval, settings.ping_timeout, settings.sqlite_synchronous) == (25, 10, "NORMAL")
    assert (settings.inspector_messages, settings.inspector_bytes) == (10_000, 64 * 1024 * 1024)


def test_every_variable_is_read(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    given = {
        "HOST": "::", "PORT": "443", "TLS_CERT": str(tmp_path / "c"), "TLS_KEY": str(tmp_path / "c"),
        "SECRET_KEY": SECRET,
        "DATABASE_URL": "postgresql://u:p%40@h/db", "SQLITE_SYNCHRONOUS": "full", "WORKERS": "1",
        "PROXIES": "10.0.0.1, 192.168.0.0/16,::1", "ALLOW_PRIVATE_ADDRESSES": "on", "LOG_LEVEL": "DEBUG",
        "LIMIT_MESSAGE_BYTES": "1", "LIMIT_CHANNELS_PER_CLIENT": "2", "LIMIT_OUTBOX_BYTES": "3",
        "LIMIT_MESSAGES_PER_MINUTE": "4", "LIMIT_CLIENTS": "5", "LIMIT_CLIENTS_PER_ADDRESS": "6",
        "LIMIT_CLIENTS_PER_USER": "7", "INSPECTOR_MESSAGES": "8", "INSPECTOR_BYTES": "100000",
        "PING_INTERVAL": "0.5", "PING_TIMEOUT": "2", "WEBHOOK_RETRIES": "1, 2.5,60", "WEBHOOK_TIMEOUT": "3",
        "LIMIT_WEBHOOK_BACKLOG": "9",
    }  # fmt: skip
    settings = read(tmp_path, **given)
    assert {f"TIDEGATE_{name}" for name in given} | {"TIDEGATE_INSTANCE", "TIDEGATE_REDIS_URL"} == {
        info.variable for info in setting_infos()
    }
    assert settings.database_url == "postgresql+psycopg://u:p%40@h/db"
    assert settings.proxies == (ip_network("10.0.0.1"), ip_network("192.168.0.0/16"), ip_network("::1"))
    assert (settings.host, settings.port, settings.secret_key) == ("::", 443, SECRET)
    assert settings.tls_cert == settings.tls_key == tmp_path / "c"
    assert (settings.sqlite_synchronous, settings.allow_private_addresses, settings.log_level) == (
        "FULL",
        True,
        "debug",
    )
    assert (settings.limit_message_bytes, settings.limit_channels_per_client, settings.limit_outbox_bytes) == (1, 2, 3)
    assert (settings.limit_messages_per_minute, settings.limit_clients) == (4, 5)
    assert (settings.limit_clients_per_address, settings.limit_clients_per_user) == (6, 7)
    assert (settings.inspector_messages, settings.inspector_bytes) == (8, 100_000)
    assert (settings.ping_interval, settings.ping_timeout) == (0.5, 2)
    assert (settings.webhook_retries, settings.webhook_timeout, settings.limit_webhook_backlog) == ((1, 2.5, 60), 3, 9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"), ("PORT", "65536"), ("PORT", "80.0"), ("TLS_CERT", "/nowhere.pem"), ("TLS_KEY", "/nowhere.pem"),
        ("INSTANCE", __file__), ("SECRET_KEY", "short"), ("DATABASE_URL", "nonsense"), ("DATABASE_URL", "mysql://h/db"),
        ("DATABASE_URL", "sqlite://"), ("DATABASE_URL", "sqlite:///:memory:"), ("DATABASE_URL", "postgresql://h"),
        ("DATABASE_URL", "postgresql+psycopg2://h/db"),
        ("SQLITE_SYNCHRONOUS", "OFF"), ("REDIS_URL", "redis://h"),
        ("WORKERS", "0"), ("WORKERS", "2"), ("WORKERS", "many"), ("PROXIES", "proxy.example"),
        ("PROXIES", "10.0.0.1/8"),
        ("ALLOW_PRIVATE_ADDRESSES", "maybe"), ("LOG_LEVEL", "loud"), ("LIMIT_MESSAGE_BYTES", "0"),
        ("LIMIT_MESSAGE_BYTES", "1e6"), ("LIMIT_CHANNELS_PER_CLIENT", "0"), ("LIMIT_OUTBOX_BYTES", "-1"),
        ("LIMIT_MESSAGES_PER_MINUTE", "-1"), ("LIMIT_CLIENTS", "x"), ("LIMIT_CLIENTS_PER_ADDRESS", "-1"),
        ("LIMIT_CLIENTS_PER_USER", "0.5"), ("PING_INTERVAL", "0"), ("PING_INTERVAL", "nan"), ("PING_TIMEOUT", "inf"),
        ("WEBHOOK_RETRIES", "5,,60"), ("WEBHOOK_RETRIES", "soon"), ("WEBHOOK_RETRIES", "1," * 50 + "1"),
        ("WEBHOOK_TIMEOUT", "0"), ("LIMIT_WEBHOOK_BACKLOG", "0"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_its_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **{name: value})
    assert f"TIDEGATE_{name}" in caught.value.problems
    assert not (tmp_path / "i").exists()


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, PORT="x", WORKERS="x", LIMIT_CLEINTS="3", TLS_CERT=__file__)
    assert set(caught.value.problems) == {
        "TIDEGATE_PORT",
        "TIDEGATE_WORKERS",
        "TIDEGATE_LIMIT_CLEINTS",
        "TIDEGATE_TLS_CERT",
    }
    assert "did you mean TIDEGATE_LIMIT_CLIENTS?" in str(caught.value)


def test_other_variables_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {"TIDEGATE_INSTANCE": str(tmp_path), "TIDEGATE_PORT": " ", "PORT": "9", "tidegate_x": "1"}
    )
    assert settings.port == 8080


def test_the_secret_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE(first.secret_key_file.stat().st_mode) == 0o600
    assert os.listdir(first.instance) == ["secret_key"]
    first.secret_key_file.write_text("cut")
    with pytest.raises(ConfigError, match="secret_key"):
        read(tmp_path)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, SECRET_KEY=SECRET, DATABASE_URL="postgresql://u:hidden@h/db")
    assert SECRET not in repr(settings)
    assert "hidden" not in repr(settings)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, SECRET_KEY="a-short-one", DATABASE_URL="mysql://u:hidden@h/db")
    assert "a-short-one" not in str(caught.value)
    assert "hidden" not in str(caught.value)
