"""Has the emulator's REST APIs stream: what a function writes, its client gets at once.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html.
"""

import asyncio
import json
from typing import Any

from ministack.core.responses import StreamingResponse  # type: ignore[import-untyped]
from ministack.services import apigateway_v1 as gateway  # type: ignore[import-untyped]

from local.patches_lambda import on_chunk

Json = Any

DELIMITER = b"\0" * 8
MAX_METADATA_BYTES = 16_384
MAX_IDLE_SECONDS = 300
"""Of a stream of a regional API."""


def apply() -> None:
    """Patch the emulator, before what any proxy integration has to pass first is put in front of this one."""
    stream_what_a_function_writes()


def stream_what_a_function_writes() -> None:
    """A function that streams is answered for with a 502, as its answer is no JSON."""
    invoke, call = gateway._invoke_lambda_proxy_v1, gateway._call_lambda_raw

    async def invoke_streaming(
        integration: Json,
        *request: Json,
        owner_account_id: str,
        owner_region: str,
        binary_media_types: Json = None,
        **more: Json,
    ) -> Json:
        if integration.get("responseTransferMode") != "STREAM":
            owner = {"owner_account_id": owner_account_id, "owner_region": owner_region}
            return await invoke(integration, *request, **owner, binary_media_types=binary_media_types, **more)
        event = gateway._build_lambda_event_v1(*request, binary_media_types=binary_media_types, **more)
        reference = gateway._extract_lambda_ref_from_integration_uri(integration["uri"])
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[bytes | None]()

        def hand_over(piece: bytes) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        async def run() -> Json:
            """Run the function to its end, whether or not anybody listens, as AWS does."""
            on_chunk.set(hand_over)
            try:
                return await call(reference, event, account_id=owner_account_id, region=owner_region)
            finally:
                loop.call_soon(pieces.put_nowait, None)

        running = asyncio.create_task(run())
        first = await _metadata(pieces)
        if first is None:
            result, missing = await running
            if missing:
                return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
            # It has failed, or its answer is none that can be streamed.
            return gateway._lambda_proxy_response(result if result.get("error") or result.get("throttle") else {})
        status, headers, begun = first

        async def send_on(send: Json, _: Json) -> None:
            piece: bytes | None = begun
            while piece is not None:
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await asyncio.wait_for(pieces.get(), MAX_IDLE_SECONDS)
            result, _ = await running
            # Without a last piece the client sees that the answer was cut off.
            if not result.get("error"):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return status, headers, StreamingResponse(send_on)

    gateway._invoke_lambda_proxy_v1 = invoke_streaming


async def _metadata(pieces: "asyncio.Queue[bytes | None]") -> tuple[int, Json, bytes] | None:
    """Wait for an answer's status and headers; return them and what followed at once, or None if there are none."""
    data = b""
    while DELIMITER not in data:
        piece = await pieces.get()
        if piece is None or len(data) > MAX_METADATA_BYTES:
            return None
        data += piece
    encoded, _, rest = data.partition(DELIMITER)
    try:
        metadata = json.loads(encoded)
        headers = {**metadata.get("headers", {}), **metadata.get("multiValueHeaders", {})}
        return int(metadata["statusCode"]), {"Content-Type": "application/json", **_titled(headers)}, rest
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _titled(headers: Json) -> Json:
    """Return headers whose names replace the default whatever their case."""
    return {("Content-Type" if name.lower() == "content-type" else name): value for name, value in headers.items()}
