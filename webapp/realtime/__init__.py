"""The running server: connections, channels, presence, history and the way of a message."""
