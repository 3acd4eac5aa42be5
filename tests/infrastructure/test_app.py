"""`cdk synth` as a person runs it: configuration, layers, reviews, and what the sources must not know."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from cdk.configuration import ENVIRONMENTS, UnknownEnvironment, configuration_of
from cdk.layers import EmptyLayerCache
from cdk.regions import WITHOUT_S3_VECTORS, WITHOUT_TENANT_ISOLATION
from tests.support.templates import CONTEXT, ROOT, Template, fill_cache, synthesise


@pytest.mark.parametrize("environment", [None, "production", ""])
def test_an_unknown_environment_is_an_error_that_lists_the_known(environment: str | None) -> None:
    with pytest.raises(UnknownEnvironment) as error:
        configuration_of({"env": environment}.get)
    said = f"unknown environment {environment!r}" if environment else "no environment"
    assert str(error.value) == f"{said}: say `-c env=<one of dev, staging, prod>`"


def test_an_empty_layer_cache_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(EmptyLayerCache, match=r"run `python -m layers\.build --target host`"):
        synthesise(tmp_path / "out", tmp_path / "nothing", env="dev", layer_target="host")


def test_environments_share_an_account() -> None:
    def prefix(environment: str) -> str:
        return configuration_of({**CONTEXT, "env": environment}.get).prefix

    assert [prefix(environment) for environment in ENVIRONMENTS] == ["oae-dev", "oae-staging", "oae"]


def test_a_configuration_is_frozen_and_only_known_settings_are_overridden() -> None:
    configuration = configuration_of({"env": "dev", "model": "local", "memory": "1"}.get)
    assert (configuration.model, configuration.memory) == ("local", ENVIRONMENTS["dev"].memory)
    with pytest.raises(FrozenInstanceError):
        configuration.model = "other"  # type: ignore[misc]
    with pytest.raises(UnknownEnvironment, match="'acme' is not one of openai, azure, bedrock"):
        configuration_of({"env": "dev", "model_provider": "acme"}.get)
    with pytest.raises(UnknownEnvironment, match="'none' is not one of isolated, open"):
        configuration_of({"env": "dev", "sandbox_network": "none"}.get)


@pytest.mark.parametrize(
    "origins", ["https://app.example/", "app.example", "https://*.example", "null", "https://a,, b"]
)
def test_origins_of_pages_are_origins(origins: str) -> None:
    with pytest.raises(UnknownEnvironment, match="is not an origin such as"):
        configuration_of({"env": "dev", "cors_origins": origins}.get)
    assert configuration_of({"env": "dev"}.get).cors_origins == ""
    fine = "https://app.example,https://b.example:8443,http://localhost:*,http://[::1]:*,*"
    assert configuration_of({"env": "dev", "cors_origins": fine}.get).cors_origins == fine


def test_a_region_that_lacks_something_is_an_error_that_says_what_to_do() -> None:
    def configured(region: str, **context: str) -> str:
        return configuration_of({"env": "dev", **context}.get, region).environment

    for region in ("il-central-1", "me-central-1"):
        with pytest.raises(
            UnknownEnvironment, match=f"{region} has no Amazon S3 Vectors: say `-c vector_engine=bucket`"
        ):
            configured(region)
        assert configured(region, vector_engine="bucket") == "dev"
        assert configured(region, file_search="hosted") == "dev"
    with pytest.raises(
        UnknownEnvironment, match=r"ap-southeast-6 has no tenant isolation .*`-c code_interpreter=hosted`"
    ):
        configured("ap-southeast-6")
    assert configured("ap-southeast-6", code_interpreter="hosted") == "dev"
    assert configured("eu-central-1") == configured("") == "dev"


def test_the_app_asks_the_cdk_cli_for_the_region_and_says_what_it_lacks_in_one_line() -> None:
    ran = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": '{"env": "dev"}', "CDK_DEFAULT_REGION": "me-central-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.strip() == "me-central-1 has no Amazon S3 Vectors: say `-c vector_engine=bucket`"


def test_the_regions_without_s3_vectors_are_cfn_lint_s() -> None:
    # Each process that collects the tests would take 0.2 s to read it in.
    from cfnlint.helpers import REGIONS  # type: ignore[import-untyped]
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

    types = {region: PROVIDER_SCHEMA_MANAGER.get_resource_types(region) for region in REGIONS}
    with_lambda = {region for region, known in types.items() if "AWS::Lambda::Function" in known}
    without = {region for region in with_lambda if "AWS::S3Vectors::VectorBucket" not in types[region]}
    assert without == WITHOUT_S3_VECTORS
    assert with_lambda > WITHOUT_TENANT_ISOLATION


def test_a_run_that_could_outgrow_its_history_is_an_error() -> None:
    for configuration in ENVIRONMENTS.values():
        assert configuration.history_events < 20_000
        changes: list[dict[str, Any]] = [{"max_turns": 1_000}, {"max_calls": 3_000}, {"max_retries": 1_000}]
        for more in changes:
            with pytest.raises(ValueError, match="history"):
                replace(configuration, **more)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledged_finding_has_a_reason(template_of: Callable[[str], Template], environment: str) -> None:
    """Findings that are not acknowledged have made the synth raise."""
    accepted = template_of(environment).accepted
    assert {rule.split("[")[0] for rule, _ in accepted} == {
        "AwsSolutions-APIG1",
        "AwsSolutions-APIG2",
        "AwsSolutions-APIG3",
        "AwsSolutions-APIG4",
        "AwsSolutions-APIG6",
        "AwsSolutions-COG4",
        "AwsSolutions-IAM5",
        "AwsSolutions-S1",
        "AwsSolutions-SMG4",
        "AwsSolutions-SQS3",
        "AwsSolutions-VPC7",
        "Serverless-APIGWAccessLogging",
        "Serverless-EventBusDLQ",
        "Serverless-LambdaDLQ",
        "Serverless-LambdaEventSourceMappingDestination",
        "Serverless-LambdaTracing",
        "Serverless-SQSRedrivePolicy",
    }
    assert all(reason.endswith(".") and len(reason) > 30 for _, reason in accepted)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cfn_lint_finds_no_error(template_of: Callable[[str], Template], environment: str) -> None:
    # It keeps what it makes until it ends: there is no garbage to look for.
    program = "import gc; gc.disable(); from cfnlint.runner import main; main()"
    # W3005: CDK lists a role that a function refers to among its dependencies too.
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            str(template_of(environment).path),
            "--ignore-checks",
            "W3005",
            "--format",
            "parseable",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # The linter knows no JSONata in TimeoutSeconds, and not the action that Amazon Transcribe has since 2026-11-20.
    unknown = re.compile(
        r":E3601:'\{% .* %\}' is not of type 'number' at '[\w/]+/TimeoutSeconds'$"
        r"|:W3037:'transcribeaudio' is not one of "
    )
    findings = [line for line in ran.stdout.splitlines() if line and not unknown.search(line)]
    assert not findings
    assert not ran.stderr


def test_on_bedrock_there_is_no_key(on_bedrock: Template) -> None:
    assert "ModelSecret" not in on_bedrock.body["Outputs"]
    environment = on_bedrock.functions()["oae-dev-in_progress"]["Environment"]["Variables"]
    assert environment["MODEL_PROVIDER"] == "bedrock"
    assert "MODEL_SECRET_ARN" not in environment
    assert [secret["Name"] for secret in on_bedrock.properties("AWS::SecretsManager::Secret")] == ["oae-dev/api-keys"]
    calls = [name for name in on_bedrock.resources("AWS::IAM::Role") if "bedrock:" in str(on_bedrock.statements(name))]
    assert {name.split("Role")[0] for name in calls} == {
        "Stepsinprogress",
        "FileSearchingestion",
        "FileSearchtoolfilesearch",
    }


def warnings(folder: Path) -> list[str]:
    """Return what the CDK CLI prints as warnings when it reads a cloud assembly."""
    messages = [entry for path in folder.rglob("*.json") for entry in entries(json.loads(path.read_text()))]
    return [str(entry["data"]) for entry in messages if entry.get("type") == "aws:cdk:warning"]


def entries(value: Any) -> list[dict[str, Any]]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [entry for each in inner for entry in entries(each)]
    return [value, *found] if isinstance(value, dict) else found


def test_synth_warns_of_a_model_that_ends(
    template_of: Callable[[str], Template], configured: Template, tmp_path: Path, layers: Path
) -> None:
    assert ENVIRONMENTS["dev"].model == "gpt-6-luna"
    assert configured.functions()["oae-dev-in_progress"]["Environment"]["Variables"]["MODEL"] == "my-own-model"
    for template in (template_of("dev"), configured):
        assert not any("switched off" in warning for warning in warnings(template.path.parent))
    synthesise(tmp_path / "gone", layers, env="dev", model="o4-mini", embedding_model="gpt-4.1-nano")
    told = [warning for warning in warnings(tmp_path / "gone") if "switched off" in warning]
    assert len(told) == 2
    for setting, model in (("model", "o4-mini"), ("embedding_model", "gpt-4.1-nano")):
        assert any(
            f"The model {model} was switched off by its provider on 2026-10-23: calls of it fail. "
            f"Name another one: `-c {setting}=...`" in warning
            for warning in told
        )


def test_an_embedding_model_elsewhere_has_a_key_of_its_own(configured: Template) -> None:
    assert configured.body["Outputs"]["EmbeddingSecret"]["Value"] == "oae-dev/embedding-key"
    environment = configured.functions()["oae-dev-ingestion"]["Environment"]["Variables"]
    assert environment["EMBEDDING_BASE_URL"] == "http://embeddings/v1"


def test_large_vector_stores_are_searched_through_s3_vectors_where_that_is_wanted(
    prod: Template, configured: Template
) -> None:
    (bucket,) = prod.properties("AWS::S3Vectors::VectorBucket")
    assert bucket["VectorBucketName"] == "oae-vectors"
    for name in ("oae-ingestion", "oae-tool-file_search"):
        assert prod.functions()[name]["Environment"]["Variables"]["VECTOR_BUCKET"] == "oae-vectors"
    assert not configured.resources("AWS::S3Vectors::VectorBucket")
    assert "s3vectors:" not in str(configured.body)


def test_a_changed_layer_publishes_a_version_of_the_functions_that_use_it(tmp_path: Path, prod: Template) -> None:
    changed_layers = fill_cache(tmp_path / "layers", changed="openai")
    changed = synthesise(tmp_path / "out", changed_layers, env="prod", sample_tools="on")

    republished = set(changed.resources("AWS::Lambda::Version")) - set(prod.resources("AWS::Lambda::Version"))
    users = (
        "Apiapi",
        "Apistream",
        "Apipoll",
        "ApiGraphqlgraphql",
        "FileSearchingestion",
        "FileSearchtoolfilesearch",
        "Stepsinprogress",
        "Stepsqueued",
        "CodeInterpretertoolcodeinterpreter",
        "Toolstoolfinance",
        "Toolstoolregisters",
    )
    assert len(republished) == len(users)
    assert all(name.startswith(users) for name in republished)


def test_the_emulator_is_named_only_where_a_laptop_is_meant() -> None:
    folders = [ROOT / name for name in ("assistants", "cdk", "lambdas", "layers", "samples", "scripts")]
    sources = [path for path in ROOT.iterdir() if path.is_file() and path.name != "Makefile"]
    sources += [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert len(sources) > 60
    for path in sources:
        assert b"ministack" not in path.read_bytes().lower(), path


def test_app_and_stack_are_tables_of_contents() -> None:
    """They compose: what a part is, may do, puts out and raises alarms for is in the part's own module."""
    for path, limit in (("app.py", 40), ("cdk/stack.py", 80)):
        text = (ROOT / path).read_text()
        assert len(text.splitlines()) <= limit
        assert not re.search(r"\bif\b|grant|CfnOutput|[aA]larm", text), path


