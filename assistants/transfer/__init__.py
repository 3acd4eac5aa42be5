"""Carries data in and out: dumps, and imports of dumps, exports and other servers (docs/migration.md).

A source (`openai_export`, `earlier_engine`, `live`) reads what there is into `staging`. `importing` makes records of
this engine of it and writes each unless it is there. A dump (`dump`, `restore`) holds such records already.
"""
