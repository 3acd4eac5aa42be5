"""The objects that requests and responses share."""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from assistant_engine.domain.audio_types import AUDIO_TYPES, audio_type
from assistant_engine.domain.image_types import data_url_fault
from assistant_engine.domain.tool_resources import MAX_CODE_FILES
from assistant_engine.web import urls

ABSENT: Any = None
"""The default of a field that may be left out but not be null. `parse` never shows it: the field is then absent."""


def _plain(schema: dict[str, Any]) -> None:
    """Leaves out of a JSON schema what says nothing: generated titles, and null as the default of what is optional."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        if "default" in field and field["default"] is None:
            del field["default"]


class Schema(BaseModel):
    """An object of the API: no unknown fields, no coercion. It is built when first used, which keeps imports short."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True, json_schema_extra=_plain)


def problem(message: str, *, code: str, at: str = "") -> PydanticCustomError:
    """An error for a validator to raise. `{param}` in the message becomes the parameter's path, with `at` appended."""
    return PydanticCustomError("problem", "{message}", {"message": message, "code": code, "at": at})


def by_type(*types: str, string: bool = False) -> Discriminator:
    """Chooses a member of a union by its `type`; `<string>` for a string where one is allowed.

    The members' tags are their types in angle brackets, so that they can be told from field names in an error's path.
    """

    def tag(value: object) -> str | None:
        if string and isinstance(value, str):
            return "<string>"
        kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
        return f"<{kind}>" if isinstance(kind, str) and kind in types else None

    # The error's context would make the annotation unhashable, so the message carries the types.
    return Discriminator(tag, "by_type_or_string" if string else "by_type", " ".join(types))


def by_shape(**shapes: type) -> Discriminator:
    """Chooses a member of a union by the JSON type of the value: `by_shape(string=str, array=list)`."""

    def tag(value: object) -> str | None:
        if isinstance(value, BaseModel):
            return "<object>"
        return next((f"<{name}>" for name, shape in shapes.items() if isinstance(value, shape)), None)

    return Discriminator(tag, "by_shape", " ".join(shapes))


