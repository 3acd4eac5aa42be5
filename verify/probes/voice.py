"""A probe of the provider of speech: what is spoken is heard again."""

import json
import uuid

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe

SENTENCE = "The library lends books for four weeks."


@probe(
    does="The function that hears and speaks is asked to speak a sentence, and then to transcribe it.",
    expected="The transcript holds the sentence's words.",
)
def speech(account: Account) -> Seen:
    bucket, key = account.outputs["Bucket"], f"speech/requests/verify-{uuid.uuid4().hex}"
    account.later("a sound in the bucket", lambda: account.client("s3").delete_object(Bucket=bucket, Key=key))
    made = _asked(account, {"text": SENTENCE, "key": key, "format": "mp3"})
    if "made" not in made:
        return Seen(f"it was not spoken: {_said(made)}", as_documented=False)
    heard = _asked(account, {"key": key})
    if "transcript" not in heard:
        return Seen(f"it was not heard: {_said(heard)}", as_documented=False)
    text = heard["transcript"]["text"]
    found = [word for word in ("library", "books", "weeks") if word in text.lower()]
    models = f"{made['made']['model']}, {heard['transcript']['model']}"
    return Seen(f"{len(found)} of 3 words were heard ({models})", as_documented=len(found) == 3)


def _asked(account: Account, event: Json) -> Json:
    client = account.client("lambda")
    try:
        answer = client.invoke(FunctionName=account.name("speech"), Payload=json.dumps(event).encode())
    except client.exceptions.ResourceNotFoundException:
        raise Untried("this deployment neither hears nor speaks") from None
    result: Json = json.loads(answer["Payload"].read())
    return result


def _said(result: Json) -> str:
    return str(result.get("error", {}).get("message") or result.get("errorType", "no answer"))
