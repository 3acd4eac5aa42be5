"""Makes a network whose only way out leads to the stack's own bucket."""

from typing import Any

from aws_cdk import ArnFormat, Aws, CustomResource, Stack
from aws_cdk.aws_ec2 import (
    CfnSecurityGroup,
    GatewayVpcEndpointAwsService,
    IpAddresses,
    SecurityGroup,
    SubnetConfiguration,
    SubnetSelection,
    SubnetType,
    Vpc,
)
from aws_cdk.aws_iam import AnyPrincipal, Effect, PolicyStatement
from aws_cdk.aws_route53resolver import CfnFirewallDomainList, CfnFirewallRuleGroup, CfnFirewallRuleGroupAssociation
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.libraries import PREFIX as LIBRARIES
from cdk.nag import acknowledge
from cdk.sources import LAMBDAS, code_of

NETWORK_INTERFACE_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


class SandboxNetwork(Construct):
    """Two isolated subnets, without a route to anywhere but S3's gateway endpoint.

    - The endpoint lets through what the broker signed: reading and writing the sandbox's prefixes in the bucket, and
      reading libraries.
    - The security group lets out HTTPS to S3's addresses, and nothing in.
    - DNS answers for the bucket's name; every other name has no data. The name asked for is fixed, so it carries
      nothing out.

    Attributes:
        placement: the arguments of `aws_lambda.Function` that put a function into it.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation, *, broker: VersionedFunction) -> None:
        super().__init__(scope, id)
        self._configuration = foundation.configuration
        bucket = foundation.storage.bucket
        vpc = Vpc(
            self,
            "Vpc",
            ip_addresses=IpAddresses.cidr("10.83.0.0/22"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                SubnetConfiguration(name="isolated", subnet_type=SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
            restrict_default_security_group=False,
        )
        acknowledge(vpc, "AwsSolutions-VPC7", "There is one way out, and S3 is asked who used it: CloudTrail tells.")
        endpoint = vpc.add_gateway_endpoint("Bucket", service=GatewayVpcEndpointAwsService.S3)
        allowed = {("files/", "sandbox/"): ["s3:GetObject", "s3:PutObject"], (LIBRARIES,): ["s3:GetObject"]}
        for prefixes, actions in allowed.items():
            endpoint.add_to_policy(
                PolicyStatement(
                    principals=[AnyPrincipal()],
                    actions=actions,
                    resources=[bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes],
                    conditions={"ArnEquals": {"aws:PrincipalArn": broker.role.role_arn}},
                )
            )
        group = CfnSecurityGroup(
            self,
            "Group",
            group_description="The code interpreter: out to S3 alone, and nothing in.",
            vpc_id=vpc.vpc_id,
            security_group_egress=[
                CfnSecurityGroup.EgressProperty(
                    description="S3, through the gateway endpoint",
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    destination_prefix_list_id=self._addresses_of_s3(),
                )
            ],
        )
        self._answer_for(vpc, bucket.bucket_regional_domain_name)
        self.placement: dict[str, Any] = {
            "vpc": vpc,
            "vpc_subnets": SubnetSelection(subnet_type=SubnetType.PRIVATE_ISOLATED),
            "security_groups": [
                SecurityGroup.from_security_group_id(self, "Placed", group.attr_group_id, mutable=False)
            ],
        }

    def grant_attach(self, function: VersionedFunction) -> None:
        """Let Lambda, which uses the function's role for it, make network interfaces; deny it to the code in there."""
        own_arn = Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=function.name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        function.role.add_to_policy(PolicyStatement(actions=NETWORK_INTERFACE_ACTIONS, resources=["*"]))
        function.role.add_to_policy(
            PolicyStatement(
                effect=Effect.DENY,
                actions=NETWORK_INTERFACE_ACTIONS,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": own_arn}},
            )
        )
        acknowledge(
            function.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Lambda makes the network interfaces, whose names are not known before; the function itself is denied it.",
        )

    def _addresses_of_s3(self) -> str:
        """The id of the region's prefix list of S3."""
        finder = VersionedFunction(
            self,
            "prefix_list",
            self._configuration,
            "Tells CloudFormation the id of S3's prefix list.",
            code=code_of(LAMBDAS / "deployment"),
            timeout=60,
            memory=256,
        )
        finder.add_to_role_policy(
            ["ec2:DescribeManagedPrefixLists"], ["*"], because="Actions that describe know no resources in EC2."
        )
        found = CustomResource(
            self,
            "S3Addresses",
            resource_type="Custom::PrefixList",
            service_token=finder.function.function_arn,
            properties={"Name": f"com.amazonaws.{Aws.REGION}.s3"},
        )
        found.node.add_dependency(finder.role)
        return found.ref

    def _answer_for(self, vpc: Vpc, name: str) -> None:
        """Let DNS answer for one name."""
        prefix = f"{self._configuration.prefix}-sandbox"
        allowed = CfnFirewallDomainList(self, "Allowed", name=f"{prefix}-allowed", domains=[name])
        everything = CfnFirewallDomainList(self, "Everything", name=f"{prefix}-everything", domains=["*"])
        rules = CfnFirewallRuleGroup(
            self,
            "Rules",
            name=prefix,
            firewall_rules=[
                CfnFirewallRuleGroup.FirewallRuleProperty(
                    action="ALLOW",
                    priority=1,
                    firewall_domain_list_id=allowed.attr_id,
                    # S3's own answer may lead to another of its names.
                    firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
                ),
                CfnFirewallRuleGroup.FirewallRuleProperty(
                    action="BLOCK", block_response="NODATA", priority=2, firewall_domain_list_id=everything.attr_id
                ),
            ],
        )
        CfnFirewallRuleGroupAssociation(
            self,
            "Association",
            name=prefix,
            firewall_rule_group_id=rules.attr_id,
            vpc_id=vpc.vpc_id,
            priority=101,
        )
