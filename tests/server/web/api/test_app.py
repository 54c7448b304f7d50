from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st


def test_no_page_loads_scripts_from_elsewhere(site):
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert site.get(path).status == 404


def test_every_answer_is_kept_by_no_cache(site):
    for path in ("/api/v1/", "/api/v1/device", "/nope", "/healthz", "/api/v1/openapi.json"):
        headers = site.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


words = st.sampled_from(
    ["api", "v1", "devices", "values", "history", "keys", "fields", "..", "%00", "%2F", "%ff", "é", "a", ""]
)
names = st.sampled_from(
    ["x-device-id", "x-api-key", "authorization", "accept", "content-type", "content-length", "host"]
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]),
    st.lists(words, max_size=6),
    st.text("a=&%;+0é", max_size=12),
    st.dictionaries(
        names,
        st.text(st.characters(max_codepoint=255, min_codepoint=32), max_size=12),
    ),
    st.binary(max_size=12),
)
def test_no_request_is_a_fault_of_the_server(site, method, parts, query, headers, body):
    path = "/" + "/".join(parts)
    quoted = path.encode().decode("latin-1").replace("Ã©", "%C3%A9")
    answer = site.call(method, f"{quoted}?{query.replace('é', '%C3%A9')}", headers, body)
    assert answer.status < 500
    if answer.status >= 400 and method != "HEAD" and answer.headers["content-type"] != "text/html; charset=utf-8":
        assert answer.message
