"""The code interpreter's sandbox: what it is allowed, where it can go, and how much fits into it."""

import json
from collections.abc import Callable

import pytest

from cdk.configuration import ENVIRONMENTS, SandboxLimits
from tests.support.templates import ROOT, Json, Template


def role_of(template: Template, function: str) -> str:
    name: str = template.functions()[function]["Role"]["Fn::GetAtt"][0]
    return name


def test_its_role_may_write_its_log_and_do_nothing_else(prod: Template) -> None:
    """The rights on network interfaces are Lambda's, which uses the role to place it: the function is denied them."""
    interfaces = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ]
    log, allowed, denied = prod.statements(role_of(prod, "oae-sandbox"))
    assert (log["Effect"], log["Action"]) == ("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"])
    assert (allowed["Effect"], allowed["Action"], allowed["Resource"]) == ("Allow", interfaces, "*")
    assert (denied["Effect"], denied["Action"], denied["Resource"]) == ("Deny", interfaces, "*")
    (own,) = denied["Condition"]["ArnEquals"].values()
    assert own["Fn::Join"][1][-1] == ":function:oae-sandbox"


def test_each_thread_has_execution_environments_of_its_own(prod: Template) -> None:
    assert prod.functions()["oae-sandbox"]["TenancyConfig"] == {"TenantIsolationMode": "PER_TENANT"}
    isolated = [name for name, function in prod.functions().items() if "TenancyConfig" in function]
    assert isolated == ["oae-sandbox"]


def test_only_the_broker_invokes_it(prod: Template) -> None:
    callers = [
        name
        for name, function in prod.functions().items()
        for statement in prod.statements(function["Role"]["Fn::GetAtt"][0])
        if "sandboxFunction" in json.dumps(statement["Resource"])
    ]
    assert callers == ["oae-tool-code_interpreter"]
    roles = [body for body in prod.properties("AWS::IAM::Policy") if "sandboxFunction" in json.dumps(body)]
    assert len(roles) == 1
    assert "sandbox" not in json.dumps(prod.resources("AWS::Lambda::Permission"))


