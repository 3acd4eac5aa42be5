"""The statuses of a vector store and of the files in it."""

from typing import Final, Literal, get_args

VectorStoreStatus = Literal["expired", "in_progress", "completed"]
"""As `VectorStoreObject.status` has them."""

VectorStoreFileStatus = Literal["in_progress", "completed", "failed", "cancelled"]
"""As `VectorStoreFileObject.status` has them. A file in progress becomes one of the others, and stays that."""

FILE_STATUSES: Final[tuple[VectorStoreFileStatus, ...]] = get_args(VectorStoreFileStatus)
