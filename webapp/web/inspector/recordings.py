"""Recordings: begin, end, download, open again."""
