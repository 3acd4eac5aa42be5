"""`/v1/vector_stores`, without what is below `/files` and `/file_batches`."""

import json
import os
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from botocore.config import Config

from assistant_engine import vector_stores
from assistant_engine.domain.errors import Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.invocation import invoke
from assistant_engine.schemas import (
    CreateVectorStoreRequest,
    ListParameters,
    NoParameters,
    UpdateVectorStoreRequest,
    VectorStoreSearchRequest,
)
from exchange import body, deleted, idempotency, listing, query, store, window

router = APIGatewayHttpRouter()

_RESULTS = 10
_REFUSED_SECONDS = 3  # of the 29 that an answer may take


@router.post("/v1/vector_stores")
def create() -> Json:
    request = body(CreateVectorStoreRequest)
    return vector_stores.create(store(), vector_stores.queue(), request, now_ms(), idempotency("vector_store", request))


@router.get("/v1/vector_stores")
def page() -> Json:
    return listing(store().vector_stores.page(window(query(ListParameters))))


@router.get("/v1/vector_stores/<vector_store_id>")
def retrieve(vector_store_id: str) -> Json:
    query(NoParameters)
    return store().vector_stores.get(vector_store_id)


@router.post("/v1/vector_stores/<vector_store_id>")
def modify(vector_store_id: str) -> Json:
    request = body(UpdateVectorStoreRequest)
    blank: Json = {"name": "", "metadata": {}}
    changes = {name: blank.get(name) if value is None else value for name, value in request.items()}
    return store().vector_stores.update(vector_store_id, changes)


@router.delete("/v1/vector_stores/<vector_store_id>")
def delete(vector_store_id: str) -> Json:
    query(NoParameters)
    vector_stores.delete(store(), vector_stores.queue(), vector_store_id)
    return deleted("vector_store", vector_store_id)


@router.post("/v1/vector_stores/<vector_store_id>/search")
def search(vector_store_id: str) -> Json:
    request = body(VectorStoreSearchRequest)
    store().vector_stores.usable(vector_store_id)
    asked = request["query"]
    queries = [asked] if isinstance(asked, str) else asked
    event = {
        "project": store().project,
        "vector_store_ids": [vector_store_id],
        "queries": queries,
        "max_num_results": request.get("max_num_results", _RESULTS),
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
    # Searching takes packages that would slow every cold start of this function down.
    answer = invoke(_lambda(), os.environ["SEARCH_FUNCTION_ARN"], event, _REFUSED_SECONDS)
    found: Json = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Unavailable("The search did not end in time. Please try again.", code="search_failed")
    if "error" in found:
        raise Unavailable(found["error"], code="embedding_failed")
    results: list[Json] = found["results"]
    return results


@cache
def _lambda() -> Any:
    # Asked a second time, it would answer after API Gateway has given up.
    config = Config(retries={"mode": "standard", "max_attempts": 1}, connect_timeout=2, read_timeout=23)
    return boto3.client("lambda", config=config)
