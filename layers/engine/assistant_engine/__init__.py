"""The engine. Imports point one way: entry -> use case (`runs`) -> `store`, `model`, `tools` -> `domain`.

Tool authors import `assistant_engine.tool`, and nothing else.
"""

import gc

# What imports make stays until the process ends: at Python's own threshold (700), the collector goes through all of it
# several times in each cold start, a tenth of its CPU, and finds nothing.
gc.set_threshold(50_000)
