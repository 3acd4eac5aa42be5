"""The deployed tools: which class and function each module has, and the Lambda that runs it.

`registry.json` lies beside this file in the engine's layer; it is generated from the tool classes when the layer is
built. The aliases come from the stack.
"""

import json
from functools import cache
from importlib import resources

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import HostedTools, ToolFunctions, configured


@cache
def deployed() -> dict[str, Json]:
    """`{module_name: {"class_name", "functions": {name: {"description", "parameters", "needs_approval"}}}}`."""
    registry: dict[str, Json] = json.loads(
        resources.files("assistant_engine.tools").joinpath("registry.json").read_text()
    )
    left_out = configured(HostedTools).left_out_tools
    return {module: described for module, described in registry.items() if module not in left_out}


def check(functions: list[Json]) -> None:
    """Check an assistant's `functions` against the deployed tools.

    Raises:
        InvalidRequest: one names a tool that is not deployed, or two have the same name.
    """
    seen = set()
    for index, entry in enumerate(functions):
        module = deployed().get(entry["module_name"], {"class_name": None, "functions": {}})
        if module["class_name"] != entry["class_name"] or entry["function_name"] not in module["functions"]:
            raise InvalidRequest(
                f"Invalid 'functions[{index}]': no deployed tool has this module_name, class_name and function_name. "
                f"Deployed are {', '.join(_names()) or 'none'}.",
                param=f"functions[{index}]",
                code="invalid_value",
            )
        if entry["function_name"] in seen:
            raise InvalidRequest(
                f"Invalid 'functions[{index}]': two functions have the same function_name.",
                param=f"functions[{index}]",
                code="invalid_value",
            )
        seen.add(entry["function_name"])


def function_tools(functions: list[Json]) -> list[Json]:
    """The tool definitions (`AssistantToolsFunction`) of an assistant's `functions`.

    Raises:
        InvalidRequest: one is not deployed any more.
    """
    check(functions)
    tools = []
    for entry in functions:
        described = _function(entry)
        offered = {name: described[name] for name in ("description", "parameters")}
        tools.append({"type": "function", "function": {"name": entry["function_name"], **offered}})
    return tools


def needs_approval(entry: Json) -> bool:
    """Return whether a call of this entry of an assistant's `functions` waits for the client's yes."""
    return bool(_function(entry)["needs_approval"] or entry.get("needs_approval"))


def _function(entry: Json) -> Json:
    function: Json = deployed()[entry["module_name"]]["functions"][entry["function_name"]]
    return function


def _names() -> list[str]:
    return [
        f"{module}/{described['class_name']}.{function}"
        for module, described in deployed().items()
        for function in described["functions"]
    ]


def alias_arn(module_name: str) -> str:
    """The Lambda alias that runs a tool module."""
    arn: str = configured(ToolFunctions).tools[module_name]
    return arn
