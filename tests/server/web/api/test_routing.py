from __future__ import annotations

from nikdev_iot.server.web.api.access import GuardedRoute, Needs, needs
from nikdev_iot.server.web.api.routing import router


def test_a_resources_routes_are_guarded_and_described():
    routes = router("things")
    routes.get("/things", openapi_extra=needs(Needs.ANY, more=1))(lambda: None)
    (route,) = routes.routes
    assert isinstance(route, GuardedRoute)
    assert route.openapi_extra == {"x-nikdev-access": "any", "more": 1}
    assert route.tags == ["things"]
    assert "default" in route.responses
