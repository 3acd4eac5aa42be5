"""Makes the rows of the HTTP API's routes, from their declarations and the requests of `route_examples`."""

import json
import uuid
from collections.abc import Sequence
from functools import partial
from itertools import chain, combinations

import httpx2

from answers import MAX_BODY_BYTES
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runtime.incoming import BASE
from route_table import every_route
from routes import Route
from tests.support.bad_input import nested
from tests.support.door import PAGES, Cell, Door, House
from tests.support.projects import Owner, belongings, missing, run
from tests.support.route_examples import EXAMPLES, Example

WRONG_REQUESTS = (
    "No such File object",
    "No vector store found",
    "Invalid part",
    "Unexpected tool outputs",
    "Invalid 'after'",
    "Invalid 'before'",
)
"""How a 400 begins that names an id in the body."""

WITHOUT_IDS = {
    "POST /files": "A file is made of bytes.",
    "POST /uploads": "An upload is announced by name and size.",
    "POST /audio/transcriptions": "Sound is made of bytes, and kept nowhere.",
    "POST /audio/speech": "A text is spoken, and kept nowhere.",
    "GET /models": "The models are the stack's, the same for each project.",
    "GET /models/{model:path}": "A model's name is no object's id.",
    "GET /project": "The key says which project it is.",
    "GET /functions": "The deployed functions are the stack's, the same for each project.",
}


def route_doors() -> list[Door]:
    """Return a row for each route."""
    return [_door(route) for route in every_route()]


def _door(route: Route) -> Door:
    name = f"{route.method} {route.path}"
    examples = [example for example in EXAMPLES if example.route == name]
    assert examples, f"{name} has no example in tests/support/route_examples.py"
    first = examples[0]
    named = [example for example in examples if example.names]
    posts, form = route.method == "POST", bool(route.file)
    return Door(
        name,
        no_key=partial(_without_a_key, first),
        foreign_key=partial(_with_a_key_of_nobody, first),
        foreign_id=partial(_with_foreign_ids, named) if named else WITHOUT_IDS[name],
        too_large=partial(_too_large, first) if posts else "It reads no body.",
        too_deep=partial(_too_deep, first) if posts and not form else "It reads no JSON.",
        repeated=_repeated(route, first),
    )


def _repeated(route: Route, example: Example) -> Cell:
    if route.method == "GET" or route.path.endswith("/search"):
        return "It changes nothing."
    if route.tag == "Audio":
        return "It keeps nothing."
    if route.creates:
        return partial(_with_one_idempotency_key, example)
    return partial(_twice, example)


def _without_a_key(example: Example, house: House) -> None:
    _unauthorized(house, example, {}, None)


def _with_a_key_of_nobody(example: Example, house: House) -> None:
    _unauthorized(house, example, {"Authorization": f"Bearer {house.us.key[:-1]}"}, "invalid_api_key")


def _unauthorized(house: House, example: Example, headers: dict[str, str], code: str | None) -> None:
    with house.untouched(house.us):
        answer = example.send(house.http, house.us.named(example), headers)
        _is_refused(answer, 401)
        assert answer.json()["error"]["code"] == code


def _with_foreign_ids(examples: Sequence[Example], house: House) -> None:
    """Name another project's ids, one by one and together, in addition to our own: they are answered like missing."""
    for us, them in ((house.us, house.them), (house.them, house.us)):
        with house.untouched(them):
            for example in examples:
                _names_foreign_ids(example, house.http, us, them)


def _names_foreign_ids(example: Example, http: httpx2.Client, us: Owner, them: Owner) -> None:
    ours, theirs = us.named(example), them.named(example)
    names = example.names
    for some in chain.from_iterable(combinations(names, count + 1) for count in range(len(names))):
        foreign = {name: theirs[name] for name in some}
        nothing = {name: missing(theirs)[name] for name in some}
        answers = [_shape(example.send(http, ours | named, us.headers), named) for named in (foreign, nothing)]
        assert answers[0] == answers[1], (example, some, answers)
        status, _, body = answers[0]
        assert (
            status == 404
            or (status == 400 and json.loads(body)["error"]["message"].startswith(WRONG_REQUESTS))
            or (status == 200 and json.loads(body)["object"] == "list")
        ), (example, some, answers[0])
        assert not any(known in body for known in {*them.ids.values(), *them.waiting.values()}), (example, some)


