#!/usr/bin/env bash
# Makes the Python environment of the tests that speak gRPC: a venv with what requirements.txt pins,
# and the stubs of our protos. Does nothing where it is made already.
#   tests/e2e/python_environment.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
exec 9>"$folder.lock"
flock 9

if ! cmp -s "$here/requirements.txt" "$folder/requirements.txt"; then
  /usr/bin/env python3 -m venv --clear "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$folder/"
fi

# A new folder of stubs for each call, put in place at once: tests may be running.
stubs=$(mktemp -d "$folder/stubs.XXXXXX")
(cd "$root/proto" && "$folder/bin/python" -m grpc_tools.protoc -I. \
  --python_out="$stubs" --grpc_python_out="$stubs" throng/v1/*.proto)
rm -rf "$folder/stubs"
mv -T "$stubs" "$folder/stubs"
