#!/usr/bin/env bash
# Builds the image `troupe` without an image registry, for tests on machines that reach none.
#
# The base image is made of Debian packages (debootstrap), and the programs are this checkout's, built here: two things in
# which it differs from what `docker build -f deploy/Dockerfile .` makes, which takes Debian's own slim image and builds in
# Rust's. Everything after that is deploy/Dockerfile's second stage, to the letter.
#
#   tests/containers/image.sh [TAG]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tag=${1:-troupe}
base=troupe-test-base:bookworm
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

if ! docker image inspect "$base" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
    debootstrap --variant=minbase bookworm "$context/base" >"$context/log" 2>&1 || { tail -20 "$context/log" >&2; exit 1; }
    tar --directory "$context/base" --create . | docker import - "$base" >/dev/null
    rm -rf "$context/base"
fi

cargo build --release --bin troupe
cargo build --release --package k2v-client --features cli --bin k2v-cli
built=${CARGO_TARGET_DIR:-target}/release
install -D --strip "$built/troupe" "$built/k2v-cli" --target-directory="$context/out"
mkdir "$context/deploy"
cp deploy/troupe.toml "$context/deploy/"
{
    echo "FROM $base"
    sed -e '1,/^FROM ${RUNTIME_IMAGE}$/d' -e 's|^COPY --from=build /out/|COPY out/|' deploy/Dockerfile
} >"$context/Dockerfile"
DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" "$context"
