"""The API's description is what the schemas and the routes say."""

import re
from pathlib import Path

import pytest

from route_table import every_route
from scripts import openapi
from scripts.docs_page import page

DOCUMENT = openapi.document()
API = openapi.ROOT / "lambdas" / "api"


def test_the_committed_files_are_not_stale() -> None:
    assert openapi.stale() == [], "run `make docs`"


def test_every_route_is_described_and_nothing_else() -> None:
    served = {(route.method.lower(), route.path.replace(":path}", "}")) for route in every_route()}
    described = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == served
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names) == len(every_route())


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_errors_have_the_shape_of_errors(path: str) -> None:
    for operation in DOCUMENT["paths"][path].values():
        statuses = set(operation["responses"])
        assert {"200", "400", "401", "429", "500"} <= statuses
        assert ("404" in statuses) or "{" not in path
        assert ("409" in statuses) == any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", []))
        for status in statuses - {"200"}:
            assert operation["responses"][status] == {"$ref": f"#/components/responses/{status}"}
    for error in DOCUMENT["components"]["responses"].values():
        assert error["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}


def test_extensions_are_marked() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert DOCUMENT["paths"]["/threads"]["get"]["x-extension"]
    assert schemas["CreateRunRequest"]["properties"]["expires_after"]["x-extension"]
    assert schemas["AssistantObject"]["properties"]["functions"]["x-extension"]
    assert "x-extension" not in schemas["AssistantObject"]["properties"]["model"]


def test_the_page_loads_nothing_from_elsewhere_and_its_links_lead_somewhere() -> None:
    html = page(DOCUMENT)
    assert not re.findall(r"<(?:script|link|img|iframe)|@import|url\(", html)
    targets = set(re.findall(r'id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= targets
    assert Path(API / "docs.html").stat().st_size < 500_000
