"""The watch over a browser notices what it is there for; else all other browser tests could be right for no reason."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.browser.chromium import new_page
from tests.browser.looking import judge, look

from nikdev_iot.server.web.pages.shell import CSP

HEAD = '<!doctype html><html lang="en"><title>A page</title>'
PAGES = {
    "/good": f"{HEAD}<main><h1>Good</h1></main></html>",
    "/inline-script": "<!doctype html><script>1</script>",
    "/inline-style": '<!doctype html><p style="color: red">red</p>',
    "/elsewhere": '<!doctype html><img src="http://127.0.0.1:9/x.png">',
    "/missing": '<!doctype html><script src="/nothing.js"></script>',
    "/eval": '<!doctype html><script src="/eval.js"></script>',
    "/eval.js": 'eval("1")',
    "/raises": '<!doctype html><script src="/raises.js"></script>',
    "/raises.js": 'throw new Error("a mistake")',
    "/complains": '<!doctype html><script src="/complains.js"></script>',
    "/complains.js": 'console.error("a complaint")',
    "/bad": f'{HEAD}<main><h1>Bad</h1><input><img src="data:,"></main></html>',
    "/wide": f'{HEAD}<link rel="stylesheet" href="/wide.css"><main><h1>Wide</h1></main></html>',
    "/wide.css": "h1 { width: 500px }",
}
KINDS = {".js": "text/javascript", ".css": "text/css"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        text = PAGES.get(self.path)
        self.send_response(200 if text else 404)
        kind = next((kind for suffix, kind in KINDS.items() if self.path.endswith(suffix)), "text/html; charset=utf-8")
        self.send_header("content-type", kind)
        self.send_header("content-security-policy", CSP)
        self.end_headers()
        self.wfile.write((text or "<!doctype html>nothing").encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def opened(chromium, site):
    page, watch = new_page(chromium, site)
    yield page, watch
    page.context.close()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/inline-script", "CSP report: script-src-elem refused inline"),
        ("/inline-style", "CSP report: style-src-attr refused inline"),
        ("/elsewhere", "CSP report: img-src refused http://127.0.0.1:9/x.png"),
        ("/eval", "CSP report: script-src refused eval"),
        ("/raises", "a mistake"),
        ("/complains", "a complaint"),
        ("/missing", "404 GET /nothing.js"),
        ("/nowhere", "404 GET /nowhere"),
    ],
)
def test_what_goes_wrong_in_a_page_fails_its_test(opened, path, said):
    page, watch = opened
    page.goto(path)
    page.wait_for_timeout(50)
    with pytest.raises(AssertionError, match="went wrong in the browser") as caught:
        watch.check()
    assert said in str(caught.value)


def test_what_was_expected_does_not(opened):
    page, watch = opened
    watch.allow("404 GET /nowhere")
    page.goto("/nowhere")
    page.goto("/good")
    watch.check()
    assert watch.requests[:2] == ["GET /nowhere", "GET /good"]


def test_a_good_page_has_nothing_to_be_judged(opened):
    page, watch = opened
    page.goto("/good")
    assert judge(page) == []
    watch.check()


def test_a_bad_page_has(opened):
    page, _ = opened
    page.goto("/bad")
    assert {line.split()[0] for line in judge(page)} == {"image-alt", "label"}


def test_a_page_wider_than_a_phone_is_noticed(opened):
    page, _ = opened
    page.goto("/wide")
    with pytest.raises(AssertionError, match=r"390 px: the page is 5\d\d px wide"):
        look(page, "of-the-tests-themselves")
