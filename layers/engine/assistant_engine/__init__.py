"""The engine. Imports point one way: entry -> use case (`runs`) -> `store`, `model`, `tools` -> `domain`.

Tool authors import `assistant_engine.tool`, and nothing else.
"""
