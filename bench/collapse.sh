#!/usr/bin/env bash
# A run made to collapse, D's rate 20 times too high and no regulariser, watched only and with the controller that may act; what came of each seed.
#   bench/collapse.sh [FOLDER] [SEEDS] [STEPS]     FOLDER for the runs (default runs/collapse), SEEDS (default "1 2 3 4 5"), STEPS (default 500)
# ARMS (default "watched controlled sound") are what is done of each. Runs that are there already are not done again. Needs python3 for the table; takes some 20 minutes on two cores. docs/collapse.md shows what it printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-runs/collapse} seeds=${2:-1 2 3 4 5} steps=${3:-500} arms=${ARMS:-watched controlled sound}
[[ $steps =~ ^[1-9][0-9]*$ && $seeds =~ ^[0-9]+( [0-9]+)*$ ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v python3 >/dev/null || { echo "collapse: python3 is needed for the table" >&2; exit 2; }
mkdir -p "$folder"

# cgan-32's networks, narrow, with DCGAN's loss, momentum and rates (Radford et al. 2016): 2e-4 for both. (With DCGAN's beta2, too, 0.999 for 0.9, it collapses less surely.)
sick=(--preset cgan-32 --data fashion-mnist --nodes 2 --threads 1 --steps "$steps" --sample-every 100 --checkpoint-every 0
    --set batch=32 --set generator.width=64 --set discriminator.width=16 --set loss=non-saturating
    --set generatorOptimizer.learningRate=2e-4 --set generatorOptimizer.beta1=0.5 --set discriminatorOptimizer.beta1=0.5
    --set discriminator.architecture=projection --set discriminator.spectralNorm=false --set augment.translation=0 --set controller.window=25 --set controller.warmup=50)

run() { # name, seed, D's rate, settings…
    local out=$folder/$1 seed=$2 rate=$3
    shift 3
    if [ ! -f "$out/result.json" ]; then
        rm -rf "$out"
        ./ganymede train "${sick[@]}" --seed "$seed" --set discriminatorOptimizer.learningRate="$rate" "$@" --out "$out" --json >"$out.json" || [ $? -eq 130 ] # stopped by the controller
        mv "$out.json" "$out/result.json"
    fi
}

for seed in $seeds; do
    for arm in $arms; do
        case $arm in
            watched) run "$arm-$seed" "$seed" 4e-3 --set controller.patience=1000 ;; # sees, and never acts
            controlled) run "$arm-$seed" "$seed" 4e-3 ;;
            sound) run "$arm-$seed" "$seed" 2e-4 ;; # D's rate as it should be: nothing to treat
            *) echo "collapse: ARMS: $arm is none of watched, controlled, sound" >&2; exit 2 ;;
        esac
    done
done

for result in "$folder"/*/result.json; do
    out=$(dirname "$result")
    [ -f "$out/evaluation.json" ] || ./ganymede evaluate --run "$out" --count 1000 --updates 300 --json >/dev/null
done

python3 - "$folder" $seeds <<'SCRIPT'
import json, os, sys
folder, seeds = sys.argv[1], sys.argv[2:]
row = "| {:<12} | {:<4} | {:>8} | {:>9} | {:>6} | {:>6} | {:>8} | {:>9} | {:>9} | {} |".format
print(row("run", "seed", "detected", "recovered", "FID", "floor", "coverage", "diversity", "agreement", "actions (step)"))
print(row(*["---"] * 10))
words = {"raises the aug": "augmentation", "raises R1": "R1", "lowers": "D's rate", "goes back": "roll back", "stops": "stop", "healthy": "recovered"}
runs = [(kind, seed) for kind in ("sound", "watched", "controlled") for seed in seeds if os.path.exists(f"{folder}/{kind}-{seed}/evaluation.json")]
for kind, seed in runs:
    run = os.path.join(folder, f"{kind}-{seed}")
    events = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    acts = [(line["step"], next(short for word, short in words.items() if word in line["controller"])) for line in events if "controller" in line]
    first = next((str(step) for step, what in acts if what != "recovered"), "-")
    well = acts[-1][0] if acts and acts[-1][1] == "recovered" else "-" # and not ill again since
    figures = json.load(open(f"{run}/evaluation.json"))
    figures = figures.get("result", figures)
    print(row(kind, seed, first, str(well), f"{figures['fid']['value']:.1f}", f"{figures['fid']['floor']:.1f}",
        f"{figures['manifold']['value']['coverage']:.2f}", f"{figures['diversity']['value']:.2f}", f"{figures['labelAgreement']:.2f}",
        ", ".join(f"{what} {step}" for step, what in acts) or "none"))
print()
for kind, seed in runs:
    lines = [json.loads(line) for line in open(f"{folder}/{kind}-{seed}/metrics.jsonl")]
    curve = [f"{line['diversity']:.2f}" for line in lines if line["step"] % 100 == 0 and "diversity" in line]
    print(f"{kind} {seed}: diversity each 100 steps {' '.join(curve)}")
SCRIPT
