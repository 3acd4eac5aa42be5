"""A parser for each kind of file: `dispatch` chooses the module, and each module has `read(path, warn)`.

`read` yields the text piece by piece; each piece becomes lines of its own. It calls `warn` for what the file holds and
was not read, and raises `Unreadable` only where there is nothing to read.
"""
