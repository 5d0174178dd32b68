#!/usr/bin/env bash
# Every 32-pixel preset, and cgan-32 without each of its techniques, trained on Fashion-MNIST for the same time or as many steps; as a table.
#   bench/results.sh [FOLDER] [SEEDS] [MINUTES] [STEPS]     FOLDER for the runs (default runs/results), SEEDS (default "1 2 3"), MINUTES of training each (default 20), STEPS at most (default 10000)
# PRESETS and WITHOUT (a list of techniques, or "") choose among them, COUNT (default 5000) images are drawn and UPDATES (default 1000) made for each evaluation. A run ends
# after the step in hand when its time is over. Runs that are there already are not done again, so it can be stopped and started. Needs python3 and the Debian package
# dataset-fashion-mnist; takes some 14 hours on two cores, one run at a time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-runs/results} seeds=${2:-1 2 3} minutes=${3:-20} steps=${4:-10000}
presets=${PRESETS-cgan-32 dcgan-32 acgan-32 improved-32 semi-32 wgan-32 wgan-gp-32 r3gan-32 sngan-32}
without=${WITHOUT-spectral-norm augmentation projection conditional-norm moving-average}
number='^[1-9][0-9]*$'
[[ $steps =~ $number && $minutes =~ ^[0-9]+(\.[0-9]+)?$ && $seeds =~ ^[0-9]+( [0-9]+)*$ ]] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v python3 >/dev/null || { echo "results: python3 is needed for the table" >&2; exit 2; }
mkdir -p "$folder"
./ganymede version >/dev/null # builds, which is not to count as training

run() { # name, seed, preset, settings…
    local out=$folder/$1-$2 seed=$2 preset=$3 code=0
    shift 3
    if [ ! -f "$out/result.json" ]; then
        rm -rf "$out"
        # An interrupt at the end of the time: the step in hand is finished, a checkpoint written, and the exit code is 130.
        timeout --preserve-status --signal=INT "${minutes}m" ./ganymede train --preset "$preset" --data fashion-mnist-full --nodes 2 --steps "$steps" --seed "$seed" \
            --sample-every 0 --checkpoint-every 0 "$@" --out "$out" --json >"$out.json" 2>"$out.log" || code=$?
        [ "$code" -eq 0 ] || [ "$code" -eq 130 ] || fail "$out.log" "exit code $code"
        [ -s "$out.json" ] || fail "$out.log" "$minutes minutes were over before the first step"
        mv "$out.json" "$out/result.json"
    fi
    if [ ! -f "$out/evaluation.json" ]; then
        ./ganymede evaluate --run "$out" --data fashion-mnist-test --count "${COUNT:-5000}" --updates "${UPDATES:-1000}" --json >/dev/null 2>>"$out.log" || fail "$out.log" "it cannot be evaluated"
    fi
    echo "$(date +%T) $out" >&2
}

fail() { # log, what
    tail -5 "$1" >&2
    echo "results: $2; see $1" >&2
    exit 1
}

for seed in $seeds; do
    for preset in $presets; do
        run "$preset" "$seed" "$preset"
    done
    for technique in $without; do
        case $technique in
            spectral-norm) set -- --set discriminator.spectralNorm=false ;;
            augmentation) set -- --set augment.translation=0 ;;
            projection) set -- --set discriminator.conditioning=concatenation ;; # the class as planes beside the image
            conditional-norm) set -- --set generator.norm=batch ;; # the class beside the noise only
            moving-average) set -- --set ema=0 ;;
            *) echo "results: WITHOUT: $technique is none of spectral-norm, augmentation, projection, conditional-norm, moving-average" >&2; exit 2 ;;
        esac
        run "cgan-32-without-$technique" "$seed" cgan-32 "$@"
    done
done

python3 - "$folder" "$seeds" <<'SCRIPT'
import json, os, statistics, sys

folder, seeds = sys.argv[1], sys.argv[2].split()
row = "| {:<33} | {} | {:>13} | {:>5} | {:>5} | {:>15} | {:>11} | {:>13} | {:>11} | {:>7} |".format


def spread(values, form):
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    middle = form.format(statistics.mean(values))
    return middle if len(values) == 1 else f"{middle} ± {form.format(statistics.stdev(values))}"


runs = {}
for name in sorted(os.listdir(folder)):
    kind, _, seed = name.rpartition("-")
    if seed in seeds and os.path.exists(f"{folder}/{name}/evaluation.json"):
        figures = json.load(open(f"{folder}/{name}/evaluation.json"))
        result = json.load(open(f"{folder}/{name}/result.json"))
        runs.setdefault(kind, []).append((figures.get("result", figures), result))

print(row("preset", "n", "FID", "floor", "noise", "KID", "coverage", "CAS %", "steps", "steps/s"))
print(row(*["---"] * 10))
for kind, found in sorted(runs.items(), key=lambda item: statistics.mean(figures["fid"]["value"] for figures, _ in item[1])):
    scores = [figures["accuracyScore"] for figures, _ in found if figures.get("accuracyScore")]
    print(row(
        kind, len(found),
        spread([figures["fid"]["value"] for figures, _ in found], "{:.1f}"),
        spread([found[0][0]["fid"]["floor"]], "{:.1f}"),
        spread([found[0][0]["fid"]["ceiling"]], "{:.0f}"),
        spread([figures["kid"]["value"]["value"] for figures, _ in found], "{:.1f}"),
        spread([figures["manifold"]["value"]["coverage"] for figures, _ in found], "{:.2f}"),
        spread([100 * score["generated"] for score in scores], "{:.1f}"),
        spread([result["steps"] for _, result in found], "{:.0f}"),
        spread([result["steps"] / result["secondsTraining"] for _, result in found], "{:.2f}")))
real = [100 * figures["accuracyScore"]["real"] for found in runs.values() for figures, _ in found if figures.get("accuracyScore")]
print(f"\nThe same classifier trained on as many real images: {spread(real, '{:.1f}')} % (of {len(real)} trainings).")
SCRIPT
