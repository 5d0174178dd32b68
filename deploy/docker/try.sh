#!/usr/bin/env bash
# Builds the CPU image, starts a cluster of three containers of it (not root, read-only root file system, no capabilities, no network but loopback),
# trains a few steps, asks pbm who is there, and ends it. Prints what happened; exit code 1 if something was not as it should be.
#   deploy/docker/try.sh                 with the base images of the Dockerfile
#   deploy/docker/try.sh --local-base    with a base made here from Debian packages (mmdebstrap) and this machine's .NET SDK
#   deploy/docker/try.sh --image NAME    an image that is there already
# Needs podman and root. Where limits cannot be raised (inside another container), CONTAINERS_CONF names a containers.conf with lower default_ulimits. The package cache and NuGet.Config of whoever calls it are used, so that nothing is fetched twice.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/../..
cd "$root"
image=ganymede:try cluster=ganymede-try-$$ failures=0
work=$(mktemp -d /tmp/ganymede-try-XXXXXX)
version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)

say() { printf '== %s\n' "$*"; }
check() { if "${@:2}"; then printf 'ok    %s\n' "$1"; else printf 'FAIL  %s\n' "$1"; failures=$((failures + 1)); fi; }
cleanup() {
    for name in gpu-node coordinator lighthouse; do podman rm -f -t 5 "$cluster-$name" >/dev/null 2>&1 || true; done
    rm -rf "$work"
}
trap cleanup EXIT

local_base() {
    local dotnet
    dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
    say "base from $(. /etc/os-release; echo "$PRETTY_NAME") packages and the .NET of this machine"
    mkdir "$work/base"
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,libstdc++6,zlib1g,libssl3,libgomp1 "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$work/base/rootfs.tar"
    cp deploy/docker/Dockerfile.base "$work/base/Dockerfile"
    cp -a "$dotnet" "$work/base/dotnet"
    podman build -q -t localhost/ganymede-base-sdk "$work/base" >/dev/null
    rm -rf "$work/base/dotnet/sdk" "$work/base/dotnet/packs" "$work/base/dotnet/templates" "$work/base/dotnet/sdk-manifests"
    podman build -q -t localhost/ganymede-base-runtime "$work/base" >/dev/null
    rm -rf "$work/base"
    bases=(--build-arg SDK_IMAGE=localhost/ganymede-base-sdk --build-arg RUNTIME_IMAGE=localhost/ganymede-base-runtime)
}

bases=()
build() {
    say "building $image"
    cache=()
    packages=${NUGET_PACKAGES:-$HOME/.nuget/packages}
    [ -d "$packages" ] && cache+=(-v "$packages:/root/.nuget/packages")
    [ -f "$HOME/.nuget/NuGet/NuGet.Config" ] && cache+=(-v "$HOME/.nuget/NuGet/NuGet.Config:/root/.nuget/NuGet/NuGet.Config:ro")
    [ -d /etc/ssl/certs ] && cache+=(-v /etc/ssl/certs:/etc/ssl/certs:ro)
    podman build --network host "${cache[@]}" "${bases[@]}" -f deploy/docker/Dockerfile -t "$image" . >"$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }
}

case ${1:-} in
    --image) image=${2:?--image: a name is expected} ;;
    --local-base) local_base; build ;;
    '') build ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
podman images --format '{{.Repository}}:{{.Tag}} {{.Size}}' "$image"

say "starting a Lighthouse, a Coordinator and a GPU node"
mkdir "$work/shared" && chown 1654:1654 "$work/shared"
start() { # name, program, settings…
    local network=container:$cluster-lighthouse # all see one loopback, and nothing else
    [ "$1" = lighthouse ] && network=none
    mkdir "$work/cache-$1" && chown 1654:1654 "$work/cache-$1"
    podman run -d --network "$network" --name "$cluster-$1" --read-only --cap-drop all --security-opt no-new-privileges \
        -v "$work/cache-$1:/cache" -v "$work/shared:/shared" --env GANYMEDE__Node__Name="$1" "${@:3}" --entrypoint '["dotnet","/app/Ganymede.'"$2"'.dll"]' "$image" >/dev/null
}
seed=(--env GANYMEDE__Cluster__SeedNodes__0=akka.tcp://ganymede@127.0.0.1:4053)
start lighthouse Lighthouse --env GANYMEDE__Cluster__Bootstrap=true --env GANYMEDE__Cluster__Port=4053 --env GANYMEDE__Http__Port=8081 --env GANYMEDE__Pbm__Port=9110
start coordinator Coordinator "${seed[@]}" --env GANYMEDE__Http__Port=8080 --env GANYMEDE__Pbm__Port=9111
start gpu-node GpuNode "${seed[@]}" --env GANYMEDE__Http__Port=8082 --env GANYMEDE__Pbm__Port=9112

# GET inside: nothing outside of the containers reaches their loopback.
get() { podman exec "$cluster-lighthouse" bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 && printf 'GET $2 HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3 && cat <&3" 2>/dev/null; }
ready() { local i; for i in $(seq 120); do get "$1" /healthz/ready | grep -q ' 200 ' && return; sleep 0.5; done; return 1; }
for one in lighthouse:8081 coordinator:8080 gpu-node:8082; do check "${one%:*} is ready" ready "${one#*:}"; done
shows_metrics() { get 8082 /metrics | grep -q '^ganymede_process_memory_resident_bytes{'; }
check "the GPU node shows metrics" shows_metrics

inside() { podman exec "$cluster-gpu-node" "$@"; }
is_not_root() { [ "$(inside id -u)" = 1654 ]; }
cannot_write() { ! inside touch /app/x 2>/dev/null && ! inside touch /etc/x 2>/dev/null; }
check "it runs as user 1654" is_not_root
check "its root file system is read-only" cannot_write
says_version() { inside ganymede version | tee "$work/version" | grep -qF "$version"; }
check "ganymede version says $version" says_version

say "training 10 steps in it"
inside ganymede train --coordinator http://127.0.0.1:8080 --nodes 1 --steps 10 --out /shared/run --json 2>"$work/train.log" | tee "$work/train.json" || { tail -5 "$work/train.log"; }
trained() { grep -q '"weightsSha256":"[0-9a-f]\{64\}"' "$work/train.json"; }
check "it trained" trained

if inside ganymede pbm --help >/dev/null 2>&1; then
    say "pbm cluster show"
    inside pbm cluster show | tee "$work/pbm"
    shows_three() { grep -q 'Count: 3 nodes' "$work/pbm"; }
    check "pbm cluster show counts 3 nodes" shows_three
fi

say "SIGTERM"
for name in gpu-node coordinator lighthouse; do
    podman stop -t 60 "$cluster-$name" >/dev/null
    check "$name ended with 0" test "$(podman inspect -f '{{.State.ExitCode}}' "$cluster-$name")" = 0
done
if [ "$failures" -gt 0 ]; then for name in lighthouse coordinator gpu-node; do podman logs --tail 20 "$cluster-$name" || true; done; fi
echo "$failures failures"
[ "$failures" -eq 0 ]
