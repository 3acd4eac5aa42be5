"""Executes a document within the limits, and tells errors without what was said."""

from typing import Any

from graphql import GraphQLError, execute_sync, parse, validate
from graphql.language import DocumentNode

import limits
from asked import Asked, Document
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.schemas.parsing import text_fault
from graph import SCHEMA, member
from resolvers.values import size_of

TOO_LARGE = "The answer is larger than {most:,} bytes. Ask for fewer fields, or for less at once."
BUSY = "The service is busy. Please try again."
FAILED = "The server had an error processing your request. Please try again."


def run(document: Document, asked: Asked) -> Json:
    """Return `{"data", "errors"}` as the GraphQL specification has it; `errors` only where there are any."""
    try:
        node = _checked(document)
    except GraphQLError as error:
        return {"errors": [error.formatted]}
    except limits.Refused as refused:
        return {"errors": refused.errors}
    result = execute_sync(
        SCHEMA,
        node,
        context_value=asked,
        field_resolver=member,
        variable_values=dict(document.variables),
        operation_name=document.operation_name or None,
    )
    errors = [_told(error) for error in result.errors or []]
    if errors and not any("path" in error for error in errors):  # The operation itself, and no field of it.
        return {"errors": errors}
    if result.data is not None and size_of(result.data) > limits.MAX_ANSWER_BYTES:
        return {"errors": [{"message": TOO_LARGE.format(most=limits.MAX_ANSWER_BYTES)}]}
    return {"data": result.data, **({"errors": errors} if errors else {})}


def _checked(document: Document) -> DocumentNode:
    limits.check_size(document.query)
    if fault := text_fault(document.query):
        raise GraphQLError(f"Invalid 'query': {fault}.")
    try:
        node = parse(document.query, max_tokens=limits.MAX_TOKENS, no_location=False)
    except RecursionError:
        raise GraphQLError(limits.TOO_DEEP) from None
    limits.check(node, document.operation_name)
    if errors := validate(SCHEMA, node, max_errors=limits.MAX_ERRORS):
        raise limits.Refused([error.formatted for error in errors])
    return node


def _told(error: GraphQLError) -> Any:
    """Return an error as the caller is told of it: one that nobody expects is logged by its place, and not repeated."""
    formatted = dict(error.formatted)
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error:
        cause = cause.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return formatted
    if isinstance(cause, ApiError):
        return {**formatted, "message": cause.message, "extensions": _extensions(cause)}
    fault = fault_of(cause)
    logger.error("a field failed: %s", fault.where)
    return {**formatted, "message": BUSY if fault.busy else FAILED, "extensions": {"type": "server_error"}}


def _extensions(error: ApiError) -> dict[str, Any]:
    return {name: value for name, value in error.body()["error"].items() if name != "message" and value is not None}
