"""Lists what some regions lack of all that the stack needs."""

WITHOUT_S3_VECTORS = frozenset({"il-central-1", "me-central-1"})
"""Of the regions that have Lambda. Source: the resource types that CloudFormation offers by region, in the data of
cfn-lint 1.58.0, 2026-11-27; a test compares."""

WITHOUT_TENANT_ISOLATION = frozenset({"ap-southeast-6"})
"""Source: Lambda's developer guide, "Tenant isolation": all commercial regions but Asia Pacific (New Zealand), as of
2026-11-27."""