def _shape(answer: httpx2.Response, named: dict[str, str]) -> tuple[int, dict[str, str], str]:
    """Return all of an answer but its connection, the time, the request's own id, and the ids that were asked for."""
    body = answer.text
    for name, known in named.items():
        body = body.replace(known, name)
    own = ("connection", "date", "x-request-id", "x-amz")
    headers = {name: value for name, value in answer.headers.items() if not name.startswith(own)}
    return answer.status_code, headers, body


def _too_large(example: Example, house: House) -> None:
    us = house.us
    with house.untouched(us):
        answer = example.send(house.http, us.named(example), us.headers, content=b" " * (MAX_BODY_BYTES + 1))
        _is_refused(answer, 413)


def _too_deep(example: Example, house: House) -> None:
    us = house.us
    with house.untouched(us):
        for body in (
            nested(65),
            nested(100_000),
            b'{"metadata": %s}' % nested(900),
            b'{"x":' * 900 + b"1" + b"}" * 900,
        ):
            _is_refused(example.send(house.http, us.named(example), us.headers, content=body), 400)


def _is_refused(answer: httpx2.Response, status: int) -> None:
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert len(answer.content) < 2_000, "the input is repeated"


def _with_one_idempotency_key(example: Example, house: House) -> None:
    """Send the same request twice with one key: the second answer shows what the first has made."""
    us = house.us
    headers = {**us.headers, "Idempotency-Key": str(uuid.uuid4())}
    # The assistant of the runs is one whose model answers.
    ids = {**us.ids, **belongings(us.client, example.names), "assistant_id": us.ids["assistant_id"]}
    first, second = (example.send(house.http, ids, headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    made = first.json()
    assert second.json()["id"] == made["id"]
    if made["object"] == "thread.run":
        found = house.driver.store.runs.get(ThreadId(made["thread_id"]), made["id"])
        house.driver.until(found, *TERMINAL)
        assert [run.id for run in us.client.beta.threads.runs.list(made["thread_id"])] == [made["id"]]


def _twice(example: Example, house: House) -> None:
    """Send the same request twice: the second has no effect, or is refused."""
    us = house.us
    ids = {**us.ids, **belongings(us.client, example.names)}
    if "run_id" in example.names:
        waits = example.route.endswith(("/cancel", "/submit_tool_outputs"))
        ids |= run(us.client, us.ids["assistant_id"], "call ask {}" if waits else "say Hello")
    first, second = (example.send(house.http, ids, us.headers) for _ in range(2))
    assert first.status_code == 200, first.text
    if example.route.startswith("DELETE"):
        assert second.status_code == 404, second.text
    elif second.status_code == 200:
        assert second.json()["object"] == first.json()["object"]
    else:
        _is_refused(second, 400)
    if "run_id" in example.names:
        found = house.driver.store.runs.get(ThreadId(ids["thread_id"]), ids["run_id"])
        ended = house.driver.until(found, *TERMINAL)
        assert house.driver.store.threads.get(ended.thread_id).runs == 1
    if "vector_store_id" in example.names and not example.route.startswith("DELETE"):
        counts = us.client.vector_stores.retrieve(ids["vector_store_id"]).file_counts
        assert counts.total == 1


def page_doors() -> list[Door]:
    """Return a row for each page that is there for anyone to read."""
    public, nothing = "It is for anyone to read.", "It takes nothing."
    return [
        Door(
            f"GET {path}",
            no_key=partial(_is_public, path),
            foreign_key=public,
            foreign_id=nothing,
            too_large=nothing,
            too_deep=nothing,
            repeated="It changes nothing.",
        )
        for path in PAGES
    ]


def _is_public(path: str, house: House) -> None:
    answer = httpx2.get(str(house.http.base_url) + path.removeprefix(f"{BASE}/"))
    assert answer.status_code == 200
    assert not any(known in answer.text for known in house.us.ids.values())