Id = Annotated[str, Field(min_length=1, max_length=256)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(ge=0, le=1)]
Instructions = Annotated[str, Field(max_length=256_000)]
TokenBudget = Annotated[int, Field(ge=256)]
FunctionName = Annotated[str, Field(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]+$")]
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(
        max_length=16,
        description="Up to 16 pairs of your own; keys of up to 64 characters, values of up to 512.",
    ),
]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
AssistantType = Annotated[str, Field(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_.-]+$")]
OwnId = Annotated[str, Field(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]+$")]


def _local_references(schema: dict[str, Any]) -> dict[str, Any]:
    """A caller's JSON schema may refer to its own parts only: a remote one would have us open the network."""
    stack: list[Any] = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            for key in ("$ref", "$dynamicRef", "$recursiveRef"):
                if isinstance(value.get(key), str) and not value[key].startswith("#"):
                    raise problem(f"Invalid '{{param}}': a {key} must start with '#'.", code="invalid_value")
            stack.extend(value.values())
    return schema


def _object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type", "object") != "object":
        raise problem("Invalid '{param}': the schema must have type 'object'.", code="invalid_function_parameters")
    return schema


JsonSchema = Annotated[dict[str, Any], AfterValidator(_local_references)]


class FunctionObject(Schema):
    """A function that the model may call."""

    name: FunctionName
    description: str = Field(default="")
    parameters: Annotated[JsonSchema, AfterValidator(_object_schema)] = Field(
        default={}, description="The arguments as a JSON schema of type object; `$ref` only within it."
    )
    strict: bool | None = Field(default=False, description="Whether the model must keep to the schema exactly.")


class AssistantToolsCode(Schema):
    """The tool that runs Python."""

    type: Literal["code_interpreter"]


class FileSearchRankingOptions(Schema):
    """How results of a file search are ranked."""

    ranker: Literal["auto", "default_2024_08_21"] = "auto"
    score_threshold: float = Field(ge=0, le=1)


class FileSearchOverrides(Schema):
    """Overrides for the file search tool."""

    max_num_results: int = Field(default=20, ge=1, le=50)
    ranking_options: FileSearchRankingOptions = Field(default=ABSENT)


class AssistantToolsFileSearch(Schema):
    """The tool that searches vector stores."""

    type: Literal["file_search"]
    file_search: FileSearchOverrides = Field(default=ABSENT)


class AssistantToolsFileSearchTypeOnly(Schema):
    """The file search tool as a file is attached to it."""

    type: Literal["file_search"]


class AssistantToolsFunction(Schema):
    """A function tool: served by a deployed tool if the assistant's `functions` name it, else by the client."""

    type: Literal["function"]
    function: FunctionObject


AssistantTool = Annotated[
    Annotated[AssistantToolsCode, Tag("<code_interpreter>")]
    | Annotated[AssistantToolsFileSearch, Tag("<file_search>")]
    | Annotated[AssistantToolsFunction, Tag("<function>")],
    by_type("code_interpreter", "file_search", "function"),
]
AttachmentTool = Annotated[
    Annotated[AssistantToolsCode, Tag("<code_interpreter>")]
    | Annotated[AssistantToolsFileSearchTypeOnly, Tag("<file_search>")],
    by_type("code_interpreter", "file_search"),
]


class NamedFunction(Schema):
    """A function by its name."""

    name: FunctionName


class AssistantsNamedToolChoice(Schema):
    """The tool that the model must call."""

    type: Literal["function", "code_interpreter", "file_search"]
    function: NamedFunction = Field(default=ABSENT)

    @model_validator(mode="after")
    def _names_the_function(self) -> "AssistantsNamedToolChoice":
        if self.type == "function" and self.function is None:
            raise problem("Missing required parameter: '{param}'.", code="missing_required_parameter", at="function")
        return self


AssistantsApiToolChoiceOption = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<string>")]
    | Annotated[AssistantsNamedToolChoice, Tag("<object>")],
    by_shape(string=str, object=dict),
]


class ResponseFormatText(Schema):
    """Plain text."""

    type: Literal["text"]


class ResponseFormatJsonObject(Schema):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchemaFormat(Schema):
    """A named JSON schema."""

    name: FunctionName
    description: str = Field(default="")
    schema_: JsonSchema = Field(default={}, alias="schema", description="A JSON schema; `$ref` only within it.")
    strict: bool | None = False


class ResponseFormatJsonSchema(Schema):
    """JSON that keeps to a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


AssistantsApiResponseFormatOption = Annotated[
    Annotated[Literal["auto"], Tag("<string>")]
    | Annotated[ResponseFormatText, Tag("<text>")]
    | Annotated[ResponseFormatJsonObject, Tag("<json_object>")]
    | Annotated[ResponseFormatJsonSchema, Tag("<json_schema>")],
    by_type("text", "json_object", "json_schema", string=True),
]


class TruncationObject(Schema):
    """Which messages of the thread the model is shown."""

    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="How many of the newest messages; required with `last_messages`."
    )

    @model_validator(mode="after")
    def _says_how_many(self) -> "TruncationObject":
        if self.type == "last_messages" and self.last_messages is None:
            raise problem(
                "Missing required parameter: '{param}'.", code="missing_required_parameter", at="last_messages"
            )
        return self


class ImageFile(Schema):
    """An image by the id of its file."""

    file_id: Id
    detail: Literal["auto", "low", "high"] = "auto"


class MessageContentImageFileObject(Schema):
    """An image in a file that was uploaded."""

    type: Literal["image_file"]
    image_file: ImageFile


def _fit_to_fetch(url: str) -> str:
    """What a name resolves to is checked when the image is fetched."""
    if url.startswith("data:"):
        if fault := data_url_fault(url):
            raise problem(f"Invalid '{{param}}': {fault}.", code="invalid_value")
    else:
        try:
            urls.parse(url)
        except urls.Unfit as unfit:
            raise problem(f"Invalid '{{param}}': {unfit}.", code="invalid_url") from None
    return url


class ImageUrl(Schema):
    """An image by its address."""

    url: Annotated[
        str,
        Field(pattern="^(https?://|data:image/)", description="A data:image/ URL, or an http(s) URL of a public host."),
        AfterValidator(_fit_to_fetch),
    ]
    detail: Literal["auto", "low", "high"] = "auto"


class MessageContentImageUrlObject(Schema):
    """An image at an address."""

    type: Literal["image_url"]
    image_url: ImageUrl


def _is_audio(data: str) -> str:
    try:
        kind = audio_type(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise problem("Invalid '{param}': it is not base64.", code="invalid_base64") from None
    if kind is None:
        raise problem(
            f"Invalid '{{param}}': its bytes are not audio. Supported are {', '.join(AUDIO_TYPES)}.",
            code="unsupported_format",
        )
    return data


class InputAudio(Schema):
    """Sound: in the request, or a file. Its format is told by its bytes."""

    data: Annotated[str, Field(min_length=1, description="The bytes as base64."), AfterValidator(_is_audio)] = Field(
        default=ABSENT
    )
    format: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default=ABSENT, description="Taken for compatibility: the bytes themselves tell it."
    )
    file_id: Id = Field(default=ABSENT, description="The id of a file, instead of `data`.")

    @model_validator(mode="after")
    def _is_one(self) -> "InputAudio":
        if (self.data is None) == (self.file_id is None):
            raise problem("Invalid '{param}': give either data or file_id.", code="invalid_value")
        return self


class MessageContentInputAudioObject(Schema):
    """Extension: sound, which is stored as its text and an attachment."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class Voice(Schema):
    """Extension: how the assistant sounds."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default=ABSENT, description="A voice of the speech provider."
    )
    language: Annotated[str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = Field(
        default=ABSENT, description="A language such as `en` or `de-AT`."
    )
    instructions: Annotated[str, Field(max_length=4096)] = Field(
        default=ABSENT, description="How to speak, for providers that can be told."
    )


class Attachment(Schema):
    """A file attached to a message, and the tools it is for."""

    file_id: Id
    tools: list[AttachmentTool] = Field(default=[])


class CodeInterpreterResources(Schema):
    """The files that code_interpreter may read."""

    file_ids: list[Id] = Field(default=[], max_length=MAX_CODE_FILES)


class FileSearchResources(Schema):
    """The vector store that file_search looks in."""

    vector_store_ids: list[Id] = Field(default=[], max_length=1)


class ToolResources(Schema):
    """What the tools work on."""

    code_interpreter: CodeInterpreterResources = Field(default=ABSENT)
    file_search: FileSearchResources = Field(default=ABSENT)


class AssistantFunction(Schema):
    """Extension: a deployed tool's function that the assistant may call."""

    module_name: Id
    class_name: Id
    function_name: FunctionName
    configuration: dict[str, Any] = Field(default={}, description="Passed to the constructor of the class.")
    needs_approval: bool = Field(
        default=ABSENT,
        description="Whether each call waits for the client's yes, as some tools ask for themselves.",
    )


class FileExpirationAfter(Schema):
    """When a file is deleted."""

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=2_592_000)
