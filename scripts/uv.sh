#!/usr/bin/env bash
# Runs the uv of .venv with the index and the certificates that this machine is set up with: uv reads
# neither pip's configuration nor the system's certificates, and no file of this repository says where
# packages come from.
set -euo pipefail
cd "$(dirname "$0")/.."

# `pip config get` misses keys that `list` shows (pip 23), so the list is read.
settings=$(.venv/bin/python -m pip config list 2>/dev/null || true)
pip_setting() { sed -n "s/^global\.$1='\(.*\)'\$/\1/p" <<<"$settings"; }

index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(pip_setting index-url)}}
if [[ -n $index ]]; then export UV_DEFAULT_INDEX=$index; fi

certificates=${SSL_CERT_FILE:-${PIP_CERT:-$(pip_setting cert)}}
if [[ -n $certificates ]]; then
    export SSL_CERT_FILE=$certificates
elif [[ -e /etc/ssl/certs/ca-certificates.crt ]]; then
    export UV_SYSTEM_CERTS=1
fi
exec .venv/bin/uv --no-config --no-python-downloads "$@"
