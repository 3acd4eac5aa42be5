"""The table of all doors, and the trials that each passes.

A route's row follows from its declaration (`route_doors`), a field's of GraphQL from the schema (`graphql_doors`), a
tool's from its folder; any other entry has a row of its own (`function_doors`). An entry without a row fails
`test_every_door_has_a_row`.
"""

from tests.support.door import Door
from tests.support.function_doors import function_doors, tool_doors
from tests.support.graphql_doors import graphql_doors
from tests.support.route_doors import page_doors, route_doors

DOORS: list[Door] = [*route_doors(), *page_doors(), *graphql_doors(), *function_doors(), *tool_doors()]
