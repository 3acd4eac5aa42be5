"""The engine: a run's rules (domain), the store of the three tables, and the model call.

Dependencies point one way: handlers -> `assistants`, `threads`, `runs` -> `store` and `model`.
`domain` imports the standard library and itself alone.
"""
