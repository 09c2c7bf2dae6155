"""What was done with the form, as code to copy: for a back end, and for the page that uses the token."""

import json
import shlex
from typing import Any


def mint_call(address: str, canonical: str, wanted: dict[str, Any]) -> str:
    """Write the call with which a back end makes the same token; ``address`` is the server's, with a slash."""
    body = shlex.quote(json.dumps({name: value for name, value in wanted.items() if value is not None}))
    url = shlex.quote(f"{address}api/v1/workspaces/{canonical}/tokens")
    return (
        f'curl -H "Authorization: Bearer $TIDEGATE_KEY" -H "Content-Type: application/json" \\\n  -d {body} \\\n  {url}'
    )


USE = "xano.setRealtimeAuthToken(token);\nxano.realtimeReconnect();"
"""How a front end connects with it."""
