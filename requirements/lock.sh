#!/bin/sh
# Pins every package by version and hashes, for all platforms, without naming where they came from.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"; }
compile pyproject.toml -o requirements/serve.txt
echo hatchling | compile - -o requirements/build.txt
compile pyproject.toml --group dev -o requirements/dev.txt
