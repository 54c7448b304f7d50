"""`/admin/people`: who belongs to the account, and in which role."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from fastapi import Request, Response

from nikdev_iot.server.accounts.invitations import NewInvitation
from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.accounts.people import parse_role
from nikdev_iot.server.accounts.settings import Registration
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import Visit

__all__ = ["routes"]

routes = page_router()
_PATH = "/admin/people"
_DONE = {
    "role": "The role is changed; it is in force at once.",
    "removed": "The person is out, and signed out of this account everywhere.",
    "withdrawn": "The invitation is withdrawn; its link opens nothing any more.",
    "name": "The account has its new name.",
}


@routes.get(_PATH, openapi_extra=who(Who.VIEWER))
def people(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """The list; for owners with all that can be done."""
    return _show(request, visit, services)


@routes.post(f"{_PATH}/invite", openapi_extra=who(Who.OWNER))
def invite(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Make an invitation to the account, and show its link: this once."""
    email = form.text("email")
    try:
        made = services.invitations.invite(
            visit.account.id, by=visit.person.id, role=parse_role(form.text("role")), email=email
        )
    except Invalid as error:
        return _show(request, visit, services, status=422, wrong={"email": str(error)}, typed={"email": email})
    return _invited(request, services, made)


@routes.post(f"{_PATH}/invite-account", openapi_extra=who(Who.OPERATOR))
def invite_account(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Make an invitation to an account of one's own, and show its link: this once."""
    email = form.text("new_email")
    try:
        made = services.invitations.invite(None, by=visit.person.id, email=email)
    except Invalid as error:
        return _show(request, visit, services, status=422, wrong={"new_email": str(error)}, typed={"new_email": email})
    return _invited(request, services, made)


@routes.post(f"{_PATH}/withdraw", openapi_extra=who(Who.OWNER))
def withdraw(visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Take an invitation to the account back."""
    services.invitations.withdraw(visit.account.id, _id(form, "invitation"))
    return redirect(f"{_PATH}?done=withdrawn")


@routes.post(f"{_PATH}/withdraw-account", openapi_extra=who(Who.OPERATOR))
def withdraw_account(form: FormOf, services: ServicesOf) -> Response:
    """Take an invitation to an account of one's own back."""
    services.invitations.withdraw(None, _id(form, "invitation"))
    return redirect(f"{_PATH}?done=withdrawn")


@routes.post(f"{_PATH}/role", openapi_extra=who(Who.OWNER))
def change_role(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Give a person another role."""
    person_id = _id(form, "person")
    try:
        services.people.set_role(visit.account.id, person_id, parse_role(form.text("role")))
    except (Conflict, Invalid) as error:
        return _show(request, visit, services, status=error.status, wrong={str(person_id): str(error)})
    return redirect(f"{_PATH}?done=role")


@routes.post(f"{_PATH}/remove", openapi_extra=who(Who.OWNER))
def remove(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Take a person out of the account."""
    person_id = _id(form, "person")
    try:
        services.people.remove(visit.account.id, person_id)
    except Conflict as error:
        return _show(request, visit, services, status=error.status, wrong={str(person_id): str(error)})
    return redirect(f"{_PATH}?done=removed")


@routes.post(f"{_PATH}/name", openapi_extra=who(Who.OWNER))
def rename(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Give the account another name."""
    name = form.text("name")
    try:
        services.accounts.rename(visit.account.id, name)
    except Invalid as error:
        return _show(request, visit, services, status=422, wrong={"name": str(error)}, typed={"name": name})
    return redirect(f"{_PATH}?done=name")


def _id(form: Form, name: str) -> uuid.UUID:
    found = parse_uuid(form.text(name))
    if found is None:
        raise NotFound("There is nobody and nothing of this id.", hint="Nothing was changed. Open the page again.")
    return found


def _show(
    request: Request,
    visit: Visit,
    services: Services,
    *,
    status: int = 200,
    wrong: dict[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    values = {"name": visit.account.name, **(typed or {})}
    return page(
        request,
        "people/people.html",
        status=status,
        members=services.people.members(visit.account.id),
        invitations=services.invitations.all(visit.account.id) if visit.can_own else [],
        new_accounts=services.invitations.all(None) if visit.is_operator else [],
        roles=[role.name.lower() for role in sorted(Role, reverse=True)],
        is_closed=services.settings.registration is Registration.CLOSED,
        done=_DONE.get(request.query_params.get("done", ""), ""),
        wrong=wrong or {},
        typed=values,
    )


def _invited(request: Request, services: Services, made: NewInvitation) -> Response:
    return page(
        request,
        "people/invited.html",
        invitation=made.invitation,
        link=f"{str(request.base_url).rstrip('/')}/admin/invitations/{made.token}",
        is_closed=services.settings.registration is Registration.CLOSED,
    )
