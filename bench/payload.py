"""The message that every peer carries."""

PAYLOAD = '{"id":4711,"kind":"chat","text":"Low water at six, all boats wait for the gate.","at":1760000000000}'
"""100 bytes of JSON."""

MARK = b"Low water at six"
"""Stands in every delivery, however the peer wraps the payload."""
