"""`/openapi.json` and `/docs` of the running stack: for anyone, without a key."""

import json
import urllib.request
from pathlib import Path

import openai
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("name", "file", "content_type"),
    [
        ("openapi.json", "lambdas/api/openapi.json", "application/json"),
        ("docs", "lambdas/api/docs.html", "text/html; charset=utf-8"),
    ],
)
def test_the_description_is_served_as_committed(client: openai.OpenAI, name: str, file: str, content_type: str) -> None:
    address = str(client.base_url) + name
    with urllib.request.urlopen(address) as answer:  # noqa: S310
        assert answer.headers["content-type"] == content_type
        assert answer.headers["x-request-id"]
        assert answer.read().decode() == (ROOT / file).read_text()


def test_the_served_document_is_the_one_to_be_read() -> None:
    served = json.loads((ROOT / "lambdas" / "api" / "openapi.json").read_text())
    assert served == json.loads((ROOT / "docs" / "openapi.json").read_text())
