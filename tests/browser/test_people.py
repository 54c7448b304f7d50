"""People: the first account, signing in, passwords and second factors, invitations and roles."""

from __future__ import annotations

import json

import pyotp
import pytest
from playwright.sync_api import Page, expect
from tests.browser.visitors import Visitor
from tests.servers import PASSWORD

from nikdev_iot.server.accounts import Settings

NEW_PASSWORD = "a longer staple"


def enter(page: Page, email: str, password: str) -> None:
    """Fill in the form of the login."""
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page, email: str) -> None:
    page.get_by_text(email, exact=True).first.click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def code_of(secret: str) -> str:
    """Return the code that the app shows."""
    return pyotp.TOTP(secret).now()


def test_the_first_start(own_server, arrive, look):
    link = json.loads(own_server.logged("set_up_url"))["set_up_url"]
    visitor: Visitor = arrive(own_server, anonymous=True)
    page = visitor.open("/admin/register")
    expect(page.get_by_text("nikdev serve")).to_be_visible()
    look(page, "register-before-the-first")
    page = visitor.open("/admin/login")
    expect(page.get_by_text("no account yet")).to_be_visible()

    page.goto(link)
    look(page, "setup")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
    page.get_by_role("button", name="Make the account").click()
    expect(page).to_have_url(f"{own_server.url}/admin/devices")
    expect(page.get_by_role("link", name="Server")).to_be_visible()  # the operator's
    (person,) = own_server.storage.people()
    assert person.is_operator

    sign_out(page, "ada@example.org")
    visitor.watch.allow("404 GET /admin/setup/")
    page.goto(link)
    expect(page.get_by_text("used up")).to_be_visible()
    visitor.open("/admin/register")
    expect(page.get_by_role("heading", name="By invitation")).to_be_visible()
    look(page, "register-by-invitation")


def test_signing_in(visitor, stranger, look):
    page = stranger.open("/admin/profile?done=others")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    look(page, "login")
    enter(page, visitor.email, "not this one")
    expect(page.get_by_text("The e-mail or the password is wrong.")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value(visitor.email)
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.get_by_text("Forgotten the password").click()
    expect(page.get_by_text("nikdev admin account password")).to_be_visible()
    look(page, "login-refused")
    enter(page, visitor.email, visitor.password)
    expect(page).to_have_url(f"{visitor.server.url}/admin/profile?done=others")
    page.goto("/admin/login?next=https://elsewhere.example/")
    expect(page).to_have_url(f"{visitor.server.url}/admin/devices")
    sign_out(page, visitor.email)
    page.goto("/admin/devices")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_registering_where_everybody_may(own_server, arrive, look):
    owner = arrive(own_server, email="ada@example.org")
    Settings(own_server.storage).set_registration("open")
    visitor: Visitor = arrive(own_server, anonymous=True)
    page = visitor.open("/admin/login")
    page.get_by_role("link", name="Make an account").click()
    look(page, "register")
    page.get_by_label("E-mail address").fill("bob at example.org")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_text("is not an e-mail address")).to_be_visible()
    expect(page.get_by_text("at least 8")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value("bob at example.org")
    look(page, "register-refused")
    for email, said in ((owner.email, "No account can be made with this address"), ("bob@example.org", "")):
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        if said:
            expect(page.get_by_text(said)).to_be_visible()
    expect(page).to_have_url(f"{own_server.url}/admin/devices")
    expect(page.get_by_role("link", name="Server")).to_have_count(0)
    expect(page.get_by_text("bob@example.org")).to_be_visible()


def test_another_password(visitor, arrive, look):
    elsewhere: Visitor = arrive(visitor.server, anonymous=True)
    there = elsewhere.open("/admin/login")
    enter(there, visitor.email, visitor.password)
    expect(there).to_have_url(f"{visitor.server.url}/admin/devices")

    page = visitor.open("/admin/profile")
    expect(page.get_by_text("Chrome on Linux").first).to_be_visible()
    look(page, "profile")
    page.get_by_label("Current password").fill("not this one")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is wrong.")).to_be_visible()
    look(page, "profile-refused")
    page.get_by_label("Current password").fill(visitor.password)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is changed")).to_be_visible()

    there.reload()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    enter(there, visitor.email, NEW_PASSWORD)
    expect(there).to_have_url(f"{visitor.server.url}/admin/devices")
    page.reload()
    page.get_by_role("button", name="Sign out Chrome").click()
    expect(page.get_by_text("The session is ended.")).to_be_visible()
    there.reload()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()


def switch_on(page: Page, visitor: Visitor) -> tuple[str, list[str]]:
    """Switch the second factor on; return the code that did, and the backup codes."""
    page.goto("/admin/profile/second-factor")
    used = code_of(page.locator("#key").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill(used)
    page.get_by_label("Your password").fill(visitor.password)
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("shown once")).to_be_visible()
    return used, page.locator("#codes").inner_text().split()


def test_switching_a_second_factor_on_and_off(visitor, look):
    page = visitor.open("/admin/profile")
    page.get_by_role("link", name="Switch it on").click()
    look(page, "second-factor")
    secret = page.locator("#key").inner_text()
    page.get_by_label("Code").fill("000000")
    page.get_by_label("Your password").fill(visitor.password)
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("The code is wrong")).to_be_visible()
    expect(page.locator("#key")).to_have_text(secret)  # the app has it already
    _, codes = switch_on(page, visitor)
    assert len(set(codes)) == 10
    look(page, "second-factor-codes")
    page.get_by_role("link", name="I have stored them").click()
    expect(page.get_by_text("10 backup codes left")).to_be_visible()
    look(page, "profile-second-factor")

    page.get_by_text("New backup codes…").click()
    page.locator("#codes_password").fill(visitor.password)
    page.get_by_role("button", name="Make new backup codes").click()
    expect(page.get_by_role("heading", name="New backup codes")).to_be_visible()
    assert not set(page.locator("#codes").inner_text().split()) & set(codes)
    page.get_by_role("link", name="I have stored them").click()
    page.get_by_text("Switch it off…").click()
    page.locator("#off_password").fill("not this one")
    page.get_by_role("button", name="Switch the second factor off").click()
    expect(page.get_by_text("The password is wrong.")).to_be_visible()
    page.locator("#off_password").fill(visitor.password)
    page.get_by_role("button", name="Switch the second factor off").click()
    expect(page.get_by_text("The second factor is off")).to_be_visible()