def test_its_environment_holds_its_limits_and_no_names(prod: Template) -> None:
    variables = prod.functions()["oae-sandbox"]["Environment"]["Variables"]
    assert set(variables) == {"LIMITS", "LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "SANDBOX_NETWORK"}
    assert prod.functions()["oae-tool-code_interpreter"]["Environment"]["Variables"]["LIMITS"] == variables["LIMITS"]


def test_it_knows_whether_its_network_is_closed(template_of: Callable[[str], Template], without: Template) -> None:
    """Where it is not, and the kernel refuses the filter of system calls, no code is run."""
    for template, network in ((template_of("dev"), "isolated"), (without, "open")):
        assert template.functions()["oae-dev-sandbox"]["Environment"]["Variables"]["SANDBOX_NETWORK"] == network


def test_the_function_has_more_of_everything_than_the_code(prod: Template) -> None:
    function, limits = prod.functions()["oae-sandbox"], SandboxLimits()
    assert function["MemorySize"] >= limits.memory_mb + 512
    assert function["Timeout"] >= limits.seconds + 120
    assert function["EphemeralStorage"]["Size"] > limits.disk_mb + limits.session_mb
    # The broker waits until the sandbox's own time is over, and then has some left.
    assert prod.functions()["oae-tool-code_interpreter"]["Timeout"] > function["Timeout"] + 60


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_its_network_has_one_way_out(template_of: Callable[[str], Template], environment: str) -> None:
    template = template_of(environment)
    name = "oae-sandbox" if environment == "prod" else f"oae-{environment}-sandbox"
    placed = template.functions()[name]
    subnets = template.resources("AWS::EC2::Subnet")
    assert {subnet["Ref"] for subnet in placed["VpcConfig"]["SubnetIds"]} == set(subnets)
    assert len(subnets) == 2
    assert not any(subnet["Properties"]["MapPublicIpOnLaunch"] for subnet in subnets.values())
    for kind in ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Route", "VPCPeeringConnection"):
        assert not template.resources(f"AWS::EC2::{kind}"), kind


def test_the_endpoint_lets_the_broker_s_requests_to_the_bucket_through(prod: Template) -> None:
    (endpoint,) = prod.properties("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert "s3" in json.dumps(endpoint["ServiceName"])
    assert len(endpoint["RouteTableIds"]) == len(prod.resources("AWS::EC2::RouteTable")) == 2
    bucket = {"Fn::GetAtt": [next(iter(prod.resources("AWS::S3::Bucket"))), "Arn"]}
    own, libraries = endpoint["PolicyDocument"]["Statement"]
    assert own["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert own["Resource"] == [{"Fn::Join": ["", [bucket, end]]} for end in ("/files/*", "/sandbox/*")]
    assert libraries["Action"] == "s3:GetObject"
    assert libraries["Resource"] == {"Fn::Join": ["", [bucket, "/libraries/*"]]}
    broker = role_of(prod, "oae-tool-code_interpreter")
    for statement in (own, libraries):
        assert statement["Effect"] == "Allow"
        assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": {"Fn::GetAtt": [broker, "Arn"]}}}


def test_the_security_group_lets_https_out_to_s3_and_nothing_in(prod: Template) -> None:
    (group,) = prod.properties("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    assert not prod.resources("AWS::EC2::SecurityGroupIngress")
    (rule,) = group["SecurityGroupEgress"]
    (addresses,) = prod.resources("Custom::PrefixList")
    assert rule["DestinationPrefixListId"] == {"Ref": addresses}
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)
    assert "CidrIp" not in rule
    name = prod.properties("Custom::PrefixList")[0]["Name"]
    assert name == {"Fn::Join": ["", ["com.amazonaws.", {"Ref": "AWS::Region"}, ".s3"]]}


def test_dns_answers_for_the_bucket_alone(prod: Template) -> None:
    (rules,) = prod.properties("AWS::Route53Resolver::FirewallRuleGroup")
    lists = {
        name: body["Properties"]["Domains"]
        for name, body in prod.resources("AWS::Route53Resolver::FirewallDomainList").items()
    }
    allow, block = sorted(rules["FirewallRules"], key=lambda rule: rule["Priority"])
    bucket = next(iter(prod.resources("AWS::S3::Bucket")))
    assert allow["Action"] == "ALLOW"
    assert lists[_list(allow)] == [{"Fn::GetAtt": [bucket, "RegionalDomainName"]}]
    assert (block["Action"], block["BlockResponse"], lists[_list(block)]) == ("BLOCK", "NODATA", ["*"])
    (association,) = prod.properties("AWS::Route53Resolver::FirewallRuleGroupAssociation")
    assert association["VpcId"] == {"Ref": next(iter(prod.resources("AWS::EC2::VPC")))}


def _list(rule: Json) -> str:
    name: str = rule["FirewallDomainListId"]["Fn::GetAtt"][0]
    return name


def test_the_network_can_be_left_out(without: Template) -> None:
    assert not [body for body in without.body["Resources"].values() if body["Type"].startswith("AWS::EC2::")]
    assert "VpcConfig" not in without.functions()["oae-dev-sandbox"]
    (log,) = without.statements(role_of(without, "oae-dev-sandbox"))
    assert log["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]


def test_sessions_are_forgotten(prod: Template) -> None:
    (bucket,) = prod.properties("AWS::S3::Bucket")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["forget-sessions"]["Prefix"] == "sandbox/"
    assert rules["forget-sessions"]["ExpirationInDays"] == 30
    assert rules["forget-sessions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_libraries_are_copied_and_only_the_broker_reads_them(prod: Template) -> None:
    (copies,) = prod.properties("Custom::Libraries")
    names = sorted(path.name for path in (ROOT / "layers" / "libraries").iterdir())
    assert [archive["CopyKey"].rpartition("-")[0] for archive in copies["Archives"]] == [
        f"libraries/{name}" for name in names
    ]
    told = json.loads(prod.functions()["oae-tool-code_interpreter"]["Environment"]["Variables"]["LIBRARIES"])
    assert [each["key"] for each in told.values()] == [archive["CopyKey"] for archive in copies["Archives"]]
    assert all(key.partition("/")[2] == f"{name}.zip" for name, key in ((n, each["key"]) for n, each in told.items()))
    readers = {
        name
        for name, function in prod.functions().items()
        for statement in prod.statements(function["Role"]["Fn::GetAtt"][0])
        if "s3:GetObject" in statement["Action"] and "/libraries/*" in json.dumps(statement["Resource"])
    }
    assert readers == {"oae-tool-code_interpreter", "oae-copy_libraries"}


def test_who_copies_libraries_reads_their_assets_and_no_others(prod: Template) -> None:
    statements = prod.statements(role_of(prod, "oae-copy_libraries"))
    read = [each for each in statements if each["Action"] == "s3:GetObject" and "/libraries/" not in json.dumps(each)]
    assets = [resource["Fn::Join"][1][-1] for statement in read for resource in statement["Resource"]]
    assert len(assets) == len(list((ROOT / "layers" / "libraries").iterdir()))
    assert all(asset.endswith(".zip") and "*" not in asset for asset in assets)
