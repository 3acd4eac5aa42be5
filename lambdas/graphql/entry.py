"""The GraphQL function: SilvaEngine's callers, by HTTP or as Lambda functions, and whoever speaks GraphQL.

A request of the REST API (W1 of `callers`) is answered as one. The events of SilvaEngine's workers (W2) and of its
tasks (W3) are answered with a JSON text, which Lambda encodes once more.
"""

from typing import Any

import callers
import execution
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime import startup
from assistant_engine.runtime.api_keys import keys
from assistant_engine.runtime.settings import Graphql, configured
from assistant_engine.store.shared import store

configured(Graphql)


def handler(event: Json, context: Any) -> Json | str:
    """Answer an event of the REST API, of a SilvaEngine worker or of a SilvaEngine task."""
    if "requestContext" in event:
        return callers.answer_request(event, execution.run)
    return callers.answer_invocation(event, context.aws_request_id, execution.run)


startup.end(store, keys)
