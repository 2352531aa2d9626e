#!/usr/bin/env bash
# Runs the uv of .venv with the index and the certificates that pip is set up with: uv does not read
# pip's configuration, and no file of this repository says where packages come from.
set -euo pipefail
cd "$(dirname "$0")/.."

pip_setting() { .venv/bin/python -m pip config get "$1" 2>/dev/null; }

if [[ -z ${UV_DEFAULT_INDEX:-} ]]; then
    index=${PIP_INDEX_URL:-$(pip_setting global.index-url || true)}
    if [[ -n $index ]]; then export UV_DEFAULT_INDEX=$index; fi
fi
if [[ -z ${SSL_CERT_FILE:-} ]]; then
    certificates=${PIP_CERT:-$(pip_setting global.cert || true)}
    if [[ -n $certificates ]]; then export SSL_CERT_FILE=$certificates; fi
fi
exec .venv/bin/uv --no-config --no-python-downloads "$@"
