"""Projects: the tenants of a deployment."""

DEFAULT_PROJECT = "default"
"""The project of a key that names none, and of what was made before there were projects."""
