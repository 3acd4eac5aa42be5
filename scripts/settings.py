"""Writes docs/settings.md: every setting of `cdk/configuration.py` with its default, its values and what it is."""

import json
import re
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any

from assistants.stack import ROOT
from cdk.configuration import ENVIRONMENTS, OVERRIDES, Configuration, SandboxLimits, configuration_of

PAGE = ROOT / "docs" / "settings.md"

INTRODUCTION = """\
# Settings

`make docs` generates this page from `cdk/configuration.py`. A setting is a field of an environment there. Those with a
mark under `-c` can also be given to one deployment, `cdk deploy -c env=dev -c model=gpt-6-luna`
(`make deploy ENV=dev SAY="-c model=..."`), or kept in the `context` of `cdk.json`.

The settings of one tool are in its [`tool.toml`](adding-a-tool.md#2-the-function).
"""


def page() -> str:
    """Return the page."""
    environments = list(ENVIRONMENTS)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    deployed = [configuration_of({**context, "env": name}.get) for name in environments]
    lines = [
        INTRODUCTION,
        f"| setting | default | {' | '.join(f'`{name}`' for name in environments)} | `-c` | what it is |",
        f"|---|---|{'---|' * len(environments)}---|---|",
    ]
    texts = documented(Configuration)
    for field in fields(Configuration):
        if field.name != "sandbox_limits":
            default, values = _default(field), [_shown(getattr(one, field.name)) for one in deployed]
            own = ["" if value == default else value for value in values]
            mark = "✓" if field.name in OVERRIDES else ""
            lines.append(f"| {' | '.join([f'`{field.name}`', default, *own, mark, texts[field.name]])} |")
    lines += [
        "\n## Limits of the code interpreter\n",
        "`sandbox_limits` of an environment, `SandboxLimits(seconds=120)`, limits one call: see",
        "[code-interpreter.md](code-interpreter.md).\n",
        "| limit | default | what it is |",
        "|---|---|---|",
    ]
    texts = documented(SandboxLimits)
    lines += [f"| `{field.name}` | {_default(field)} | {texts[field.name]} |" for field in fields(SandboxLimits)]
    return "\n".join(lines) + "\n"


def documented(cls: Any) -> dict[str, str]:
    """Return what the `Attributes` of a dataclass's docstring say about each field.

    Raises:
        ValueError: a field is not documented, or something that is no field is.
    """
    _, _, attributes = str(cls.__doc__).partition("Attributes:\n")
    found = re.findall(r"(?ms)^ {8}(\w+): (.*?)(?=^ {8}\w+: |\Z)", attributes)
    texts = {name: " ".join(text.split()) for name, text in found}
    names = [field.name for field in fields(cls)]
    if sorted(names) != sorted(texts):
        raise ValueError(f"{cls.__name__}: documented are {sorted(texts)}, but its fields are {sorted(names)}")
    return {name: _cell(text[0].upper() + text[1:]) for name, text in texts.items()}


def _default(field: "Field[Any]") -> str:
    if field.default_factory is not MISSING:
        return _shown(field.default_factory())
    return "" if field.default is MISSING else _shown(field.default)


def _shown(value: object) -> str:
    if value in ("", (), {}):
        return "none"
    return f"`{value.name if isinstance(value, Enum) else value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}")
