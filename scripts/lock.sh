#!/usr/bin/env bash
# Writes the hash-pinned requirement files from pyproject.toml and requirements/*.in.
# Pins stay where they are unless a source asks for more; `scripts/lock.sh --upgrade` moves all.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() { # output, then sources and options
    local output=requirements/$1
    shift
    scripts/uv.sh pip compile --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-build-options --no-annotate \
        --custom-compile-command "make lock" --output-file "$output" "$@"
    echo "lock: $output has $(grep -c '^[a-z0-9]' "$output") pins"
}

upgrade=("$@")
compile bootstrap.txt requirements/bootstrap.in --only-binary :all: "${upgrade[@]}"
compile main.txt pyproject.toml --only-binary :all: "${upgrade[@]}"
compile build.txt requirements/build.in --only-binary :all: "${upgrade[@]}"
compile ble.txt requirements/ble.in --only-binary :all: "${upgrade[@]}"
compile dev.txt requirements/dev.in --only-binary :all: "${upgrade[@]}"
compile pcsc.txt requirements/pcsc.in "${upgrade[@]}"
compile yubikey.txt requirements/yubikey.in --only-binary :all: --no-deps "${upgrade[@]}"
compile activity-data.txt requirements/activity-data.in --only-binary :all: --no-deps "${upgrade[@]}"
