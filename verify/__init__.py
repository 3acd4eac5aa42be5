"""Tries a deployed stack and the AWS that it runs in: `make verify ENV=dev`."""
