"""Serves GraphiQL at the local stack's GraphQL address, for a browser: its parts are npm's, and nothing else is asked.

AWS has nothing there: a deployed stack answers a GET with 405.
"""

from local.paths import NODE_MODULES, ROOT

PATH = "/graphql"
"""Below the stage, as in `cdk/gateway.py`."""

PARTS = {
    "react.js": ("text/javascript", NODE_MODULES / "react" / "umd" / "react.production.min.js"),
    "react-dom.js": ("text/javascript", NODE_MODULES / "react-dom" / "umd" / "react-dom.production.min.js"),
    "graphiql.js": ("text/javascript", NODE_MODULES / "graphiql" / "graphiql.min.js"),
    "graphiql.css": ("text/css", NODE_MODULES / "graphiql" / "graphiql.min.css"),
}
_PAGE = ROOT / "local" / "graphiql.html"
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'"
)


def answer(path: str, accepted: str) -> tuple[dict[str, str], bytes] | None:
    """Return headers and body of the page or of one of its parts; None for what is the API's to answer.

    Args:
        path: of a GET, below the stage.
        accepted: its header `Accept`.
    """
    if path == PATH and "text/html" in accepted:
        return {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}, _PAGE.read_bytes()
    part = PARTS.get(path.removeprefix(f"{PATH}/graphiql/"))
    if part is None or not part[1].is_file():
        return None
    return {"Content-Type": f"{part[0]}; charset=utf-8", "Cache-Control": "max-age=3600"}, part[1].read_bytes()
