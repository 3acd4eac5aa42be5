"""Writes tests/upgrade/<version>.json: where a release keeps data, and what CloudFormation replaces it for.

Run it once, when a version is released: `python -m scripts.release_data`. From then on a test holds the template to it.
"""

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from assistants.stack import ROOT
from scripts.cdk_cli import app_of, cdk

FOLDER = ROOT / "tests" / "upgrade"

REPLACING = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::S3::Bucket": ("BucketName", "ObjectLockEnabled"),
    "AWS::S3Vectors::VectorBucket": ("VectorBucketName", "EncryptionConfiguration"),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::Logs::LogGroup": ("LogGroupName", "LogGroupClass"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "StateMachineType"),
    "AWS::Lambda::Function": ("FunctionName", "PackageType", "TenancyConfig"),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
    "AWS::Events::EventBus": ("Name",),
    "AWS::ApiGateway::RestApi": (),
}
"""What keeps data, or has an address that clients know, by type: the properties whose change replaces a resource.

"Update requires: Replacement" in the CloudFormation template reference of each type.
"""

TOOLS = "Toolstool"
"""The logical ids of what belongs to a folder in `lambdas/tools` begin with this."""

Json = dict[str, Any]


def kept_by(template: Json) -> Json:
    """Return what a template's resources must stay to keep their data, by logical id; tools come and go."""
    return {
        name: {
            "Type": body["Type"],
            "DeletionPolicy": body.get("DeletionPolicy", "Delete"),
            **{key: body["Properties"][key] for key in REPLACING[body["Type"]] if key in body["Properties"]},
        }
        for name, body in sorted(template["Resources"].items())
        if body["Type"] in REPLACING and not name.startswith(TOOLS)
    }


def main() -> None:
    """Write the file of the version in pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory() as assembly:
        cdk("synth", "--quiet", "--output", assembly, *app_of("prod", ""))
        (template,) = Path(assembly).glob("*.template.json")
        kept = kept_by(json.loads(template.read_text()))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{version}.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(f"wrote tests/upgrade/{version}.json")


if __name__ == "__main__":
    main()
