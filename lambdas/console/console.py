"""Serves the console: the files of a page in the browser, to anyone. The page asks the API with its user's key.

`cdk/console.py` packs the files, compressed: `site/<path>.gz`, and in `site/version` a digest of all of them. The
page's own address is `/console`. All else has the digest in its address (`/console/<digest>/<path>`), so a browser
keeps it for good, and a page never mixes the files of two deployments.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SITE = Path(__file__).resolve().parent / "site"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "media-src blob:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer. Nothing but the page's own files runs or is loaded, and no text becomes markup."""

KEPT = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer an event of the REST API (Lambda proxy integration, format 1.0) with a file.

    Returns:
        The proxy answer. Its `body` is an iterator of bytes, for the runtime of `layers/streaming`: API Gateway hands
        them on as they are, compressed.
    """
    if event["httpMethod"] != "GET":
        return _answer(405, b"This page can only be read.\n", Allow="GET")
    headers = {name.lower(): ",".join(values) for name, values in (event.get("multiValueHeaders") or {}).items()}
    version = _version()
    # The path with the stage, or with the base path of a custom domain: what follows the page's own name counts.
    _, _, below = event["requestContext"]["path"].partition("/console")
    if below == "/":
        return _answer(308, b"", Location="../console")
    given, _, path = below.lstrip("/").partition("/")
    if not below:
        path, caching = "index.html", ASKED_AGAIN
    elif given == version and path in _paths():
        caching = KEPT
    else:
        return _answer(404, b"There is no such file. Load the page again.\n")
    tag = f'"{version}"'
    described = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in headers.get("if-none-match", ""):
        return _answer(304, b"", **described)
    body = (SITE / f"{path}.gz").read_bytes()
    if "gzip" in headers.get("accept-encoding", ""):
        described["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return _answer(200, body, **{"Content-Type": TYPES[Path(path).suffix], **described})


@cache
def _version() -> str:
    return (SITE / "version").read_text()


@cache
def _paths() -> set[str]:
    return {str(path.relative_to(SITE))[: -len(".gz")] for path in SITE.rglob("*.gz")}


def _answer(status: int, body: bytes, **headers: str) -> dict[str, Any]:
    described = {"Content-Type": TYPES[".txt"], "Cache-Control": "no-store", **HEADERS, **headers}
    return {"statusCode": status, "headers": described, "body": iter((body,))}
