#!/usr/bin/env bash
# Every 32-pixel preset, and cgan-32 without each of its techniques, trained on Fashion-MNIST for the same time or as many steps: the table in docs/results.md.
#   bench/results.sh [FOLDER] [SEEDS] [MINUTES] [STEPS]     FOLDER for the runs (default runs/results), SEEDS (default "1 2 3"), MINUTES of training each (default 20), STEPS at most (default 10000)
# JOBS (default: one for each core) runs at a time, each on one core. PRESETS and WITHOUT (a list of techniques, or "") choose among them, COUNT (default 5000) images
# are drawn and UPDATES (default 1000) made for each evaluation. A run ends after the step in hand when its time is over. What a run came to is kept as
# RECORDS/NAME-SEED.json (default bench/results) and not done again: it can be stopped, started, and done in parts on several days. Needs python3 and the Debian package
# dataset-fashion-mnist; takes some eight hours on two cores.
set -euo pipefail
set -m # every run is a process group of its own, which ends with this script
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-runs/results} seeds=${2:-1 2 3} minutes=${3:-20} steps=${4:-10000}
jobs=${JOBS-$(nproc)} records=${RECORDS-bench/results} count=${COUNT:-5000} updates=${UPDATES:-1000}
presets=${PRESETS-cgan-32 dcgan-32 acgan-32 improved-32 semi-32 wgan-32 wgan-gp-32 r3gan-32 sngan-32}
without=${WITHOUT-augmentation spectral-norm own-places projection conditional-norm moving-average}
number='^[1-9][0-9]*$'
[[ $steps =~ $number && $jobs =~ $number && $minutes =~ ^[0-9]+(\.[0-9]+)?$ && $seeds =~ ^[0-9]+( [0-9]+)*$ ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v python3 >/dev/null || { echo "results: python3 is needed for the table" >&2; exit 2; }
mkdir -p "$folder" "$records"
./ganymede version >/dev/null # builds, which is not to count as training
trap 'for group in $(jobs -p); do kill -- "-$group" 2>/dev/null || true; done' EXIT

run() { # name, seed, preset, settings…
    local name=$1-$2 out=$folder/$1-$2 seed=$2 preset=$3 code=0
    shift 3
    if [ ! -f "$out/result.json" ]; then
        rm -rf "$out"
        # SIGTERM at the end of the time: the step in hand is finished, a checkpoint written, and the exit code is 130.
        timeout --foreground --preserve-status --signal=TERM "${minutes}m" ./ganymede train --preset "$preset" --data fashion-mnist-full --nodes 1 --threads 1 --steps "$steps" --seed "$seed" \
            --sample-every 0 --checkpoint-every 0 "$@" --out "$out" --json >"$out.json" 2>"$out.log" || code=$?
        [ "$code" -eq 0 ] || [ "$code" -eq 130 ] || fail "$out.log" "exit code $code"
        [ -s "$out.json" ] || fail "$out.log" "$minutes minutes were over before the first step"
        mv "$out.json" "$out/result.json"
    fi
    [ -f "$out/evaluation.json" ] || ./ganymede evaluate --run "$out" --data fashion-mnist-test --count "$count" --updates "$updates" --threads 1 --json >/dev/null 2>>"$out.log" || fail "$out.log" "it cannot be evaluated"
    python3 bench/results.py record "$out" "$records/$name.json" "$minutes" "$steps" "$preset $*"
    echo "$(date +%T) $name" >&2
}

fail() { # log, what
    tail -5 "$1" >&2
    echo "results: $2; see $1" >&2
    exit 1
}

begin() { # as run; waits for a free core
    [ ! -f "$records/$1-$2.json" ] || return 0
    while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do
        wait -n || exit 1
    done
    run "$@" &
}

for seed in $seeds; do
    for preset in $presets; do
        begin "$preset" "$seed" "$preset"
    done
    for technique in $without; do
        case $technique in
            spectral-norm) set -- --set discriminator.spectralNorm=false ;;
            augmentation) set -- --set augment.translation=0 ;;
            own-places) set -- --set discriminator.architecture=projection ;; # D's last features summed over space
            projection) set -- --set discriminator.conditioning=concatenation ;; # the class as planes beside the image
            conditional-norm) set -- --set generator.norm=batch ;; # the class beside the noise only
            moving-average) set -- --set ema=0 ;;
            *) echo "results: WITHOUT: $technique is none of augmentation, spectral-norm, own-places, projection, conditional-norm, moving-average" >&2; exit 2 ;;
        esac
        begin "cgan-32-without-$technique" "$seed" cgan-32 "$@"
    done
done
while [ -n "$(jobs -pr)" ]; do
    wait -n || exit 1
done

python3 bench/results.py table "$records" docs/results.md