def test_signing_in_with_a_second_factor(visitor, stranger, look):
    used, codes = switch_on(visitor.page, visitor)
    page = stranger.open("/admin/login?next=/admin/people")
    enter(page, visitor.email, visitor.password)
    expect(page.get_by_label("Code")).to_be_focused()
    look(page, "login-code")
    page.goto("/admin/devices")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()  # half a session opens nothing
    page.goto("/admin/login?next=/admin/people")
    enter(page, visitor.email, visitor.password)
    for code in (used, "000000", codes[0][:-1]):
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("is wrong, or was used already")).to_be_visible()
    page.get_by_label("Code").fill(codes[0].upper())
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{visitor.server.url}/admin/people")
    visitor.open("/admin/profile")
    expect(visitor.page.get_by_text("9 backup codes left")).to_be_visible()
    visitor.page.get_by_role("button", name="Sign out everywhere else").click()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_inviting_somebody(visitor, stranger, look, role):
    guest = f"guest-{visitor.email}"
    page = visitor.open("/admin/people")
    page.get_by_label("E-mail address").first.fill(guest)
    page.get_by_label(role.capitalize()).check()
    page.get_by_role("button", name="Make a link").first.click()
    link = page.locator("#link").inner_text()
    look(page, "people-invited")
    page.get_by_role("link", name="I have passed it on").click()
    expect(page.get_by_text(guest, exact=True)).to_be_visible()
    look(page, "people")

    there = stranger.open(link)
    expect(there.get_by_text(f"{visitor.email} invites you")).to_be_visible()
    look(there, "invitation")
    there.get_by_label("Password", exact=True).fill(PASSWORD)
    there.get_by_role("button", name="Register and join").click()
    expect(there).to_have_url(f"{visitor.server.url}/admin/devices")
    there.goto("/admin/people")
    expect(there.get_by_text("Owners invite people")).to_be_visible()
    expect(there.get_by_role("button", name="Make a link")).to_have_count(0)
    look(there, "people-as-a-guest")

    page.reload()
    row = page.locator("li", has_text=guest)
    expect(row.get_by_role("combobox")).to_have_value(role)
    row.get_by_role("combobox").select_option("owner")
    row.get_by_role("button", name="Change").click()
    expect(page.get_by_text("The role is changed")).to_be_visible()
    there.reload()
    expect(there.get_by_role("button", name="Make a link")).to_be_visible()
    row.get_by_text("Remove").first.click()
    look(page, "people-remove")
    row.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The person is out")).to_be_visible()
    there.reload()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()

    mine = page.locator("li", has_text="you")
    mine.get_by_role("combobox").select_option("viewer")
    mine.get_by_role("button", name="Change").click()
    expect(page.get_by_text("An account needs an owner")).to_be_visible()


def test_a_person_of_two_accounts_switches(visitor, arrive, look):
    other: Visitor = arrive(visitor.server)
    page = visitor.open("/admin/people")
    page.get_by_role("textbox", name="Name").fill("The house")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="The house")).to_be_visible()
    page.get_by_role("button", name="Make a link").first.click()
    link = page.locator("#link").inner_text()
    visitor.new_device("Cellar of the house")

    there = other.open(link)
    look(there, "invitation-signed-in")
    there.get_by_role("button", name=f"Join as {other.email}").click()
    expect(there.get_by_text("Cellar of the house").first).to_be_visible()
    there.goto("/admin/profile")
    look(there, "profile-accounts")
    there.get_by_role("button", name=f"Switch to {other.email}").click()
    expect(there).to_have_url(f"{visitor.server.url}/admin/devices")
    expect(there.get_by_text("Cellar of the house")).to_have_count(0)
    other.watch.allow("404 GET /admin/invitations/")
    there.goto(link)
    expect(there.get_by_text("used up")).to_be_visible()


def test_the_operator_lets_somebody_in(own_server, arrive, look):
    operator: Visitor = arrive(own_server, email="ada@example.org")
    page = operator.open("/admin/people")
    page.get_by_role("button", name="Make a link").last.click()
    link = page.locator("#link").inner_text()
    page.get_by_role("link", name="I have passed it on").click()
    look(page, "people-as-the-operator")
    stranger: Visitor = arrive(own_server, anonymous=True)
    there = stranger.open(link)
    there.get_by_label("E-mail address").fill("bob@example.org")
    there.get_by_label("Password", exact=True).fill(PASSWORD)
    there.get_by_role("button", name="Make the account").click()
    expect(there).to_have_url(f"{own_server.url}/admin/devices")
    there.goto("/admin/people")
    expect(there.get_by_role("heading", name="bob@example.org")).to_be_visible()
