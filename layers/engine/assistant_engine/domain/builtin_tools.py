"""The built-in tools `code_interpreter` and `file_search`: to the model functions like others, to the API more.

A call is kept as the function call that the model made, and its output as the JSON text that the tool's Lambda gave:

- `code_interpreter`: `{"logs": str, "files": [{"file_id", "filename", "path", "image": bool}]}`
- `file_search`: `{"results": [{"file_id", "file_name", "score", "text"}], "ranking_options"}`

An output that is no such JSON (the tool died, say) counts as text alone.

A deployment may leave either tool to the model's provider, which then carries the calls out itself. What it did is kept
in the same shapes.
"""

import json
from collections.abc import Collection
from typing import Final, NamedTuple

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json, dicts_of, well_formed

FUNCTIONS: Final[dict[str, Json]] = {
    "code_interpreter": {
        "name": "code_interpreter",
        "description": "Runs Python code and tells what it printed. Variables and files last from call to call of this"
        " conversation. The user's files are in /mnt/data; link a file that you write there for the user as"
        " [name](sandbox:/mnt/data/name). Charts of matplotlib are shown to the user. There is no network.",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "The Python code."}},
            "required": ["code"],
            "additionalProperties": False,
        },
    },
    "file_search": {
        "name": "file_search",
        "description": "Searches the user's documents. Cite each passage that you use by repeating the mark that stands"
        " before it, such as 【0:1†guide.pdf】.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for, in a sentence."}},
            "required": ["query"],
            "additionalProperties": False,
        },
    },
}
"""What the model is offered for each built-in tool. No other function of a run may have one of these names."""

DEFAULT_RESULTS = 20
"""Results of a search unless the tool says otherwise, as the API has it."""

INCLUDED: Final = {
    "code_interpreter": "code_interpreter_call.outputs",
    "file_search": "file_search_call.results",
}
"""What a request to the model asks to have told of the calls that its provider carries out."""

CARRIED_OUT: Final = {"code_interpreter_call": "code_interpreter", "file_search_call": "file_search"}
"""The output items of the Responses API that are calls which the provider carried out, and the tool that each is of."""


class Result(NamedTuple):
    """A call of a built-in tool that has its output.

    Attributes:
        number: of the call, counted through the run; what it found is cited by it.
        turn: the turn of the run that made the call.
        name: of the tool.
        output: as the tool's Lambda gave it.
    """

    number: int
    turn: int
    name: str
    output: str

    def parsed(self) -> Json:
        """The output's JSON, complete whatever the tool gave."""
        blank: Json = {"logs": self.output, "files": []} if self.name == "code_interpreter" else {"results": []}
        try:
            given = json.loads(self.output)
        except ValueError:
            return blank
        return given if isinstance(given, dict) and set(blank) <= set(given) else blank


def tell(calls: list[list[Json]], outputs: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[Result]]:
    """The outputs as the model is told them, and those of built-in tools as results.

    Args:
        calls: of each turn that called tools, as they are kept. In a run that goes on, that is each turn so far.
        outputs: of the calls in each of those turns, by call id.
    """
    results: list[Result] = []
    said: list[dict[str, str]] = []
    for turn, (made, given) in enumerate(zip(calls, outputs, strict=True)):
        said.append(dict(given))
        for call in made:
            name = call["function"]["name"]
            if name in FUNCTIONS and call["id"] in given:
                results.append(Result(len(results), turn, name, given[call["id"]]))
                said[turn][call["id"]] = told(results[-1])
    return said, results


def offered(tools: list[Json], hosted: Collection[str]) -> list[str]:
    """Return the names of the built-in tools among a run's tools that are functions of ours.

    Args:
        hosted: the built-in tools that the deployment leaves to the model's provider.
    """
    return [tool["type"] for tool in tools if tool["type"] in FUNCTIONS and tool["type"] not in hosted]


def hosted_tools(
    tools: list[Json], hosted: Collection[str], file_ids: list[str], vector_store_ids: list[str]
) -> dict[str, Json | None]:
    """Return those of a run's tools that the provider has, by type, as the Responses API describes them.

    Args:
        hosted: the built-in tools that the deployment leaves to the model's provider.
        file_ids: of the provider's files, for its code interpreter.
        vector_store_ids: of its vector stores. Without one, its file search is None: the API takes no empty list.
    """
    wanted = {tool["type"] for tool in tools if tool["type"] in hosted}
    described: dict[str, Json | None] = {}
    if "code_interpreter" in wanted:
        container = {"type": "auto", **({"file_ids": file_ids} if file_ids else {})}
        described["code_interpreter"] = {"type": "code_interpreter", "container": container}
    if "file_search" in wanted:
        options = search_options(tools)
        # The rankers have other names there; "auto" is the one that both APIs know.
        ranking = {"ranker": "auto", "score_threshold": options["ranking_options"]["score_threshold"]}
        search = {**options, "ranking_options": ranking, "vector_store_ids": vector_store_ids}
        described["file_search"] = {"type": "file_search", **search} if vector_store_ids else None
    return described


