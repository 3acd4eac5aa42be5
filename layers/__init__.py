"""The Lambda layers: their sources, their locks and `layers.build`, which fills the cache that the CDK app reads."""
