#!/usr/bin/env bash
# Brings the compose files up, uses what they promise, and takes everything away again.
#
#   tests/containers/compose.sh
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

three_nodes() {
    file=deploy/docker-compose.yml
    printf '6%.0s' {1..64} >"$scratch/rpc_secret"
    echo "$key" >"$scratch/default_key"
    chmod 644 "$scratch/rpc_secret" "$scratch/default_key"
    chmod 755 "$scratch"
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
    export TROUPE_DEFAULT_KEY=$key
    compose up --detach --no-build
    wait_for k2v node insert mail first --text hello
    compose kill node
    compose start node
    wait_for k2v node read mail first --raw
    grep -q hello "$scratch/said" || fail "the node does not show what it acknowledged: $(cat "$scratch/said")"
    compose down --volumes --timeout 20
    file=
}

single_node
three_nodes
echo "both compose files come up, serve, and survive a kill"
