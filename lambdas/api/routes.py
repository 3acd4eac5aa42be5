"""The routes of the API, each declared once with all that follows from it.

A declaration says what a request may hold, what it creates and what it is answered with. The checks of a request, its
idempotency, the guard of what lies in a thread or a vector store, the API's description and the tests of projects'
isolation are read off it. A route below `{thread_id}` or `{vector_store_id}` lies in that thread or vector store: it is
read for the caller first, once, and the handler gets what was read.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools.event_handler import Response

from answers import StreamedAnswer
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.incoming import BASE, Incoming
from assistant_engine.schemas.common import Schema
from assistant_engine.schemas.parameters import NoParameters
from assistant_engine.schemas.parsing import load_json, parse, parse_fields
from assistant_engine.store import Idempotency, Store

if TYPE_CHECKING:
    from forms import FormFile

CONTAINERS: Mapping[str, tuple[str, Callable[[Store, str], Any]]] = {
    "thread_id": ("thread", lambda store, thread_id: store.threads.get(thread_id)),
    "vector_store_id": ("vector_store", lambda store, store_id: store.vector_stores.head(store_id)),
}
"""Names what objects lie in, by its parameter in their paths: the handler's argument, and how a project reads it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose parts are valid by its route's declaration.

    Attributes:
        store: the store as the caller's project sees it.
        body: the JSON body, or the fields of a form; empty without one.
        query: the query string, with its defaults.
        file: the file of a form.
        headers: by their names in lower case.
        now_ms: when it arrived, in milliseconds since 1970.
        idempotency: what its `Idempotency-Key` asks for, on a route that creates something.
    """

    store: Store
    body: Json = field(default_factory=dict)
    query: Json = field(default_factory=dict)
    file: "FormFile | None" = None
    headers: Mapping[str, str] = field(default_factory=dict)
    now_ms: Milliseconds = field(default_factory=now_ms)
    idempotency: Idempotency | None = None


Answer = Json | Response[Any] | StreamedAnswer
Handler = Callable[..., Answer]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


@dataclass(frozen=True, slots=True)
class Route:
    """A method of a path.

    Attributes:
        path: below `/v1`, with its parameters in braces; `{name:path}` may hold slashes.
        name: the operation's name in the API's description.
        answer: the name of the answer's schema (`assistant_engine.schemas.responses` and others, which no handler
            imports); None for bytes.
        body: the schema of the JSON body, or of a form's fields.
        query: the schema of the query string.
        file: the name of the field that holds a form's file; empty for a JSON body.
        creates: the kind of object that it creates; it then takes an `Idempotency-Key`, and each kind has keys of its
            own.
        polled: the answer tells when to ask again.
        streams: it may answer with events, as they happen (`text/event-stream`). These routes, and those that answer
            with bytes, belong to the function `stream`; only they may return a `StreamedAnswer`.
        media: what else it may answer with.
        extension: the original API lacks it.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    answer: str | None
    body: type[Schema] | None = None
    query: type[Schema] = NoParameters
    file: str = ""
    creates: str = ""
    polled: bool = False
    streams: bool = False
    media: Sequence[str] = ()
    extension: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters, in their order."""
        return re.findall(r"{(\w+)", self.path)

    @property
    def container(self) -> str:
        """The parameter that names what the route lies in; empty for what lies in nothing."""
        first = next(iter(self.parameters), "")
        return first if first in CONTAINERS and not self.path.endswith(f"{{{first}}}") else ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return what a path below `/v1` looks like."""
        return re.compile(re.sub(r"{(\w+)(:path)?}", lambda found: r".+" if found[2] else r"[^/]+", self.path))

    @property
    def rule(self) -> str:
        """The path as Powertools writes it. It has no parameters that hold slashes."""
        return BASE + re.sub(r"{(\w+)(:path)?}", lambda found: ".+" if found[2] else f"<{found[1]}>", self.path)

    def answer_to(self, incoming: Incoming, store: Store, parameters: Mapping[str, str]) -> Answer:
        """Check a request by the declaration and hand it to the handler.

        Raises:
            InvalidRequest: a part of it is not valid.
            NotFound: what the route lies in is not there.
            Conflict, Replayed: by the idempotency key.
        """
        # Azure's clients add their API's version to every request.
        query = parse_fields(self.query, [(name, value) for name, value in incoming.query if name != "api-version"])
        body, file = self._body(incoming)
        arguments: Mapping[str, Any] = parameters
        if self.container:
            argument, read = CONTAINERS[self.container]
            others = {name: value for name, value in parameters.items() if name != self.container}
            arguments = {argument: read(store, parameters[self.container]), **others}
        request = Request(
            store=store,
            body=body,
            query=query,
            file=file,
            headers=incoming.headers,
            idempotency=self._idempotency(incoming, store, body, file),
        )
        return self.handler(request, **arguments)

    def _body(self, incoming: Incoming) -> "tuple[Json, FormFile | None]":
        if self.file:
            from forms import read_form  # Few requests have a form.

            assert self.body
            form = read_form(incoming.headers.get("content-type"), incoming.body)
            return parse_fields(self.body, form.fields), form.only_file(self.file)
        if self.method == "POST":
            return parse(self.body or NoParameters, load_json(incoming.body)), None
        return {}, None

    def _idempotency(self, incoming: Incoming, store: Store, body: Json, file: "FormFile | None") -> Idempotency | None:
        key = incoming.headers.get("idempotency-key")
        if not (key and self.creates):
            return None
        if file:
            body = {**body, self.file: [file.filename, hashlib.sha256(file.data).hexdigest()]}
        return Idempotency(f"{self.creates}#{store.project}#{key}", [incoming.method, incoming.path, body])


class Routes:
    """The routes of a module: the decorators that declare them.

    Args:
        tag: the group that the API's description shows them in.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.declared: list[Route] = []

    def get(
        self,
        path: str,
        name: str,
        summary: str,
        *,
        answer: str | None,
        query: type[Schema] = NoParameters,
        polled: bool = False,
        streams: bool = False,
        media: Sequence[str] = (),
        extension: bool = False,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Declare a GET; see `Route`."""
        declared = {"answer": answer, "query": query, "polled": polled, "streams": streams, "extension": extension}
        return self._declare("GET", path, name, summary, **declared, media=media)

    def post(
        self,
        path: str,
        name: str,
        summary: str,
        *,
        answer: str | None,
        body: type[Schema] | None = None,
        query: type[Schema] = NoParameters,
        file: str = "",
        creates: str = "",
        polled: bool = False,
        streams: bool = False,
        extension: bool = False,
        media: Sequence[str] = (),
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Declare a POST; see `Route`."""
        declared = {"answer": answer, "body": body, "query": query, "file": file, "creates": creates}
        more = {"polled": polled, "streams": streams, "extension": extension, "media": media}
        return self._declare("POST", path, name, summary, **declared, **more)

    def delete(self, path: str, name: str, summary: str, *, answer: str) -> Callable[[AnyHandler], AnyHandler]:
        """Declare a DELETE; see `Route`."""
        return self._declare("DELETE", path, name, summary, answer=answer)

    def _declare(
        self, method: str, path: str, name: str, summary: str, **declared: Any
    ) -> Callable[[AnyHandler], AnyHandler]:
        def declare(handler: AnyHandler) -> AnyHandler:
            self.declared.append(Route(method, path, name, summary, self.tag, handler, **declared))
            return handler

        return declare
