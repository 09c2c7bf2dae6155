"""Faces: what clients of each ecosystem send and expect, and nothing else."""

from collections.abc import Mapping

from ..realtime.events import Face
from .phoenix import PHOENIX, SUPABASE
from .xano import XANO

FACES: Mapping[str, Face] = {face.name: face for face in (XANO, PHOENIX, SUPABASE)}
"""Every protocol that is spoken here, by name."""
