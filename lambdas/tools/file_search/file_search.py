"""Searches vector stores: for the model's calls of `file_search`, and for the API's `/vector_stores/{id}/search`."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.runtime import startup
from assistant_engine.runtime.settings import FileSearchTool, configured
from assistant_engine.search.embeddings import EmbeddingError
from assistant_engine.search.engine import Result, Search
from assistant_engine.search.indexes import BucketIndex, Parts, VectorsIndex
from assistant_engine.store.shared import store
from assistant_engine.tools.result import call_of, result_of

_LEAST_BYTES = 2048
"""Of a result, half of it for the name and the rest around its text."""

_QUERY_LENGTH = 4096


def handler(event: Json, context: Any) -> Json:
    """Search.

    Args:
        event: `{"project", "vector_store_ids", "max_num_results", "ranking_options"}` and either a call of the model,
            as every tool gets it (`tool_call_id`, `arguments`, `inline_bytes`, ...), or a request of the API
            (`queries`, `filters`).

    Returns:
        Of a call `{"tool_call_id", "output"}`, or `{"tool_call_id", "output_key"}` of a large output: the JSON that
        `domain.builtin_tools` describes, or a text that starts with "Error". Of a request `{"results"}`, or `{"error"}`
        that names what is wrong with the embedding model.
    """
    if "tool_call_id" in event:
        return result_of(call_of(event), _output(event), event["inline_bytes"])
    try:
        return {"results": [result.api() for result in _search(event, event["queries"])]}
    except EmbeddingError as error:
        return {"error": str(error)}


def _output(event: Json) -> str:
    query = _query(event["arguments"])
    if query is None:
        return 'Error: bad arguments. Expected {"query": "..."}.'
    try:
        results = _search(event, [query])
    except EmbeddingError as error:
        return f"Error: {error}"
    found = [
        {"file_id": result.file_id, "file_name": result.filename, "score": result.score, "text": result.text}
        for result in _cut(results, event["most_bytes"])
    ]
    return json.dumps({"results": found, "ranking_options": event["ranking_options"]}, ensure_ascii=False)


def _query(arguments: str) -> str | None:
    """Return what the model asks for in `{"query": "..."}`, None if it asks for nothing."""
    try:
        query = json.loads(arguments)["query"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return query[:_QUERY_LENGTH] if isinstance(query, str) and query.strip() else None


def _search(event: Json, queries: list[str]) -> list[Result]:
    stores = []
    records = store(event["project"])
    for store_id in event["vector_store_ids"]:
        # In one that has expired or was deleted there is nothing to find.
        if head := records.vector_stores.searchable(store_id):
            records.vector_stores.touch(store_id, head)
            stores.append((head, list(records.vector_store_files.searchable(store_id))))
    ranking = event.get("ranking_options") or {}
    return _engine()(stores, queries, ranking, event.get("filters"), event["max_num_results"])


def _cut(results: list[Result], most_bytes: int) -> list[Result]:
    """The results with texts so short that all of them fit, those with the lowest scores left out where none would."""
    results = results[: max(1, most_bytes // _LEAST_BYTES)]
    share = most_bytes // max(1, len(results)) - _LEAST_BYTES // 2
    return [replace(result, text=_cut_text(result.text, share)) for result in results]


def _cut_text(text: str, most_bytes: int) -> str:
    while json_size(text) > most_bytes and text:
        text = text[: min(len(text) - 1, len(text) * most_bytes // json_size(text))]
    return text


@cache
def _engine() -> Search:
    client = boto3.client("s3", config=Config(max_pool_connections=16))
    bucket = configured(FileSearchTool).bucket
    index = BucketIndex(client, bucket)
    if vector_bucket := configured(FileSearchTool).vector_bucket:
        return Search(VectorsIndex(index, boto3.client("s3vectors"), vector_bucket), Parts(client, bucket))
    return Search(index, Parts(client, bucket))


startup.end(store, _engine)
