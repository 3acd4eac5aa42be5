"""Makes the tools: one for each folder in `lambdas/tools`, and the rest of those that are built in."""

from constructs import Construct

from cdk.code_interpreter import CodeInterpreter
from cdk.embedding import Embedding
from cdk.file_search import FileSearch
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.model import Model
from cdk.tool import Tool, left_out
from layers.tool_folders import tool_folders


class Tools(Construct):
    """Every tool that this stack runs; one that the model's provider hosts, or that is left out, is not deployed.

    Attributes:
        functions: the functions that a run's calls invoke, by the tool's module.
        file_search: the queue, the ingestion and the search; None where the provider hosts it.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation, *, model: Model) -> None:
        super().__init__(scope, id)
        configuration = foundation.configuration
        self.functions: dict[str, VersionedFunction] = {}
        without = left_out(configuration)
        folders = {folder.name: folder for folder in tool_folders() if folder.name not in without}
        for name, folder in folders.items():
            if not folder.settings.built_in:
                tool = self.functions[name] = Tool(self, foundation, folder)
                foundation.tables.grant_read_run_status(tool)
        # These two have resources of their own, which are named after their place in the stack.
        if configuration.code_interpreter == "own":
            code_interpreter = CodeInterpreter(scope, "CodeInterpreter", foundation, folders["code_interpreter"])
            self.functions["code_interpreter"] = code_interpreter.broker
        self.file_search: FileSearch | None = None
        if configuration.file_search == "own":
            embedding = Embedding(scope, "Embedding", foundation, model=model)
            self.file_search = FileSearch(scope, "FileSearch", foundation, folders["file_search"], embedding=embedding)
            self.functions["file_search"] = self.file_search.search
