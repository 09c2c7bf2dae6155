"""Watching: what happened to each message, and how much of everything there is. Never blocks, never decides."""
