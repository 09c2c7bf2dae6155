"""Faces: what clients of each ecosystem send and expect, and nothing else."""
