#!/bin/sh
# The first answer, with curl and code: `sh examples/first_answer.sh`. See README.md for what it needs.
set -eu

call() { # METHOD PATH [BODY]
    curl --silent --show-error --fail-with-body --request "$1" "$OPENAI_BASE_URL$2" ${3:+--data "$3"} \
        --header "Authorization: Bearer $OPENAI_API_KEY" --header "Content-Type: application/json" \
        --header "OpenAI-Beta: assistants=v2"
}
first() { grep -oE "\"$1_[a-z0-9]+\"" | head -n 1 | tr -d '"'; } # The first id with this prefix.

assistant=$(call POST /assistants '{"model": "gpt-6-luna", "instructions": "You are a maths tutor.",
    "tools": [{"type": "code_interpreter"}]}' | first asst)
thread=$(call POST /threads '{"messages": [{"role": "user", "content": "Solve 3x + 11 = 14."}]}' | first thread)
run=$(call POST "/threads/$thread/runs" "{\"assistant_id\": \"$assistant\"}" | first run)

while status=$(call GET "/threads/$thread/runs/$run" | grep -oE '"status": ?"[a-z_]+"' | head -n 1); do
    case $status in
        *queued* | *in_progress*) sleep 1 ;;
        *) break ;;
    esac
done
echo "The run's $status."
call GET "/threads/$thread/messages?run_id=$run" | grep -oE '"value": ?"([^"\\]|\\.)*"'
