"""Searches in a vector store. Another function carries them out: its packages would slow every cold start down."""

import json
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from assistant_engine.domain.errors import Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.invocation import invoke
from assistant_engine.runtime.settings import SearchFunction, configured
from assistant_engine.store import Store
from assistant_engine.store.vector_stores import id_of

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

RESULTS = 10
"""How many results a search has unless it says otherwise, as the API has it."""

_REFUSED_SECONDS = 3  # of the 29 that an answer may take


def search(store: Store, head: Json, request: Json) -> Json:
    """Search a store (its item, as it was read) as a valid `VectorStoreSearchRequest` says.

    Returns:
        `VectorStoreSearchResultsPage`.

    Raises:
        InvalidRequest: the vector store has expired.
        Unavailable: the search did not end in time, or nothing could embed the query.
    """
    store.vector_stores.require_usable(head)
    asked = request["query"]
    queries = [asked] if isinstance(asked, str) else asked
    event = {
        "project": store.project,
        "vector_store_ids": [id_of(head)],
        "queries": queries,
        "max_num_results": request.get("max_num_results", RESULTS),
        "ranking_options": request.get("ranking_options"),
        "filters": request.get("filters"),
    }
    return {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "data": _found(event),
        "has_more": False,
        "next_page": None,
    }


def _found(event: Json) -> list[Json]:
    answer = invoke(_lambda(), configured(SearchFunction).search_function_arn, event, _REFUSED_SECONDS)
    found: Json = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Unavailable("The search did not end in time. Please try again.", code="search_failed")
    if "error" in found:
        raise Unavailable(found["error"], code="embedding_failed")
    results: list[Json] = found["results"]
    return results


@cache
def _lambda() -> "LambdaClient":
    # Asked a second time, it would answer after API Gateway has given up.
    config = Config(retries={"mode": "standard", "max_attempts": 1}, connect_timeout=2, read_timeout=23)
    client: LambdaClient = boto3.client("lambda", config=config)
    return client
