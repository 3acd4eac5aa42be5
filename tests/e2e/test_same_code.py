"""Checks that AWS gets what the tests ran: the same files, byte for byte, except for byte code and native code."""

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from layers.build import CACHE, build
from local import up as local
from tests.support.templates import Template, fill_cache, synthesise

pytestmark = pytest.mark.offline_model

Files = Mapping[str, bytes]

LAYERS = ("engine", "openai", "parsers", "powertools", "python_data", "standardwebhooks", "tool-file_search")


def unpacked(archive: bytes | Path) -> Files:
    """Return the files of an archive that are not byte code."""
    with zipfile.ZipFile(io.BytesIO(archive) if isinstance(archive, bytes) else archive) as packed:
        names = [name for name in packed.namelist() if not name.endswith((".pyc", "/"))]
        return {name: packed.read(name) for name in names}


def content(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """Return a file of an archive; None where it has none of this name."""
    try:
        return archive.read(name)
    except KeyError:
        return None


@pytest.fixture(scope="module")
def for_aws(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The stack as `cdk deploy -c env=dev` takes it to AWS."""
    layers = fill_cache(tmp_path_factory.mktemp("layers"))
    return synthesise(tmp_path_factory.mktemp("aws"), layers, env="dev")


@pytest.fixture(scope="module")
def here(stack: local.Local) -> Mapping[str, Any]:
    """The resources of the stack that the tests run on."""
    body = stack.client("cloudformation").get_template(StackName="oae-dev")["TemplateBody"]
    resources: Mapping[str, Any] = body["Resources"]
    return resources


def stored(stack: local.Local, code: Mapping[str, Any]) -> bytes:
    """Return the archive that a resource of the stack names."""
    bucket = code["S3Bucket"]["Fn::Sub"].replace("${AWS::AccountId}", "000000000000")
    bucket = bucket.replace("${AWS::Region}", stack.settings["AWS_REGION"])
    archive: bytes = stack.client("s3").get_object(Bucket=bucket, Key=code["S3Key"])["Body"].read()
    return archive


def test_functions_have_the_very_files_that_ran_here(
    stack: local.Local, here: Mapping[str, Any], for_aws: Template
) -> None:
    functions = {
        body["Properties"]["FunctionName"]: body["Properties"]
        for body in here.values()
        if body["Type"] == "AWS::Lambda::Function" and "FunctionName" in body["Properties"]
    }
    compared = 0
    for name, function in for_aws.functions().items():
        archive = stored(stack, functions[name]["Code"])
        ran = stack.client("lambda").get_function_configuration(FunctionName=name)
        assert ran["CodeSha256"] == base64.b64encode(hashlib.sha256(archive).digest()).decode()
        folder = for_aws.path.parent / f"asset.{Path(function['Code']['S3Key']).stem}"
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert files == unpacked(archive), name
        assert function["Handler"] == functions[name]["Handler"]
        compared += 1
    assert compared > 10


def test_the_engine_s_layer_is_the_one_that_ran_here(stack: local.Local, here: Mapping[str, Any]) -> None:
    build("lambda")
    (ran,) = [
        body["Properties"]["Content"]
        for body in here.values()
        if body["Type"] == "AWS::Lambda::LayerVersion" and body["Properties"]["LayerName"].endswith("-engine")
    ]
    registry = "python/assistant_engine/tools/registry.json"
    engine = dict(unpacked(stored(stack, ran)))
    on_aws = dict(unpacked(CACHE / "lambda" / "engine.zip"))
    # The session has some tools more.
    assert json.loads(on_aws.pop(registry)).items() <= json.loads(engine.pop(registry)).items()
    assert engine == on_aws


@pytest.mark.parametrize("layer", LAYERS[1:])
def test_packages_of_others_differ_in_native_code_only(layer: str) -> None:
    """A package with native code is built for one system and one Python; its archives differ, in their files too.

    A package whose newest version needs a newer Python than this one has another version on AWS.
    """
    build("lambda")
    build("host")
    with (
        zipfile.ZipFile(CACHE / "lambda" / f"{layer}.zip") as on_aws,
        zipfile.ZipFile(CACHE / "host" / f"{layer}.zip") as here,
    ):
        for wheel in (name for name in on_aws.namelist() if name.endswith(".dist-info/WHEEL")):
            if wheel in here.namelist() and b"Root-Is-Purelib: true" in on_aws.read(wheel):
                record = on_aws.read(wheel.replace("/WHEEL", "/RECORD")).decode()
                for name in re.findall(r"^([^,]+),", record, re.MULTILINE):
                    path = f"python/{name}"
                    if ".dist-info/" not in path and not path.endswith(".pyc"):
                        assert content(on_aws, path) == content(here, path), path