def test_there_is_one_way_to_make_an_alarm() -> None:
    made = [
        path.name
        for path in (ROOT / "cdk").glob("*.py")
        if re.search(r"Threshold\(|add_alarm|aws_cloudwatch.*\bAlarm\b", path.read_text())
    ]
    assert made == ["monitoring.py"]


def test_there_is_one_way_to_pack_sources() -> None:
    """It leaves out the byte code that a laptop made: with it, functions that nobody changed had other versions."""
    packing = {path.name for path in (ROOT / "cdk").glob("*.py") if "from_asset" in path.read_text()}
    assert packing == {"sources.py", "layers.py", "console.py"}  # The other two pack what a build made.


def test_grants_are_named_as_the_cdk_names_them() -> None:
    """`grant_*`, a method of what is granted; `add_to_role_policy`, of what it is granted to."""
    for path in (ROOT / "cdk").glob("*.py"):
        named = re.findall(r"def _?((?:allow|let|permit|give)_?\w*)", path.read_text())
        assert not named, path.name


def test_tools_that_the_provider_hosts_are_not_deployed(
    template_of: Callable[..., Template], tmp_path: Path, layers: Path, prod: Template
) -> None:
    assert prod.functions()["oae-api"]["Environment"]["Variables"]["HOSTED_TOOLS"] == ""
    hosted = template_of("dev", code_interpreter="hosted", file_search="hosted")
    ours = {name.removeprefix("oae-") for name in prod.functions()}
    left_out = {"tool-code_interpreter", "sandbox", "tool-file_search", "ingestion"}
    assert left_out < ours
    theirs = {name.removeprefix("oae-dev-") for name in hosted.functions()}
    assert not theirs & left_out
    for kind in ("AWS::EC2::VPC", "AWS::S3Vectors::VectorBucket"):
        assert prod.resources(kind)
        assert not hosted.resources(kind)
    for name in ("api", "queued", "in_progress"):
        variables = hosted.functions()[f"oae-dev-{name}"]["Environment"]["Variables"]
        assert variables["HOSTED_TOOLS"] == "code_interpreter,file_search"
    for template, name, puts in ((hosted, "oae-dev-in_progress", True), (prod, "oae-in_progress", False)):
        statements = str(template.statements(template.functions()[name]["Role"]["Fn::GetAtt"][0]))
        assert ("s3:PutObjectTagging" in statements) == puts
    tools = str(hosted.functions()["oae-dev-in_progress"]["Environment"]["Variables"]["TOOLS"])
    assert "finance" in tools
    assert "code_interpreter" not in tools

    search = synthesise(tmp_path / "search", layers, env="dev", file_search="hosted", embedding_base_url="http://e/v1")
    assert "oae-dev-sandbox" in search.functions()
    assert "EmbeddingSecret" not in search.body["Outputs"]
    with pytest.raises(UnknownEnvironment, match="'mine' is not one of own, hosted"):
        configuration_of({"env": "dev", "code_interpreter": "mine"}.get)
