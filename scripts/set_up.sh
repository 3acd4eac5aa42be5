#!/bin/sh
# Sets up .venv and node_modules in this folder unless they are as they should be: `make setup`.
#
# Every failure is one line, and the next try works: what was cut short is made anew, and what was downloaded is kept by
# uv and npm. PYTHON names the interpreter; otherwise one from 3.11 on is found.
set -uf
cd "$(dirname "$0")/.." || exit 1

LOCK=local/requirements.txt
LOG=.build/set-up.log
AGAIN="Then run the same command again."
FITS='import sys; sys.exit(sys.version_info < (3, 11))'

stop() {
  echo "$1" >&2
  exit "${2:-1}"
}
trap 'stop "Interrupted. The next try goes on from here." 130' INT TERM HUP

# Run a command without its output; if it fails, say why in one line.
run() {
  said=$("$@" 2>&1) && return
  { printf '%s\n' "$said" >"$LOG"; } 2>/dev/null
  case $said in
  *[Nn]"o space left"* | *ENOSPC* | *"os error 28"* | *"quota exceeded"*)
    stop "The disk is full: the set-up takes about 2 GB in this folder and in uv's cache. Make room. $AGAIN" ;;
  *"Read-only file system"* | *EROFS* | *"ermission denied"* | *EACCES*)
    stop "A folder can't be written to ($LOG says which): make it writable. $AGAIN" ;;
  *[Ff]"ailed to fetch"* | *"error sending request"* | *"onnection refused"* | *"NewConnectionError"* | *"imed out"* | \
    *"ame resolution"* | *"dns error"* | *ECONNREFUSED* | *ENOTFOUND* | *EAI_AGAIN* | *ETIMEDOUT* | *ECONNRESET*)
    stop "The package index can't be reached ($LOG): check network, proxy and PIP_INDEX_URL. $AGAIN" ;;
  esac
  stop "The set-up failed at \`$1 ${2-} ${3-} ${4-}\`; $LOG says why. $AGAIN"
}

# The interpreter for .venv: it is new enough and can make one.
interpreter() {
  found=
  # A distribution's own comes first: it is built with a profile of what programs do. One that pyenv builds is not, and
  # imports, say, take it a sixth longer.
  case ":$PATH:" in *:/usr/bin:*) own=/usr/bin/python3 ;; *) own= ;; esac
  for name in ${PYTHON:-$own python3.13 python3.12 python3.11 python3 python}; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    found="$found$name is $version, "
    "$name" -c "$FITS" 2>/dev/null || continue
    if "$name" -c 'import venv, ensurepip' 2>/dev/null; then
      echo "$name"
      return
    fi
    lacking="$name has no venv module: install it (Debian, Ubuntu: apt install python$version-venv)."
  done
  stop "${lacking:-Python 3.11 or newer is needed (${found:-found none}${found:+not enough}; PYTHON=... names another).} $AGAIN"
}

# What an installation depends on apart from its packages: where it is, and its interpreter.
place() { (cd .venv && pwd -P) && .venv/bin/python -c 'import sys; print(sys.version, sys.base_prefix)'; }

names() { find .venv/bin .venv/lib -maxdepth 3 ! -name __pycache__; }

is_whole() {
  [ -f .venv/.names ] && [ ! -e .venv/.unfinished ] && [ "$(place 2>/dev/null)" = "$(cat .venv/.place 2>/dev/null)" ] ||
    return 1
  while IFS= read -r name; do [ -e "$name" ] || return 1; done <.venv/.names
}

# Whether packages can be added to a .venv that somebody else has made, as `pip install -r requirements.txt` needs it.
is_somebody_s() {
  [ -d .venv ] && [ ! -e .venv/.unfinished ] && [ ! -e .venv/.place ] &&
    .venv/bin/python -c "$FITS" 2>/dev/null && .venv/bin/python -m pip --version >/dev/null 2>&1
}

set_up_venv() {
  wanted=$(cksum <$LOCK)
  if is_whole; then
    [ "$wanted" = "$(cat .venv/.installed 2>/dev/null)" ] && return
    echo "Bringing .venv up to date"
  elif is_somebody_s; then
    echo "Adding to .venv (once, about a minute)"
  else
    python=$(interpreter) || exit 1
    if [ -e .venv ] || [ -L .venv ]; then
      echo "Making .venv anew: it is broken, was moved or was not finished (about a minute)"
      run mv .venv ".build/old-venv.$$"
    else
      echo "Setting up .venv (once, about a minute)"
    fi
    run mkdir .venv
    run touch .venv/.unfinished
    run "$python" -m venv .venv
  fi
  rm -f .venv/.installed
  run touch .venv/.unfinished
  # uv, and then the rest with it: pip takes minutes.
  sed -n '/^uv==/,/[^\]$/p' $LOCK >.venv/uv.txt 2>/dev/null
  run .venv/bin/python -m pip install --quiet --retries 1 --require-hashes --requirement .venv/uv.txt
  # uv has another name for the index that pip is told of.
  [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
  run .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement $LOCK
  run write .venv/.place place
  run write .venv/.names names
  run write .venv/.installed printf '%s\n' "$wanted"
  rm -f .venv/.unfinished
}

# Write what a command says into a file.
write() {
  file=$1
  shift
  "$@" >"$file"
}

set_up_node_modules() {
  wanted="$(cksum <package-lock.json)"
  [ "$wanted" = "$(cat node_modules/.installed 2>/dev/null)" ] && return
  echo "Installing the CDK CLI and the JavaScript packages"
  run .venv/bin/npm ci --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=1000
  run write node_modules/.installed printf '%s\n' "$wanted"
}

mkdir -p .build 2>/dev/null || stop "This folder can't be written to: $(pwd). $AGAIN"
set_up_venv
set_up_node_modules
find .build -maxdepth 1 -name 'old-venv.*' -exec rm -rf {} + 2>/dev/null
exit 0
