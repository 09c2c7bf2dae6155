"""what the inspector captures, blocks, recordings, test clients' tokens"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
REDACTED = json.dumps(
    ["password", "secret", "token", "authorization", "api_key", "apikey", "credit_card", "cvc", "iban"]
)


def upgrade() -> None:
    mode = sa.Column("capture_mode", sa.String(length=20), nullable=False, server_default="metadata")
    op.add_column("workspace", mode)
    op.add_column("workspace", sa.Column("capture_until", MOMENT, nullable=True))
    op.add_column("workspace", sa.Column("redacted_fields", sa.JSON(), nullable=False, server_default=REDACTED))
    op.add_column("minted_token", sa.Column("session_id", sa.Integer(), nullable=True))
    op.create_table(
        "block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_block_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block")),
    )
    op.create_index(op.f("ix_block_workspace_id_expires_at"), "block", ["workspace_id", "expires_at"], unique=False)
    op.create_table(
        "recording",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        sa.Column("most_bytes", sa.BigInteger(), nullable=False),
        sa.Column("most_seconds", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.String(length=200), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=20), nullable=True),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_recording_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
    )
    op.create_index(op.f("ix_recording_workspace_id"), "recording", ["workspace_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_recording_workspace_id"), "recording")
    op.drop_table("recording")
    op.drop_index(op.f("ix_block_workspace_id_expires_at"), "block")
    op.drop_table("block")
    op.drop_column("minted_token", "session_id")
    for column in ("redacted_fields", "capture_until", "capture_mode"):
        op.drop_column("workspace", column)