def carried_out(item: Json) -> tuple[Json, str]:
    """A call that the provider carried out: the function, as if it were ours, and its output.

    What the provider's code drew or wrote stays in its container; of what it found only what is complete is kept.

    Args:
        item: `code_interpreter_call` or `file_search_call` of the Responses API, whatever is in it.
    """
    name = CARRIED_OUT[item["type"]]
    if name == "code_interpreter":
        arguments: Json = {"code": item["code"] if isinstance(item.get("code"), str) else ""}
        logs = [each["logs"] for each in dicts_of(item.get("outputs")) if isinstance(each.get("logs"), str)]
        output: Json = {"logs": "\n".join(logs), "files": []}
    else:
        arguments = {"queries": item.get("queries")}
        found = [each for each in dicts_of(item.get("results")) if isinstance(each.get("file_id"), str)]
        output = {"results": [_result(each) for each in found]}
    return {"name": name, "arguments": json.dumps(arguments), "output": None}, json.dumps(output)


def _result(found: Json) -> Json:
    score = found.get("score")
    return {
        "file_id": found["file_id"],
        "file_name": str(found.get("filename") or ""),
        "score": min(1.0, max(0.0, score)) if isinstance(score, int | float) else 0.0,
        "text": str(found.get("text") or ""),
    }


def check_names(tools: list[Json]) -> None:
    """Check that no function has the name of a built-in tool.

    Raises:
        InvalidRequest: one has.
    """
    for index, tool in enumerate(tools):
        if tool["type"] == "function" and tool["function"]["name"] in FUNCTIONS:
            param = f"tools[{index}].function.name"
            raise InvalidRequest(
                f"Invalid '{param}': '{tool['function']['name']}' is the name of a built-in tool.",
                param=param,
                code="invalid_value",
            )


def search_options(tools: list[Json]) -> Json:
    """Return what a run's `file_search` tool says of the search, complete: `{"max_num_results", "ranking_options"}`."""
    given = next((tool.get("file_search") or {} for tool in tools if tool["type"] == "file_search"), {})
    ranking = {"ranker": "auto", "score_threshold": 0.0, **(given.get("ranking_options") or {})}
    return {"max_num_results": given.get("max_num_results") or DEFAULT_RESULTS, "ranking_options": ranking}


def told(result: Result) -> str:
    """The output as the model is told it."""
    parsed = result.parsed()
    if result.name == "code_interpreter":
        parts = [parsed["logs"]] if parsed["logs"] else []
        if shown := sum(file["image"] for file in parsed["files"]):
            parts.append(f"[{shown} figure{'s' * (shown > 1)} shown to the user]")
        if written := [file["path"] for file in parsed["files"] if not file["image"]]:
            parts.append(f"[files given to the user: {', '.join(written)}]")
        return "\n".join(parts) or "[nothing was printed]"
    passages = [
        f"{mark(result.number, index, found['file_name'])}\n{found['text']}"
        for index, found in enumerate(parsed["results"])
    ]
    return "\n\n".join(passages) or (result.output if result.output.startswith("Error") else "Nothing was found.")


def mark(number: int, index: int, filename: str) -> str:
    """Return the mark by which the model cites a passage: the call's number, the passage's, and the file's name."""
    return f"【{number}:{index}†{filename}】"


def shown(call: Json, output: str | None, *, contents: bool) -> Json:
    """A call as the run step shows it: `RunStepDetailsToolCallsCodeObject`, `RunStepDetailsToolCallsFileSearchObject`.

    Args:
        call: `RunStepDetailsToolCallsFunctionObject`, as it is kept.
        output: None while there is none.
        contents: whether the text that was found is shown.
    """
    name = call["function"]["name"]
    parsed: Json = {"logs": "", "files": [], "results": []}
    if output is not None:
        parsed = Result(0, 0, name, output).parsed()
    if name == "code_interpreter":
        outputs: list[Json] = [{"type": "logs", "logs": parsed["logs"]}] if parsed["logs"] else []
        outputs += [
            {"type": "image", "image": {"file_id": file["file_id"]}} for file in parsed["files"] if file["image"]
        ]
        return {"id": call["id"], "type": name, name: {"input": code_of(call), "outputs": outputs}}
    results = []
    for found in parsed["results"]:
        result = {member: found[member] for member in ("file_id", "file_name", "score")}
        results.append({**result, "content": [{"type": "text", "text": found["text"]}]} if contents else result)
    ranking = {"ranking_options": parsed["ranking_options"]} if "ranking_options" in parsed else {}
    return {"id": call["id"], "type": name, name: {**ranking, "results": results}}


def code_of(call: Json) -> str:
    """The code of a call; the arguments as they are if they hold none."""
    arguments: str = call["function"]["arguments"]
    try:
        code = json.loads(arguments)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return arguments
    return well_formed(code) if isinstance(code, str) else arguments


def fresh_images(results: list[Result], since: int) -> list[str]:
    """Return the ids of the images that code made in this turn or later: a message shows them before its text."""
    files = [
        file for each in results if each.name == "code_interpreter" and each.turn >= since for file in _files(each)
    ]
    return [file["file_id"] for file in files if file["image"]]


def _files(result: Result) -> list[Json]:
    files: list[Json] = result.parsed()["files"]
    return files
