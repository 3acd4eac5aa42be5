"""Gives a client of the local stack what it needs: address, key, the files that hold both, and a first program."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assistants import keys, private

KEY_NAME = "local"

PYTHON = """\
from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key="{api_key}")
assistant = client.beta.assistants.create(
    model="{model}", instructions="You are a maths tutor.", tools=[{{"type": "code_interpreter"}}]
)
run = client.beta.threads.create_and_run_poll(
    assistant_id=assistant.id, thread={{"messages": [{{"role": "user", "content": "Solve 3x + 11 = 14."}}]}}
)
for message in client.beta.threads.messages.list(run.thread_id, run_id=run.id):
    print(message.content[0].text.value)
"""

JAVASCRIPT = """\
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base_url}", apiKey: "{api_key}" }});
const assistant = await client.beta.assistants.create({{
  model: "{model}", instructions: "You are a maths tutor.", tools: [{{ type: "code_interpreter" }}],
}});
const run = await client.beta.threads.createAndRunPoll({{
  assistant_id: assistant.id, thread: {{ messages: [{{ role: "user", content: "Solve 3x + 11 = 14." }}] }},
}});
for await (const message of client.beta.threads.messages.list(run.thread_id, {{ run_id: run.id }})) {{
  console.log(message.content[0].text.value);
}}
"""

INTRODUCTION = """\
Address        {base_url}
Key            {api_key}
Console        {base_url}/console
Documentation  {base_url}/docs
Azure          {azure_endpoint}
GraphQL        {graphql_url}

Python (pip install openai; `.venv/bin/python` has it):

{python}
JavaScript (npm install openai; in a file that ends in .mjs):

{javascript}
The Python package warns that OpenAI deprecated this API: `-W ignore::DeprecationWarning` silences it.
`make chat` talks to it here. `set -a; . .local/openai.env; set +a` sets OPENAI_BASE_URL and OPENAI_API_KEY for any
client; `.local/env` holds all settings, of the embedded AWS too. `make down` stops the stack; address and key stay.
"""


def base_url(url: str, port: int) -> str:
    """Return an address of the stack's API as this machine reaches it, whatever its resolver knows.

    Args:
        url: as the stack put it out.
        port: the embedded AWS's.
    """
    # Not every resolver knows the names under localhost that the embedded AWS gives to its APIs.
    api = urlsplit(url)
    return f"http://127.0.0.1:{port}/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}"


def api_key(directory: Path, secrets: Any, secret_id: str) -> str:
    """Return the key of the local stack, which it is given anew each time: it outlives the stack in `directory`.

    Args:
        secrets: boto3's client of Secrets Manager.
        secret_id: what holds the stack's keys.
    """
    file = directory / "api_key"
    if not file.is_file():
        private.write(file, keys.new())
    key = file.read_text()
    digest = hashlib.sha256(key.encode()).hexdigest()
    valid = keys.read(secrets, secret_id)
    if any(entry["hash"] == digest for entry in valid):
        return key
    if any(entry["name"] == KEY_NAME for entry in valid):
        keys.revoke(secrets, secret_id, KEY_NAME)
    return keys.issue(secrets, secret_id, KEY_NAME, key=key)


def write(directory: Path, settings: Mapping[str, str]) -> None:
    """Write `env`, with all settings, and `openai.env`, with what the `openai` packages read and nothing of AWS."""
    clients = {"OPENAI_BASE_URL": settings["ASSISTANTS_BASE_URL"], "OPENAI_API_KEY": settings["ASSISTANTS_API_KEY"]}
    private.write(directory / "env", _lines(settings))
    private.write(directory / "openai.env", _lines(clients))


def introduction(settings: Mapping[str, str], model: str) -> str:
    """Return what somebody needs first: address, key, console, documentation, and a program in two languages."""
    shown = {
        "base_url": settings["ASSISTANTS_BASE_URL"],
        "api_key": settings["ASSISTANTS_API_KEY"],
        "graphql_url": settings["GRAPHQL_URL"],
        "azure_endpoint": settings["ASSISTANTS_AZURE_ENDPOINT"],
        "model": model,
    }
    return INTRODUCTION.format(**shown, python=PYTHON.format(**shown), javascript=JAVASCRIPT.format(**shown))


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())
