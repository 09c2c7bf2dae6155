"""The database's migrations: Flask-Migrate's own commands."""

from flask_migrate.cli import db

__all__ = ["db"]
