#!/usr/bin/env bash
# Builds .venv from the hash-pinned files: `venv.sh main` to run wristlet (Bluetooth included), `venv.sh dev` to work on it,
# `venv.sh pcsc` to add pyscard where it can be built. Asks nothing; the Makefile calls it by stamp file.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null 9<requirements
flock 9 # two makes at once must not build the same .venv

python=.venv/bin/python
uv=scripts/uv.sh

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "venv: no Python 3.11 or later found. Install python3 and python3-venv, or set PYTHON=/path/to/python." >&2
    return 1
}

bootstrap() {
    if [[ ! -x $python ]] || ! "$python" -c '' 2>/dev/null; then
        local base
        base=$(find_python)
        echo "venv: making .venv with $("$base" --version)"
        rm -rf .venv
        "$base" -m venv .venv
    fi
    if ! .venv/bin/uv --version 2>/dev/null | grep -qF " $(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements/bootstrap.txt)"; then
        echo "venv: fetching uv"
        "$python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps \
            --only-binary :all: --require-hashes -r requirements/bootstrap.txt
    fi
}

# Makes .venv hold exactly what the named files pin, nothing older, nothing more.
# `uv pip sync` takes no dependencies that are not in a file, so yubikey-manager, aeon and pyActigraphy come alone.
sync() {
    echo "venv: installing ${*#requirements/}"
    "$uv" pip sync --python "$python" --require-hashes --only-binary :all: "$@"
    "$uv" pip install --python "$python" --quiet --no-deps --no-build-isolation --offline --editable .
}

install_pcsc() {
    local missing=()
    command -v gcc >/dev/null || missing+=(gcc)
    command -v swig >/dev/null || missing+=(swig)
    [[ -e /usr/include/PCSC/winscard.h ]] || missing+=(libpcsclite-dev)
    if ((${#missing[@]})); then
        echo "venv: pyscard is left out, its build needs: ${missing[*]} (\`make system\`)"
        return
    fi
    echo "venv: building pyscard"
    "$uv" pip install --python "$python" --no-deps --no-build-isolation --require-hashes -r requirements/pcsc.txt
    touch .venv/.stamp-pcsc
}

# Another make may have done the work while this one waited for the lock.
is_fresh() {
    local stamp=.venv/.stamp-$1
    [[ -e $stamp ]] && [[ -z $(find requirements/*.txt pyproject.toml scripts/venv.sh -newer "$stamp") ]]
}

r=requirements
mode=${1:-dev}
if [[ $mode != pcsc ]] && is_fresh "$mode"; then exit; fi
bootstrap
# A .venv for development stays one: it has all that is needed to run.
if [[ $mode == main && -e .venv/.stamp-dev ]]; then mode=dev; fi
case $mode in
main)
    sync $r/bootstrap.txt $r/main.txt $r/build.txt $r/ble.txt
    touch .venv/.stamp-main
    ;;
dev)
    rm -f .venv/.stamp-pcsc
    sync $r/bootstrap.txt $r/main.txt $r/build.txt $r/ble.txt $r/dev.txt $r/yubikey.txt \
        $r/activity-data.txt
    touch .venv/.stamp-main .venv/.stamp-dev
    ;;
pcsc) [[ -e .venv/.stamp-pcsc ]] || install_pcsc ;;
*)
    echo "venv: main, dev or pcsc, not '$mode'" >&2
    exit 2
    ;;
esac
