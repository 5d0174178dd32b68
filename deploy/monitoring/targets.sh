#!/bin/sh
# targets.sh cluster.json: the HTTP ports of a local cluster's programs, as Prometheus reads them from a file (file_sd).
set -eu
[ $# -eq 1 ] && [ -f "$1" ] || { echo "usage: $0 RUN/cluster.json" >&2; exit 2; }
targets=$(tr '{' '\n' <"$1" | sed -n 's|.*"http":"http://\([^"/]*\)/*".*|"\1"|p' | paste -s -d, -)
[ -n "$targets" ] || { echo "$1: names no program" >&2; exit 2; }
printf '[{"targets":[%s]}]\n' "$targets"
