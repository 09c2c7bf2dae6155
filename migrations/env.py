"""Runs the migrations on the application's own engine, each upgrade in one transaction on either database."""

import sqlalchemy as sa
from alembic import context
from flask import current_app

import webapp.models  # noqa: F401  (fills the metadata)
from webapp.models.base import UTCDateTime

extension = current_app.extensions["migrate"]


def render_item(kind, item, autogen_context):
    """Write our column types as the plain ones they are stored as."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def configure(**options):
    context.configure(
        target_metadata=extension.db.metadatas[None],
        render_item=render_item,
        transactional_ddl=True,
        **options,
        **extension.configure_args,
    )


if context.is_offline_mode():
    configure(url=extension.db.engine.url.render_as_string(hide_password=False), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with extension.db.engine.connect() as connection:
        connection = connection.execution_options(sqlite_begin="IMMEDIATE")
        if connection.dialect.name == "postgresql":
            # Two servers that start at once migrate one after the other.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7443)"))
        configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
