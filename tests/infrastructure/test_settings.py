"""The settings of the functions are what the stack sets in their environments."""

from collections.abc import Callable

import pytest

from assistant_engine.runtime.settings import (
    Api,
    CodeInterpreterTool,
    DeliverWebhook,
    Export,
    FileSearchTool,
    FineTuning,
    Graphql,
    Ingestion,
    InProgress,
    Lambda,
    Poll,
    PublishRunEvents,
    Queued,
    RecordFailure,
    RequiresAction,
    Settings,
    Stream,
    Sweeper,
    Tool,
)
from assistant_engine.runtime.speech_settings import Speech
from tests.support.templates import Template

FUNCTIONS: dict[str, type[Settings]] = {
    "api": Api,
    "speech": Speech,
    "stream": Stream,
    "poll": Poll,
    "graphql": Graphql,
    "queued": Queued,
    "in_progress": InProgress,
    "requires_action": RequiresAction,
    "record_failure": RecordFailure,
    "sweeper": Sweeper,
    "publish_run_events": PublishRunEvents,
    "deliver_webhook": DeliverWebhook,
    "export": Export,
    "fine_tuning": FineTuning,
    "ingestion": Ingestion,
    "tool-code_interpreter": CodeInterpreterTool,
    "tool-file_search": FileSearchTool,
    "tool-finance": Tool,
    "tool-registers": Tool,
}

OWN = {
    "tool-finance": {"MAIL_SENDER", "STOCK_PRICE_URL", "COUNTRY_FACTS_URL"},  # declared in its tool.toml
    "stream": {"AWS_LAMBDA_EXEC_WRAPPER"},  # read by Lambda
}

WITHOUT_THE_ENGINE = {"console", "copy_libraries", "delete_old_versions", "prefix_list", "protect_tables", "sandbox"}


@pytest.fixture(scope="module")
def templates(
    template_of: Callable[..., Template], prod: Template, on_bedrock: Template, configured: Template
) -> list[Template]:
    """Every kind of deployment that sets other variables."""
    hosted = template_of("dev", code_interpreter="hosted", file_search="hosted")
    return [prod, template_of("dev"), on_bedrock, hosted, configured]


def variables(template: Template) -> dict[str, set[str]]:
    """The names of the variables of each function, by its name without the environment's prefix."""
    functions = template.functions()
    prefix = next(name for name in functions if name.endswith("-in_progress")).removesuffix("in_progress")
    return {
        name.removeprefix(prefix): set(function.get("Environment", {}).get("Variables", {}))
        for name, function in functions.items()
    }


def names(kind: type[Settings]) -> set[str]:
    """Return the settings that the stack sets: Lambda itself sets the rest."""
    return {name.upper() for name in kind.fields().keys() - Lambda.fields().keys()}


def required(kind: type[Settings]) -> set[str]:
    return {name.upper() for name in kind.fields() if not hasattr(kind, name)}


def test_every_function_finds_the_settings_that_it_reads(templates: list[Template]) -> None:
    for template in templates:
        for function, found in variables(template).items():
            if function in FUNCTIONS:
                missing = required(FUNCTIONS[function]) - found
                assert not missing, f"{function} lacks {missing}"


def test_every_variable_that_the_stack_sets_is_a_setting(templates: list[Template]) -> None:
    """Whatever may be missing in one deployment is set in another."""
    found: dict[str, set[str]] = {}
    for template in templates:
        for function, there in variables(template).items():
            found.setdefault(function, set()).update(there)
    expected = {function: names(kind) | OWN.get(function, set()) for function, kind in FUNCTIONS.items()}
    assert {function: there for function, there in found.items() if function in FUNCTIONS} == expected


def test_every_function_of_the_engine_has_settings(templates: list[Template]) -> None:
    known = FUNCTIONS.keys() | WITHOUT_THE_ENGINE
    assert {function for template in templates for function in variables(template)} - known == set()
