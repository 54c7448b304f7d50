"""`/admin/switch`: on to another account of the same person."""

from __future__ import annotations

from fastapi import Response

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import NotFound
from nikdev_iot.server.web.api.routing import ServicesOf

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import redirect

__all__ = ["routes"]

routes = page_router()


@routes.post("/admin/switch", openapi_extra=who(Who.VIEWER))
def switch(visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Go on in the account named, at its devices."""
    account_id = parse_uuid(form.text("account"))
    if account_id is None:
        raise NotFound("There is no such account.", hint="Nothing was changed.")
    services.sessions.switch(visit.token, account_id)
    return redirect("/admin/devices")
