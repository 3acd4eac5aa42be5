/** Says in words what went wrong, and what to do. */

const BY_CODE = {
  insufficient_quota: "A budget is used up. `python -m assistants budget show` tells which; it starts anew at midnight (UTC).",
  too_many_streams: "As many streams are open as may be. Close other tabs, or try again in a moment.",
  rate_limit_exceeded: "Too many requests at once. Try again in a moment.",
  request_too_large: "Send less at once. Files of more than 4 MB can be uploaded by a program (docs/http-api.md, Files).",
};

const BY_STATUS = {
  0: "Check your connection, and whether the stack runs. What was begun goes on without this page.",
  401: "Sign in with a key: `python -m assistants keys issue NAME` prints a new one.",
  404: "It was deleted, or belongs to another project.",
  409: "Somebody else changed it at the same time. Try again.",
  429: "Try again in a moment.",
};

/** Return what to do about a refusal of the API; empty where its own message says all. */
export function advice(error) {
  if (BY_CODE[error.code]) return BY_CODE[error.code];
  if (error.status >= 500) return `Try again. If it happens again, look for the request ${error.requestId || ""} in the logs.`;
  return BY_STATUS[error.status] ?? "";
}

const RUN_ERRORS = {
  rate_limit_exceeded: "The model's provider allows no more calls for now: wait, or ask it for a higher limit. If its message speaks of a quota, look at the account there.",
  invalid_prompt: "The model's server refused the request. Check the model's name, the tools' schemas, and what the messages hold; the same request will be refused again.",
  server_error: "The model's server could not be reached, or answered nonsense. Run it again; if it goes on, check the model's address and key (docs/models.md).",
};

/** Return why a run did not complete and what to do, as `{ title, what, todo }`; null where all is well. */
export function ending(run) {
  const error = run.last_error;
  switch (run.status) {
    case "failed":
      return { title: "The run failed", what: error?.message ?? "", code: error?.code, todo: RUN_ERRORS[error?.code] ?? "" };
    case "expired":
      return { title: "The run expired", what: "Its time was up before it had ended.", todo: "Answer its calls sooner, or give the run more time: `expires_after`, up to a day." };
    case "cancelled":
      return { title: "The run was cancelled", what: "Somebody asked for it.", todo: "" };
    case "incomplete":
      return INCOMPLETE[run.incomplete_details?.reason] ?? { title: "The answer is incomplete", what: "The provider's content filter cut it off.", todo: "Ask in other words." };
    default:
      return null;
  }
}

const INCOMPLETE = {
  max_completion_tokens: { title: "The answer is incomplete", what: "It came to the limit of its tokens.", todo: "Raise `max_completion_tokens`, or ask for less." },
  max_prompt_tokens: { title: "The answer is incomplete", what: "The conversation came to the limit of its prompts' tokens.", todo: "Raise `max_prompt_tokens`, or start a new thread." },
};

export const STATUS_WORDS = {
  queued: "queued", in_progress: "in progress", requires_action: "waits for you", cancelling: "cancelling", cancelled: "cancelled",
  failed: "failed", completed: "completed", incomplete: "incomplete", expired: "expired",
};
