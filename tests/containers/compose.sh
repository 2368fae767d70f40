#!/usr/bin/env bash
# Brings the compose files up, uses what they promise, and takes everything away again.
#
#   tests/containers/compose.sh             needs the image `troupe`, see image.sh
#   tests/containers/compose.sh --parse     only looks at what needs no image
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
export COMPOSE_PROJECT_NAME=troupe-test-$$ TROUPE_SECRETS=$scratch
file=
cleanup() {
    [ -z "$file" ] || compose down --volumes --timeout 20 >"$scratch/down" 2>&1 || cat "$scratch/down" >&2
    rm -rf "$scratch"
}
trap cleanup EXIT

compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose -f "$file" "$@"
    else
        docker-compose -f "$file" "$@"
    fi
}

fail() {
    echo "$*" >&2
    compose logs --tail 40 >&2 || true
    exit 1
}

# Waits until a command succeeds, for a minute at most.
wait_for() {
    local deadline=$((SECONDS + 60))
    until "$@" >"$scratch/said" 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "not within a minute: $*: $(cat "$scratch/said")"
        sleep 0.2
    done
}

# k2v-cli in the container of a service, which speaks to the port there.
k2v() {
    local service=$1
    shift
    compose exec -T -e K2V_ENDPOINT=http://127.0.0.1:3904 -e K2V_BUCKET=data -e AWS_REGION=garage \
        -e AWS_ACCESS_KEY_ID="${key%%:*}" -e AWS_SECRET_ACCESS_KEY="${key##*:}" "$service" k2v-cli "$@"
}

key=GK$(printf '7%.0s' {1..24}):$(printf '8%.0s' {1..64})

printf '6%.0s' {1..64} >"$scratch/rpc_secret"
echo "$key" >"$scratch/default_key"
printf 'GARAGE_DEFAULT_ACCESS_KEY=%s\nGARAGE_DEFAULT_SECRET_KEY=%s\n' "${key%%:*}" "${key##*:}" >"$scratch/garage.env"
chmod 644 "$scratch"/*
chmod 755 "$scratch"

# Garage's image comes from a registry, which the machines of the tests do not reach: the file is parsed, and what it says of the
# two servers is compared.
beside_garage() {
    file=deploy/docker-compose.garage.yml
    compose config >"$scratch/parsed" || fail "$file is not a compose file"
    local wanted
    for wanted in "TROUPE_DEFAULT_BUCKET: data" "GARAGE_DEFAULT_BUCKET: data" "GARAGE_DEFAULT_ACCESS_KEY: ${key%%:*}" \
        "GARAGE_DEFAULT_SECRET_KEY: '\?${key##*:}'\?" "TROUPE_DEFAULT_KEY_FILE: /run/secrets/default_key"; do
        grep -q "$wanted" "$scratch/parsed" || fail "$file does not say '$wanted': $(cat "$scratch/parsed")"
    done
    file=
}

three_nodes() {
    file=deploy/docker-compose.yml
    compose up --detach --no-build
    local node
    for node in node1 node2 node3; do
        wait_for k2v "$node" ls
    done
    k2v node1 insert mail first --text hello
    for node in node2 node3; do
        [ "$(k2v "$node" read mail first --raw)" = hello ] || fail "$node does not show what node1 acknowledged"
    done
    compose kill node2
    k2v node3 insert mail second --text world
    [ "$(k2v node1 read mail second --raw)" = world ] || fail "node1 does not show what node3 acknowledged"
    compose start node2
    wait_for k2v node2 read mail second --raw
    compose exec -T node2 troupe status
    compose down --volumes --timeout 20
    file=
}

single_node() {
    file=deploy/docker-compose.single.yml
    compose up --detach --no-build
    wait_for k2v node insert mail first --text hello
    compose kill node
    compose start node
    wait_for k2v node read mail first --raw
    grep -q hello "$scratch/said" || fail "the node does not show what it acknowledged: $(cat "$scratch/said")"
    compose down --volumes --timeout 20
    file=
}

beside_garage
[ "${1:-}" = --parse ] || {
    single_node
    three_nodes
    echo "the compose files of one and of three nodes come up, serve, and survive a kill"
}
echo "the compose file of Troupe beside Garage is well-formed"
