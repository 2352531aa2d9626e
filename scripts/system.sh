#!/usr/bin/env bash
# Installs the packages of requirements/debian.txt when root, else prints the line that does.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t packages < <(sed -e 's/[[:space:]]*#.*//' -e '/^$/d' requirements/debian.txt)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done

if ((${#missing[@]} == 0)); then
    echo "system: all ${#packages[@]} Debian packages are there"
elif ((EUID != 0)); then
    echo "system: not root; run this:"
    echo "sudo apt-get install --yes --no-install-recommends ${missing[*]}"
else
    echo "system: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet
    apt-get install --yes --quiet --no-install-recommends "${missing[@]}" </dev/null
fi
