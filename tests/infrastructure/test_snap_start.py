"""SnapStart: which functions start from snapshots, and what deletes the versions whose snapshots nobody needs."""

import json

import pytest

from cdk.configuration import UnknownEnvironment, configuration_of
from tests.support.templates import CONTEXT, Template, resources

AWAITED = {"oae-dev-api", "oae-dev-stream", "oae-dev-poll", "oae-dev-queued", "oae-dev-in_progress"}


def test_no_function_has_a_snapshot_unless_asked(prod: Template) -> None:
    assert not [name for name, function in prod.functions().items() if "SnapStart" in function]
    assert "oae-delete_old_versions" not in prod.functions()


def test_functions_that_people_wait_for_start_from_snapshots(configured: Template) -> None:
    found = {name: function for name, function in configured.functions().items() if "SnapStart" in function}
    assert found.keys() == AWAITED
    for function in found.values():
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        # What AWS does not combine with it: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html.
        assert function["Runtime"] == "python3.14" and function.get("PackageType", "Zip") == "Zip"
        assert function.keys().isdisjoint({"FileSystemConfigs", "TenancyConfig", "EphemeralStorage"})
    for version in (*configured.properties("AWS::Lambda::Version"), *configured.properties("AWS::Lambda::Alias")):
        assert "ProvisionedConcurrencyConfig" not in version


def test_old_versions_of_just_these_functions_are_deleted_each_day(configured: Template) -> None:
    """The event names the versions that are deployed; a role that deletes versions can't delete a function."""
    [rule] = [
        rule for rule in configured.properties("AWS::Events::Rule") if rule.get("ScheduleExpression") == "rate(1 day)"
    ]
    [[separator, parts]] = [target["Input"]["Fn::Join"] for target in rule["Targets"]]
    text = separator.join(part if isinstance(part, str) else f"<{part['Fn::GetAtt'][1]}>" for part in parts)
    assert json.loads(text) == {"current": dict.fromkeys(AWAITED, "<Version>")}
    [deleter] = [name for name in configured.resources("AWS::IAM::Role") if name.startswith("OldVersions")]
    granted = {
        action: resources(statement)
        for statement in configured.statements(deleter)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("lambda:")
    }
    assert granted.keys() == {
        *("lambda:ListVersionsByFunction", "lambda:ListAliases", "lambda:DeleteAlias", "lambda:DeleteFunction")
    }
    for resource in granted["lambda:DeleteFunction"]:
        assert isinstance(resource, dict) and resource["Fn::Join"][1][-1] == ":*", resource
    assert {len(of_action) for of_action in granted.values()} <= {len(AWAITED), 2 * len(AWAITED)}


def test_a_word_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(UnknownEnvironment, match="'yes' is not one of off, on"):
        configuration_of({**CONTEXT, "env": "dev", "snap_start": "yes"}.get)
