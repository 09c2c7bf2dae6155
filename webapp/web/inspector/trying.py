"""Recorded traffic, decided again with the draft."""
