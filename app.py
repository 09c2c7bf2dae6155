"""Tidegate's entry point: `python app.py` serves; as `tidegate` it is the command line."""

# fmt: off
from gevent import monkey; monkey.patch_all()  # noqa: E702  (before anything else makes a socket or a lock)
# fmt: on

import sys

from webapp.cli import main as run_cli


def main() -> None:
    """Run the command line."""
    run_cli()


if __name__ == "__main__":
    sys.argv[1:1] = [] if sys.argv[1:] else ["serve"]
    main()
