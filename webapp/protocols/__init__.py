"""Faces: what clients of each ecosystem send and expect, and nothing else."""

from collections.abc import Mapping

from ..realtime.events import Face
from .xano import XANO

FACES: Mapping[str, Face] = {XANO.name: XANO}
"""Every protocol that is spoken here, by name."""
