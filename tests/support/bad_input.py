"""Odd texts, and requests as they stand here: no client of the API would send them."""

import json
import time

import httpx2

from assistant_engine.domain.json_data import Json

MODEL = "offline-script"
EMOJI = "\U0001f600"

KEPT = [
    "\u202egnp.exe",  # reads backwards from here on
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "e\u0301 is not \u00e9; Z\u0350\u0351\u0352a\u0353l\u0354g\u0355o",
    "\ufeffa mark\ufffe\uffff\U0010ffff",
    "\u2028line\u2029paragraph\u0085next\x1b[31m\x7f\x01",
    " spaces \t\r\n and lines \n",
    "../../etc/passwd C:\\x %2e%2e%2f %00 \\u0000 \\ud800",
    "{% $states.input %} ${jndi:ldap://127.0.0.1/a} {{7*7}} %s %n {0}",
    "'; DROP TABLE x; -- <script>alert(1)</script> :values #name",
    '"]}\\',
    "null",
]
"""Texts that come back letter by letter."""

REFUSED = ["\0", "a\0b", "\ud800", "\udc00\ud800", "\ud83d"]


def raw(value: object) -> bytes:
    """JSON in ASCII: a lone surrogate is spelt `\\ud800` in it."""
    return json.dumps(value).encode()


def post(api: httpx2.Client, path: str, body: object, **headers: str) -> httpx2.Response:
    """Send bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else raw(body)
    return api.post(path, content=data, headers={"Content-Type": "application/json", **headers})


def made(answer: httpx2.Response) -> Json:
    """Return what the answer shows; it must be a 200."""
    assert answer.status_code == 200, answer.text[:500]
    shown: Json = answer.json()
    return shown


def refused(answer: httpx2.Response, param: str | None = None, status: int = 400) -> Json:
    """The error; it must be the caller's, short, and about the parameter if one is given."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    error: Json = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert len(answer.content) < 2_000, "the input is repeated"
    if param is not None:
        assert error["param"] == param
    return error


def nested(levels: int) -> bytes:
    """An array in an array, so many levels deep."""
    return b"[" * levels + b"]" * levels


def function(parameters: object, **more: object) -> Json:
    """A function tool."""
    return {"type": "function", "function": {"name": "ask", "parameters": parameters, **more}}


def until(api: httpx2.Client, path: str, *statuses: str) -> Json:
    """The run, once it has one of the statuses."""
    deadline = time.monotonic() + 120
    while (run := made(api.get(path)))["status"] not in statuses:
        assert time.monotonic() < deadline, run["status"]
        time.sleep(0.1)
    return run
