"""Reads the events of the REST API (Lambda proxy integration, format 1.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html. The same API answers
under two names, its stages `v1` and `openai`, which are also the base paths of a custom domain: the first part of a
path is one of them, and a route's path is what follows.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from assistant_engine.domain.json_data import Json

BASE = "/v1"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came.

    Attributes:
        path: decoded, and below `/v1` whichever of the API's names it was sent to.
        query: names and values, decoded.
        headers: by their names in lower case; several of one name are joined by commas.
        body: its bytes, decoded.
        url: the path for people to read, as the client wrote it.
        request_id: names the request in our logs.
        signed: API Gateway has checked the signature of an AWS principal.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    request_id: str = ""
    signed: bool = False


def incoming_of(event: Json) -> Incoming:
    """Return the request that an event tells of."""
    context, text = event["requestContext"], event.get("body") or ""
    # `path` lacks the stage, and has the base path of a custom domain: this one always has the name in front.
    url = unquote(context["path"])
    _, _, below = url.lstrip("/").partition("/")
    return Incoming(
        method=event["httpMethod"],
        path=f"{BASE}/{below}",
        query=[
            (name, value)
            for name, values in (event.get("multiValueQueryStringParameters") or {}).items()
            for value in values
        ],
        headers={name.lower(): ",".join(values) for name, values in (event.get("multiValueHeaders") or {}).items()},
        # JSON may spell half a character, and so may Lambda's event: the schemas refuse it with a message of their own.
        body=base64.b64decode(text) if event["isBase64Encoded"] else text.encode(errors="surrogatepass"),
        url=url,
        request_id=context["requestId"],
        signed=bool((context.get("identity") or {}).get("userArn")),
    )
