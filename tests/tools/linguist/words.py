"""What the tool takes."""

from typing import Annotated

from pydantic import Field

Word = Annotated[str, Field(min_length=1, description="An English noun.")]
