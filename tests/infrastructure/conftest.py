"""The synthesised template of each environment, made once; no account, network or real layer is needed."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.configuration import configuration_of
from cdk.stack import AssistantsStack
from layers.build import pack

ROOT = Path(__file__).parent.parent.parent
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]

Json = dict[str, Any]


class Template:
    """A synthesised template.

    Attributes:
        body: the template.
        path: its file.
        accepted: cdk-nag's findings that are acknowledged, as (rule, reason).
    """

    def __init__(self, assembly: Path) -> None:
        (self.path,) = assembly.glob("*.template.json")
        self.body: Json = json.loads(self.path.read_text())
        report = json.loads((assembly / "validation-report.json").read_text())
        self.accepted = [
            (finding["ruleName"], finding["reason"])
            for plugin in report["pluginReports"]
            for finding in plugin["suppressedViolations"]
        ]

    def resources(self, kind: str) -> dict[str, Json]:
        """The resources of a type (`AWS::Lambda::Function`) by logical id."""
        return {name: body for name, body in self.body["Resources"].items() if body["Type"] == kind}

    def properties(self, kind: str) -> list[Json]:
        """The properties of each resource of a type."""
        return [body["Properties"] for body in self.resources(kind).values()]

    def functions(self) -> dict[str, Json]:
        """The functions' properties by name."""
        return {body["FunctionName"]: body for body in self.properties("AWS::Lambda::Function")}

    def statements(self, role: str) -> list[Json]:
        """The statements of the policies attached to a role, named by its logical id."""
        return [
            statement
            for policy in self.properties("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def definition(self) -> Json:
        """The state machine's definition, its substitutions not made."""
        (machine,) = self.properties("AWS::StepFunctions::StateMachine")
        definition: Json = json.loads(machine["DefinitionString"])
        return definition


def synthesise(folder: Path, layers: Path, **context: str) -> Template:
    """Synthesise as `app.py` does, cdk-nag included, with these layers."""
    app = App(context={**CONTEXT, **context}, outdir=str(folder))
    AssistantsStack(app, configuration_of(app.node.try_get_context), layer_cache=layers)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()
    return Template(folder)


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of layers that hold one small module each."""
    return fill_cache(tmp_path_factory.mktemp("layers"))


def fill_cache(cache_folder: Path, changed: str = "") -> Path:
    """Fill a folder with small layers, one of them other than usual."""
    libraries = [f"library-{path.name}" for path in (ROOT / "layers" / "libraries").iterdir()]
    layers = ("engine", "openai", "parsers", "powertools", "python_data", "standardwebhooks", "tool-file_search")
    for name in (*layers, *libraries):
        folder = cache_folder / "lambda" / name
        (folder / "python").mkdir(parents=True)
        (folder / "python" / f"{name.replace('-', '_')}_stub.py").write_text(
            f"NAME = {'changed' if name == changed else name!r}\n"
        )
        pack(folder, cache_folder / "lambda" / f"{name}.zip")
    return cache_folder


@pytest.fixture(scope="session")
def template_of(tmp_path_factory: pytest.TempPathFactory, layers: Path) -> Iterator[Callable[[str], Template]]:
    """The template of an environment, by its name."""

    @cache
    def synthesised(environment: str) -> Template:
        return synthesise(tmp_path_factory.mktemp(environment), layers, env=environment)

    yield synthesised


@pytest.fixture(scope="session")
def prod(template_of: Callable[[str], Template]) -> Template:
    """The template of `prod`."""
    return template_of("prod")
