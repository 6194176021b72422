#!/bin/sh
# s3fs 2026.9.0: `cat_file(path, start=5, end=5)` gets the whole object, however large, where nothing is asked for. It
# sends the range "bytes=5-4", which RFC 9110 has a server ignore; S3 does so, and moto, as S3. The same happens where
# the start lies before the beginning, as of the first 10 bytes by `start=-100, end=10`, and with `cat_ranges`, by which
# arrays are read in pieces: an empty piece is the whole file. The file systems of local files and of memory give the
# slice. Expected, as documented: limits "like usual python slices". What helps: not to ask for an empty range.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check s3fs==2026.9.0 aiobotocore==3.10.0 \
    'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5
said=$(cd "$folder" && AWS_DEFAULT_REGION=us-east-1 "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
from pathlib import Path

import fsspec
import s3fs
from moto.server import ThreadedMotoServer

DATA = bytes(range(50))
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
remote = s3fs.S3FileSystem(key="key", secret="secret", endpoint_url=f"http://{host}:{port}")
remote.call_s3("create_bucket", Bucket="bucket")
remote.pipe("bucket/key", DATA)
Path("file").write_bytes(DATA)
memory = fsspec.filesystem("memory")
memory.pipe("/key", DATA)
places = {"local": (fsspec.filesystem("file"), "file"), "memory": (memory, "/key"), "s3fs": (remote, "bucket/key")}
for start, end in ((0, 10), (-10, -5), (-100, None), (5, 5), (0, 0), (None, 0), (-100, 10)):
    told = [f"a slice {len(DATA[start:end])}"]
    told += [f"{name} {len(place.cat_file(path, start=start, end=end))}" for name, (place, path) in places.items()]
    print(f"{start} to {end}, bytes:", ", ".join(told))
for name, (place, path) in places.items():
    pieces = place.cat_ranges([path] * 3, [0, 20, 20], [20, 20, 50])
    print(f"pieces of 20, 0 and 30 by {name}:", *map(len, pieces))
server.stop()
PYTHON
)
seen="0 to 10, bytes: a slice 10, local 10, memory 10, s3fs 10
-10 to -5, bytes: a slice 5, local 5, memory 5, s3fs 5
-100 to None, bytes: a slice 50, local 50, memory 50, s3fs 50
5 to 5, bytes: a slice 0, local 0, memory 0, s3fs 50
0 to 0, bytes: a slice 0, local 0, memory 0, s3fs 50
None to 0, bytes: a slice 0, local 0, memory 0, s3fs 50
-100 to 10, bytes: a slice 10, local 10, memory 10, s3fs 50
pieces of 20, 0 and 30 by local: 20 0 30
pieces of 20, 0 and 30 by memory: 20 0 30
pieces of 20, 0 and 30 by s3fs: 20 50 30"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
