"""Who may change what serves: until there are keys, whoever is on this machine."""

import ipaddress

from fastapi import Request
from starlette.exceptions import HTTPException


def operators_only(request: Request) -> None:
    """A dependency of every endpoint that shows or changes what all tenants share. Raises HTTPException (403)."""
    host = request.client.host if request.client is not None else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise HTTPException(403, "Only callers on the service's own machine may do this")
