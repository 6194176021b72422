#!/bin/sh
# s3fs 2026.9.0: `exists` of a bucket is false where the server cannot be reached, refuses the keys or answers with an
# error, since it passes over every exception of its two questions. `exists` of a key in it raises then. Whoever asks
# whether a bucket has been deleted is told yes during an outage.
# Expected: only the server's 404 is a no, and everything else is raised, as for keys. What helps: `info`, which raises
# FileNotFoundError for a bucket that is not there and passes on the rest.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check s3fs==2026.9.0 aiobotocore==3.10.0
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import socket

import s3fs

with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]  # closed below: nobody listens there
files = s3fs.S3FileSystem(
    key="key",
    secret="secret",
    endpoint_url=f"http://127.0.0.1:{port}",
    config_kwargs={"connect_timeout": 1, "retries": {"total_max_attempts": 1}},
)
files.retries = 1
for ask in (files.exists, files.info):
    for path in ("bucket", "bucket/key"):
        try:
            answer = ask(path)
        except Exception as error:
            answer = type(error).__name__
        print(ask.__name__.strip("_"), path, answer)
PYTHON
)
seen="exists bucket False
exists bucket/key EndpointConnectionError
info bucket EndpointConnectionError
info bucket/key EndpointConnectionError"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
