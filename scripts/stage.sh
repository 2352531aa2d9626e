#!/usr/bin/env bash
# Runs one stage of a make target: prints its name, then its result with the time it took.
set -uo pipefail
name=$1
shift
started=$EPOCHREALTIME
echo "── $name"
"$@"
code=$?
ended=$EPOCHREALTIME
took_ms=$(((${ended/[.,]/} - ${started/[.,]/}) / 1000))
printf '── %s: %s in %d.%d s\n' "$name" "$( ((code)) && echo "FAILED ($code)" || echo ok)" $((took_ms / 1000)) $((took_ms % 1000 / 100))
exit $code
