"""The one module that calls the embedding model: `POST /embeddings` of any compatible server, or Amazon Bedrock."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
import openai
from botocore.config import Config
from botocore.exceptions import ClientError

from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import EmbeddingClient, configured
from assistant_engine.search.chunking import tokens_of

if TYPE_CHECKING:
    from types_boto3_bedrock_runtime import BedrockRuntimeClient
    from types_boto3_secretsmanager import SecretsManagerClient

Kind = Literal["document", "query"]

_TEXTS = 96
_TOKENS = 16_000
"""Most texts and tokens of one request: hosted models take far more, but a small machine must answer in time, too."""

_AT_ONCE = 4
_PATIENCE = {"document": (300, 6), "query": (20, 2)}
"""Seconds for one request, and how often it is made in all: somebody waits for a query."""


class EmbeddingError(Exception):
    """The embedding model will not serve this request; the message may be shown to the caller."""


class EmbeddingBusy(EmbeddingError):
    """It can't serve it now: it was busy, failed or was out of reach, also when asked again."""


def embed(
    texts: Sequence[str], settings: Json, kind: Kind, made: Callable[[int], None] = lambda count: None
) -> list[list[float]]:
    """The vectors of texts, in their order.

    Args:
        texts: none of them empty.
        settings: `{"model", "dimensions"}`; dimensions 0 are the model's own.
        kind: some models tell what is searched from what it is searched for.
        made: is told now and then how many of the vectors are there.

    Requests are repeated after a 429, a 5xx or a lost connection.

    Raises:
        EmbeddingBusy, EmbeddingError
    """
    provider = _bedrock if configured(EmbeddingClient).embedding_provider == "bedrock" else _openai
    batches = list(_batches(texts))
    if len(batches) == 1:
        return provider(batches[0], settings, kind)
    vectors: list[list[float]] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for some in pool.map(lambda batch: provider(batch, settings, kind), batches):
            vectors += some
            made(len(vectors))
    return vectors


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    tokens = 0
    for text in texts:
        size = tokens_of(text)
        if batch and (len(batch) == _TEXTS or tokens + size > _TOKENS):
            yield batch
            batch, tokens = [], 0
        batch.append(text)
        tokens += size
    if batch:
        yield batch


def _openai(texts: list[str], settings: Json, kind: Kind) -> list[list[float]]:
    timeout, attempts = _PATIENCE[kind]
    # The package itself repeats what may be repeated, with jitter, and heeds Retry-After.
    client = _client().with_options(timeout=timeout, max_retries=attempts - 1)
    body: Json = {"model": settings["model"], "input": texts, "encoding_format": "float"}
    if settings["dimensions"]:
        body["dimensions"] = settings["dimensions"]
    try:
        answer: Any = client.post("/embeddings", body=body, cast_to=object)
    except openai.APIStatusError as error:
        if error.status_code in (408, 409, 429) or error.status_code >= 500:
            raise EmbeddingBusy("The embedding model is busy or failed.") from None
        if error.status_code in (401, 403):
            # The server's own words may repeat a part of the key. A new key in the secret is read by the next call.
            _client.cache_clear()
            raise EmbeddingError("The embedding model's server does not accept the key of this deployment.") from None
        raise EmbeddingError(f"The embedding model refused the text (status {error.status_code}).") from None
    except openai.APIConnectionError:
        raise EmbeddingBusy("The embedding model could not be reached in time.") from None
    try:
        rows = sorted(answer["data"], key=lambda row: int(row["index"]))
        vectors = [[float(value) for value in row["embedding"]] for row in rows]
    except (KeyError, TypeError, ValueError):
        raise EmbeddingError("The embedding model's server answered with something that is no embedding.") from None
    if len(vectors) != len(texts):
        raise EmbeddingError("The embedding model's server answered with another number of vectors.")
    return vectors


def _bedrock(texts: list[str], settings: Json, kind: Kind) -> list[list[float]]:
    model, dimensions = settings["model"], settings["dimensions"]
    client = _bedrock_client()
    if "cohere." in model:
        role = {"document": "search_document", "query": "search_query"}[kind]
        answer = _invoke(client, model, {"texts": texts, "input_type": role, "truncate": "END"})
        return _floats(answer["embeddings"])
    # Amazon Titan takes one text at a time.
    sized = {"dimensions": dimensions} if dimensions else {}
    return [_invoke(client, model, {"inputText": text, **sized})["embedding"] for text in texts]


def _floats(embeddings: Any) -> list[list[float]]:
    """Version 4 of Cohere's models names the type of the numbers."""
    rows: list[list[float]] = embeddings["float"] if isinstance(embeddings, dict) else embeddings
    return rows


def _invoke(client: "BedrockRuntimeClient", model: str, body: Json) -> Json:
    try:
        answer = client.invoke_model(modelId=model, body=json.dumps(body))
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status in (424, 429) or status >= 500:
            raise EmbeddingBusy("The embedding model is busy or failed.") from None
        code = error.response["Error"]["Code"]
        raise EmbeddingError(f"The embedding model refused the text ({code}).") from None
    parsed: Json = json.loads(answer["body"].read())
    return parsed


@cache
def _bedrock_client() -> "BedrockRuntimeClient":
    config = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=2, read_timeout=60)
    client: BedrockRuntimeClient = boto3.client("bedrock-runtime", config=config)
    return client


@cache
def _client() -> openai.OpenAI:
    return openai.OpenAI(api_key=_key(), base_url=configured(EmbeddingClient).embedding_base_url or None)


def _key() -> str:
    secrets: SecretsManagerClient = boto3.client("secretsmanager")
    try:
        key: str = secrets.get_secret_value(SecretId=configured(EmbeddingClient).embedding_secret_arn).get(
            "SecretString", ""
        )
    except secrets.exceptions.ResourceNotFoundException:
        key = ""  # So AWS answers for a secret that was never given a value.
    if not key:
        raise EmbeddingError("This deployment has no key for its embedding model yet: see the stack's secrets.")
    return key
