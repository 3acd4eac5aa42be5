"""The model that the local stack calls: what the environment names, whether it may, what its server says of itself."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local import given
from local.processes import LocalError

NO_KEY = "none"
"""Stands for the key of a server that asks for none: the `openai` package sends one in any case."""

OPENAI = "https://api.openai.com/v1"
ASK_SECONDS = 5

_SETTINGS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "MODEL_ALIASES", "EMBEDDING_MODEL")


@dataclass(frozen=True)
class ModelChoice:
    """A model of a server.

    Attributes:
        base_url: of the server's API; empty for OpenAI's own.
        model: its name; empty for the one of the configuration.
        aliases: the setting `model_aliases`.
        embedding_model: of the same server; empty for the packaged one, or OpenAI's.
    """

    key: str
    base_url: str = ""
    model: str = ""
    aliases: str = ""
    embedding_model: str = ""

    @property
    def context(self) -> dict[str, str]:
        """Return what the CDK is told of it."""
        named = {"model": self.model, "model_base_url": self.base_url, "model_aliases": self.aliases}
        return {name: value for name, value in named.items() if value}


def chosen() -> ModelChoice | None:
    """Return the model that the environment, or else a `.env` file, names; None where it names neither key nor server.

    `OPENAI_BASE_URL` without a key is enough: Ollama, llama.cpp and vLLM ask for none. Empty values count as unset.

    Raises:
        LocalError: the server is a stack of this project, which would become its own model.
    """
    settings = {name: value for name, value in given.settings().items() if name in _SETTINGS}
    if not settings.keys() & {"OPENAI_API_KEY", "OPENAI_BASE_URL"}:
        return None
    base_url = settings.get("OPENAI_BASE_URL", "")
    key = settings.get("OPENAI_API_KEY", NO_KEY)
    if why := _own(base_url, key):
        raise LocalError(
            f"{why} A stack can't be its own model. For the offline model, unset OPENAI_BASE_URL and OPENAI_API_KEY;"
            " for another one, name its own server and key (docs/models.md)."
        )
    return ModelChoice(
        key,
        base_url,
        settings.get("OPENAI_MODEL", ""),
        settings.get("MODEL_ALIASES", ""),
        settings.get("EMBEDDING_MODEL", ""),
    )


def _own(base_url: str, key: str) -> str:
    """Say why a server is a stack of ours; empty if it is none: by its key, its address, or what it says of itself."""
    if key.startswith("sk-oae-"):
        return "OPENAI_API_KEY is a key of this project's API (sk-oae-...)."
    if not base_url:
        return ""
    address = urlsplit(base_url)
    if ".execute-api." in f".{address.hostname or ''}" or "/_aws/execute-api/" in address.path:
        return f"OPENAI_BASE_URL ({_shown(base_url)}) is the address of a stack's API."
    status, body = _get(f"{_root(base_url)}/openapi.json", "")
    info = body.get("info") if status == 200 and isinstance(body, dict) else None
    if isinstance(info, dict) and "/assistants" in str(sorted(body.get("paths", {}))):
        return f"At OPENAI_BASE_URL ({_shown(base_url)}) there is an Assistants API."
    return ""


def report() -> str:
    """Return what the server of the chosen model says of itself; empty where the offline model answers."""
    choice = chosen()
    return found(choice) if choice else ""


def found(choice: ModelChoice) -> str:
    """Ask the model's server once which models it has; return a sentence that says what it answered."""
    base_url = choice.base_url or OPENAI
    where = f"The model's server at {_shown(base_url)}"
    status, body = _get(f"{_root(base_url)}/models", choice.key)
    if status is None:
        return f"{where} does not answer ({body}): runs wait and try again. Is it started?"
    if status in (401, 403):
        return f"{where} refuses the key (status {status}): set OPENAI_API_KEY."
    names = _names(body) if status == 200 else None
    if names is None:
        return f"{where} answers, but lists no models (status {status} for GET /models)."
    if not choice.model:
        return f"{where} has {len(names)} models. Set OPENAI_MODEL to name the one that answers."
    # Ollama lists `llama3.2:latest`, and takes `llama3.2` for it.
    if choice.model in names or f"{choice.model}:latest" in names:
        return f"{where} has the model {choice.model}."
    some = ", ".join(names[:8]) or "none"
    return f"{where} has no model {choice.model}: runs on it will fail. It has {some}."


def _root(base_url: str) -> str:
    return base_url.rstrip("/")


def _shown(base_url: str) -> str:
    """Return an address without what may be a secret in it."""
    address = urlsplit(base_url)
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"


def _names(body: Any) -> list[str] | None:
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, list):
        return None
    return [str(each["id"]) for each in data if isinstance(each, Mapping) and "id" in each]


def _get(url: str, key: str) -> tuple[int | None, Any]:
    """Return status and JSON of an answer (None if it is no JSON); without an answer, None and why."""
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
            return answer.status, _json(answer.read(2_000_000))
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return None, getattr(reason, "strerror", None) or type(reason).__name__


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
