"""The statuses of an upload."""

from typing import Literal

UploadStatus = Literal["pending", "completed", "cancelled", "expired"]
"""As `Upload.status` has them. A pending one becomes one of the others, and stays that."""
