"""The versions of functions, and the aliases that outlive deployments."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cdk import stack
from cdk.configuration import ENVIRONMENTS
from tests.support.templates import Json, Template, as_list, resources, synthesise


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_role_may_invoke_every_version_of_its_targets(
    template_of: Callable[[str], Template], environment: str
) -> None:
    """A role outlives the versions that use it: each of them calls the alias that it was deployed with."""
    template = template_of(environment)
    functions = template.resources("AWS::Lambda::Function")
    granted = [
        resource
        for role in template.resources("AWS::IAM::Role")
        for statement in template.statements(role)
        if any(action.startswith(("lambda:Invoke", "lambda:*")) for action in as_list(statement["Action"]))
        for resource in resources(statement)
    ]
    assert granted
    for resource in granted:
        assert isinstance(resource, dict) and list(resource) == ["Fn::Join"], resource
        separator, [function, ending] = resource["Fn::Join"]
        assert (separator, ending) == ("", ":v*"), resource
        assert function["Fn::GetAtt"][0] in functions and function["Fn::GetAtt"][1] == "Arn"


def test_a_version_s_alias_is_never_replaced(prod: Template, changed: Template) -> None:
    """CloudFormation keeps the new half of a replacement that it rolls back: its version could not be made again."""
    before, after = (aliases_of_versions(template) for template in (prod, changed))
    versions = [set(template.resources("AWS::Lambda::Version")) for template in (prod, changed)]
    assert versions[0] != versions[1]
    for template, aliases in ((prod, before), (changed, after)):
        named = {alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]: name for name, alias in aliases.items()}
        assert named.keys() == template.resources("AWS::Lambda::Version").keys()
        assert all(version in name for version, name in named.items())


def test_a_version_outlives_the_deployment_that_replaces_it(prod: Template) -> None:
    """The alias is named after its version; both stay for the executions that were started with them."""
    aliases = aliases_of_versions(prod)
    assert len(aliases) == len(prod.functions())
    for resource in (*aliases.values(), *prod.resources("AWS::Lambda::Version").values()):
        assert resource["UpdateReplacePolicy"] == "Retain"
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    for alias in aliases.values():
        version = alias["Properties"]["FunctionVersion"]
        assert alias["Properties"]["Name"] == {"Fn::Join": ["", ["v", version]]}


def test_one_function_has_an_alias_that_moves_with_each_deployment(prod: Template, changed: Template) -> None:
    """An installation of SilvaEngine keeps the ARN of the GraphQL function, and knows nothing of deployments."""
    names, versions = [], []
    for template in (prod, changed):
        [name] = template.resources("AWS::Lambda::Alias").keys() - aliases_of_versions(template).keys()
        alias = template.resources("AWS::Lambda::Alias")[name]
        assert alias["Properties"]["Name"] == "live"
        assert template.body["Outputs"]["GraphqlFunctionArn"]["Value"] == {"Ref": name}
        names.append(name)
        versions.append(alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0])
    assert names[0] == names[1] and versions[0] != versions[1]


def aliases_of_versions(template: Template) -> dict[str, Json]:
    """The aliases that are named after their versions."""
    aliases = template.resources("AWS::Lambda::Alias")
    return {name: alias for name, alias in aliases.items() if alias["Properties"]["Name"] != "live"}


def test_a_changed_tool_is_called_by_the_next_version_of_the_model_step(prod: Template) -> None:
    """The tools' ARNs are made of their versions, so that the step publishes a version whenever a tool does."""
    tools = json.dumps(prod.functions()["oae-in_progress"]["Environment"]["Variables"]["TOOLS"])
    (version,) = [name for name in prod.resources("AWS::Lambda::Version") if name.startswith("Toolstoolfinance")]
    assert f'["{version}", "Version"]' in tools


def test_versions_are_named_as_the_cdk_names_them(
    prod: Template, tmp_path: Path, layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names are fixed before the synth: whatever it still changed of a function would not make a version."""
    monkeypatch.setattr(stack, "settle_versions", lambda _: None)
    other = synthesise(tmp_path, layers, env="prod", sample_tools="on")
    assert other.resources("AWS::Lambda::Version").keys() == prod.resources("AWS::Lambda::Version").keys()
