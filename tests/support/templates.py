"""Synthesises templates without real layers, an account or a network, and reads them."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.configuration import configuration_of
from cdk.stack import AssistantsStack
from layers.build import pack
from layers.tool_folders import tool_folders

ROOT = Path(__file__).parent.parent.parent


CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]


Json = dict[str, Any]


CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0b9a"
WEB_ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/mine/0b9a"
WEBHOOK_URL = "https://hooks.example.com/runs"
"""Values for settings that name resources of the user's own."""


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
    """Synthesise as `app.py` does, cdk-nag included, with these layers.

    The CDK's own rules only warn, and take longer than all else; cfn-lint has them.
    """
    app = App(context={**CONTEXT, **context}, outdir=str(folder), builtin_cloud_formation_validation=False)
    AssistantsStack(app, configuration_of(app.node.try_get_context), layer_cache=layers)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()
    return Template(folder)


def fill_cache(cache_folder: Path, changed: str = "") -> Path:
    """Fill a folder with small layers, one of them other than usual."""
    libraries = [f"library-{path.name}" for path in (ROOT / "layers" / "libraries").iterdir()]
    layers = ("engine", "graphql", "openai", "parsers", "powertools", "python_data", "speech", "standardwebhooks")
    tools = [tool.layer for tool in tool_folders() if tool.lock]
    for name in (*layers, *tools, *libraries):
        folder = cache_folder / "lambda" / name
        (folder / "python").mkdir(parents=True)
        (folder / "python" / f"{name.replace('-', '_')}_stub.py").write_text(
            f"NAME = {'changed' if name == changed else name!r}\n"
        )
        pack(folder, cache_folder / "lambda" / f"{name}.zip", level=1)
    return cache_folder


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def resources(statement: Json) -> list[str | Json]:
    value = statement["Resource"]
    return value if isinstance(value, list) else [value]


def role_of(function: Json) -> str:
    name: str = function["Role"]["Fn::GetAtt"][0]
    return name


def actions(template: Template, function: str) -> dict[str, set[str]]:
    """The actions that a function may do, by service."""
    allowed: dict[str, set[str]] = {}
    for statement in template.statements(role_of(template.functions()[function])):
        for action in as_list(statement["Action"]):
            service, _, name = action.partition(":")
            allowed.setdefault(service, set()).add(name)
    return allowed
