"""`/v1/openapi.json` and `/v1/docs`: the API's description, for anyone to read.

`scripts/openapi.py` makes both files.
"""

from pathlib import Path

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

router = APIGatewayRouter()

PATHS = ("/v1/openapi.json", "/v1/docs")
"""They need no key."""

_HERE = Path(__file__).resolve().parent


@router.get("/v1/openapi.json")
def document() -> Response[str]:
    return _file("openapi.json", "application/json")


@router.get("/v1/docs")
def page() -> Response[str]:
    return _file("docs.html", "text/html; charset=utf-8")


def _file(name: str, content_type: str) -> Response[str]:
    headers = {
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, content_type, (_HERE / name).read_text(), headers=headers)
