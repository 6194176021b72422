#!/usr/bin/env bash
# Do what the Dockerfile does in a clean root of Debian's packages, where no container engine is at hand:
# the same files, the same packages, the same user, the same commands. Needs root and debootstrap.
#   tools/prove_image.sh [FOLDER]      the clean root; it is made, and removed at the end
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-$(mktemp -d)}
release=${RELEASE:-trixie} # as the Dockerfile's; RELEASE=bookworm: with Python 3.11, the oldest that Atelier runs on
command -v debootstrap >/dev/null || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends debootstrap
}
trap 'umount -l "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT

echo "== a clean root in $root"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,postgresql-client "$release" "$root" >/dev/null
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/"
# Where a mirror of the index is set up, and an authority of one's own signs for it.
mkdir -p "$root/root/.config/pip"
[ -f /etc/pip.conf ] && cp /etc/pip.conf "$root/etc/pip.conf"
[ -f ~/.config/pip/pip.conf ] && cp ~/.config/pip/pip.conf "$root/root/.config/pip/pip.conf"
[ -f /etc/ssl/certs/ca-certificates.crt ] && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
in_root() { chroot "$root" env -i PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }

echo "== the packages"
locks=$(python3 -m tools.requirements choose run)
mkdir -p "$root/build"
cp requirements.lock requirements-cpu.lock "$root/build/"
in_root python3 -m venv /opt/venv
in_root python -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "/build/${locks##* }"

echo "== the program, as its own user"
in_root useradd --create-home --uid 1000 atelier
mkdir -p "$root/data" "$root/app"
chown 1000:1000 "$root/data"
chmod 700 "$root/data"
# What .dockerignore lets in, as git has it: nothing that lies about in this checkout.
git archive HEAD LICENSE NOTICES.md pyproject.toml common jobs engine bot | tar -x -C "$root/app"
as_user() {
    chroot --userspec=1000:1000 "$root" env -i PATH=/opt/venv/bin:/usr/bin:/bin HOME=/home/atelier LANG=C.UTF-8 \
        PYTHONUNBUFFERED=1 ATELIER_DATA_DIR=/data "$@"
}

echo "== it can copy a PostgreSQL database"
as_user pg_dump --version
as_user pg_restore --version

echo "== it says what it is, and what it lacks"
as_user sh -c 'cd /app && python -m bot --version'
code=0
as_user sh -c 'cd /app && python -m bot' || code=$?
[ "$code" = 2 ] || { echo "without a token it should end with 2, not $code" >&2; exit 1; }

echo "== an engine serves, and the health check says so"
as_user sh -c 'cd /app; python -m engine & engine=$!
    asked="--only engine --only store --only disk" # no bot runs here, for want of a token
    for _ in $(seq 60); do python -m jobs status --quiet $asked && break; sleep 1; done
    python -m jobs status $asked; code=$?; kill $engine; wait $engine; exit $code'

echo "== it paints"
cp docs/images/results.jpg "$root/data/photograph.jpg"
as_user sh -c 'cd /app && python -m engine paint /data/photograph.jpg --preset starry-night \
    --size 128 --quality draft -o /data/picture.png'
[ -s "$root/data/picture.png" ]
echo "== all of it worked"
