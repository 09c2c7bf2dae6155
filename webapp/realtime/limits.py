"""What a client may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may use; 0 stands for "no limit" where the settings say so."""

    message_bytes: int = 64 * 1024
    channels_per_client: int = 128
    outbox_bytes: int = 1024 * 1024
    messages_per_minute: int = 1000
    clients: int = 0
    clients_per_address: int = 0
    clients_per_user: int = 0
    ping_interval: float = 25.0
    ping_timeout: float = 10.0
