"""The one module that calls the embedding model: `POST /embeddings` of any compatible server, or Amazon Bedrock.

`EMBEDDING_PROVIDER` is `openai` or `bedrock`; the other variables of that prefix say where and with which key.
"""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Literal

import boto3
import openai
from botocore.config import Config
from botocore.exceptions import ClientError

from assistant_engine.records import Json
from assistant_engine.search.chunking import tokens_of

Kind = Literal["document", "query"]

_TEXTS = 256
_TOKENS = 100_000
"""Most texts and tokens of one request: OpenAI takes 2,048 and 300,000, other servers fewer."""

_RETRIES = 6
_THREADS = 4
_COHERE_TEXTS = 96


class EmbeddingError(Exception):
    """The embedding model will not serve this request; the message may be shown to the caller."""


class EmbeddingBusy(EmbeddingError):
    """It can't serve it now: it was busy, failed or was out of reach, also when asked again."""


def embed(texts: Sequence[str], settings: Json, kind: Kind, timeout: float = 60) -> list[list[float]]:
    """The vectors of texts, in their order.

    Args:
        texts: none of them empty.
        settings: `{"model", "dimensions"}`; dimensions 0 are the model's own.
        kind: some models tell what is searched from what it is searched for.
        timeout: seconds for one request. Requests are repeated after 429, 5xx and lost connections.

    Raises:
        EmbeddingBusy, EmbeddingError
    """
    provider = _bedrock if os.environ["EMBEDDING_PROVIDER"] == "bedrock" else _openai
    return [vector for batch in _batches(texts) for vector in provider(batch, settings, kind, timeout)]


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


def _openai(texts: list[str], settings: Json, kind: Kind, timeout: float) -> list[list[float]]:
    body: Json = {"model": settings["model"], "input": texts, "encoding_format": "float"}
    if settings["dimensions"]:
        body["dimensions"] = settings["dimensions"]
    try:
        answer: Any = _client().with_options(timeout=timeout).post("/embeddings", body=body, cast_to=object)
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


def _bedrock(texts: list[str], settings: Json, kind: Kind, timeout: float) -> list[list[float]]:
    model, dimensions = settings["model"], settings["dimensions"]
    if "cohere." in model:
        role = {"document": "search_document", "query": "search_query"}[kind]
        bodies: list[Json] = [
            {"texts": texts[start : start + _COHERE_TEXTS], "input_type": role, "truncate": "END"}
            for start in range(0, len(texts), _COHERE_TEXTS)
        ]
    else:  # Amazon Titan takes one text at a time.
        bodies = [{"inputText": text} | ({"dimensions": dimensions} if dimensions else {}) for text in texts]
    client = _bedrock_client()
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = list(pool.map(lambda body: _invoke(client, model, body), bodies))
    if "cohere." in model:
        return [vector for answer in answers for vector in _floats(answer["embeddings"])]
    return [answer["embedding"] for answer in answers]


def _floats(embeddings: Any) -> list[list[float]]:
    """Version 4 of Cohere's models names the type of the numbers."""
    rows: list[list[float]] = embeddings["float"] if isinstance(embeddings, dict) else embeddings
    return rows


def _invoke(client: Any, model: str, body: Json) -> Json:
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
def _bedrock_client() -> Any:
    config = Config(retries={"mode": "standard", "max_attempts": _RETRIES}, read_timeout=60)
    return boto3.client("bedrock-runtime", config=config)


@cache
def _client() -> openai.OpenAI:
    # The package itself repeats what may be repeated, with jitter, and heeds Retry-After.
    return openai.OpenAI(
        api_key=_key(), base_url=os.environ.get("EMBEDDING_BASE_URL") or None, max_retries=_RETRIES - 1
    )


def _key() -> str:
    secrets = boto3.client("secretsmanager")
    try:
        key: str = secrets.get_secret_value(SecretId=os.environ["EMBEDDING_SECRET_ARN"]).get("SecretString", "")
    except secrets.exceptions.ResourceNotFoundException:
        key = ""  # So AWS answers for a secret that was never given a value.
    if not key:
        raise EmbeddingError("This deployment has no key for its embedding model yet: see the stack's secrets.")
    return key
