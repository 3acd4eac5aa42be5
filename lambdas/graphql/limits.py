"""What a document may ask for at most: refused before anything is read or written."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLError
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

MAX_QUERY_BYTES = 100_000
MAX_TOKENS = 5_000
MAX_DEPTH = 8
MAX_ROOT_FIELDS = 10
MAX_SELECTED = 500
"""Fields that an operation may select in all, fragments counted where they are spread; introspection's are free."""
MAX_SPREADS = 50
"""Spreads of fragments in a document: comparing what they select takes time that grows with the square of them."""
MAX_ALIKE = 20
"""Fields of one selection that may answer under one name, for the same reason."""
MAX_ERRORS = 10
MAX_ANSWER_BYTES = 4_500_000
"""Of the answer as JSON text, in which Lambda's own JSON escapes quotes once more: it carries 6 MB."""

TOO_DEEP = f"The query is nested more than {MAX_DEPTH} levels deep."
EFFECTS = ("askOpenAi",)
"""Queries that write. A document has one effect, so an `Idempotency-Key` names one thing."""


class Refused(Exception):
    """The document is not valid.

    Attributes:
        errors: as the answer has them.
    """

    def __init__(self, errors: list[Any]) -> None:
        super().__init__("the document is not valid")
        self.errors = errors


def check_size(query: str) -> None:
    """Refuse a text that is too long before it is parsed.

    Raises:
        GraphQLError: it is.
    """
    if len(query.encode(errors="surrogatepass")) > MAX_QUERY_BYTES:
        raise GraphQLError(f"The query is larger than {MAX_QUERY_BYTES:,} bytes.")


def check(document: DocumentNode, operation_name: str) -> None:
    """Refuse a document that would take too much time to validate, or an operation that asks for too much.

    Raises:
        GraphQLError: names the limit.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    _check_document(document)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    for operation in operations:
        if not operation_name or (operation.name and operation.name.value == operation_name):
            _check_operation(operation, fragments)


def _check_document(document: DocumentNode) -> None:
    spreads = 0
    waiting = [node.selection_set for node in document.definitions if hasattr(node, "selection_set")]
    while waiting:
        fields: Counter[str] = Counter()
        for selection in waiting.pop().selections:
            match selection:
                case FieldNode():
                    fields[selection.alias.value if selection.alias else selection.name.value] += 1
                case FragmentSpreadNode():
                    spreads += 1
            if nested := getattr(selection, "selection_set", None):
                waiting.append(nested)
        if fields and max(fields.values()) > MAX_ALIKE:
            raise GraphQLError(f"More than {MAX_ALIKE} fields of one selection have the same name.")
    if spreads > MAX_SPREADS:
        raise GraphQLError(f"The query spreads fragments more than {MAX_SPREADS} times.")


def _check_operation(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
    roots = effects = 0
    writes = operation.operation is OperationType.MUTATION
    for selected, (field, depth) in enumerate(_fields(operation.selection_set, fragments), 1):
        if depth == 1:
            roots += 1
            effects += writes or field.name.value in EFFECTS
        if roots > MAX_ROOT_FIELDS:
            raise GraphQLError(f"The query has more than {MAX_ROOT_FIELDS} fields at its root.")
        if effects > 1:
            raise GraphQLError("A query may have one field that writes (a mutation, or askOpenAi), not several.")
        if selected > MAX_SELECTED:
            raise GraphQLError(f"The query selects more than {MAX_SELECTED} fields.")


def _fields(
    selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Iterator[tuple[FieldNode, int]]:
    """Return the fields of an operation with their depths, fragments' where they are spread; not what is introspected.

    Raises:
        GraphQLError: a field is nested too deeply, as those of a fragment that spreads itself are.
    """
    waiting, visited = [(selected, 1)], 0
    while waiting:
        selection_set, depth = waiting.pop()
        visited += 1
        # Fragments that spread each other twice and twice again are many selections in a few words.
        if depth > MAX_DEPTH or visited > MAX_SELECTED:
            raise GraphQLError(TOO_DEEP)
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    yield selection, depth
                    # Introspection has a rule of its own, and no end of it is the caller's data.
                    if selection.selection_set and not selection.name.value.startswith("__"):
                        waiting.append((selection.selection_set, depth + 1))
                case InlineFragmentNode():
                    waiting.append((selection.selection_set, depth))
                case FragmentSpreadNode() if selection.name.value in fragments:
                    waiting.append((fragments[selection.name.value].selection_set, depth))
