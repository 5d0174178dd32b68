#!/usr/bin/env bash
# Test hosts on one machine: network namespaces PREFIX0, PREFIX1, … with addresses 10.77.0.10, 10.77.0.11, … on a bridge of their own.
# Nothing of the machine's own network is touched. Needs root, ip and tc (Debian: iproute2).
#   bench/hosts.sh up PREFIX COUNT [MBIT]     makes them; with MBIT each sends at most so many megabits a second
#   bench/hosts.sh down PREFIX COUNT          ends what still runs in them and removes them
set -euo pipefail

usage() { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 3 ] || usage
action=$1 prefix=$2 count=$3 rate=${4:-}
[[ $prefix =~ ^[a-z]{1,6}$ && $count =~ ^[0-9]+$ && $count -ge 1 && $count -le 100 && $rate =~ ^[0-9]*$ ]] || usage
switch=${prefix}switch

case $action in
up)
    ip netns add "$switch"
    ip -n "$switch" link add bridge type bridge
    ip -n "$switch" link set bridge up
    for ((i = 0; i < count; i++)); do
        ip netns add "$prefix$i"
        ip link add e0 netns "$prefix$i" type veth peer name "port$i" netns "$switch"
        ip -n "$switch" link set "port$i" master bridge up
        ip -n "$prefix$i" link set lo up
        ip -n "$prefix$i" addr add "10.77.0.$((10 + i))/24" dev e0
        ip -n "$prefix$i" link set e0 up
        [ -z "$rate" ] || tc -n "$prefix$i" qdisc add dev e0 root tbf rate "${rate}mbit" burst 64kb latency 200ms
    done
    ;;
down)
    for ((i = 0; i < count; i++)); do
        ip netns pids "$prefix$i" 2>/dev/null | xargs -r kill -9 || true
        ip netns del "$prefix$i" 2>/dev/null || true
    done
    ip netns del "$switch" 2>/dev/null || true
    ;;
*) usage ;;
esac
