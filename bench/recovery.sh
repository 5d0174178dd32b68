#!/usr/bin/env bash
# What a killed worker costs: ours beside PyTorch's elastic launch (torchrun), the article's networks on three processes of one thread.
#   bench/recovery.sh [KILLS] [IMAGES]       KILLS of each (default 5), IMAGES a process and step (default 8)
# Needs a Python with torch (PYTHON, default /usr/bin/python3; Debian: apt-get install python3-torch).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kills=${1:-5} images=${2:-8} python=${PYTHON:-/usr/bin/python3}
[[ $kills =~ ^[1-9][0-9]?$ && $images =~ ^[1-9][0-9]?$ ]] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
"$python" -c 'import torch.distributed.run' 2>/dev/null || { echo "recovery: $python has no torch (Debian: apt-get install python3-torch)" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" bench/peers/torchrun_recovery.py 3 "$kills" "$images" 20 "$folder/theirs" >"$folder/theirs.json"
./ganymede chaos --preset article-64-adam --data fashion-mnist --nodes 3 --shards 4 --batch $((3 * images / 4 * 4)) --checkpoint-every 20 \
    --faults kill --each "$kills" --every 4s --out "$folder/ours" --json >"$folder/ours.json"
"$python" - "$folder" <<'SCRIPT'
import json, sys
from statistics import median
theirs, ours = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("theirs", "ours"))
row = "{:<12} {:>10} {:>28} {:>12} {:>30}".format
print(row("", "step, s", "next step, s: median (most)", "steps lost", "where it was, s: median (most)"))
seconds, back = ([kill[key] for kill in theirs["kills"]] for key in ("secondsToNextCommit", "secondsToWhereItWas"))
lost = [kill["stepsLost"] for kill in theirs["kills"]]
print(row("torchrun", f"{theirs['medianStepSeconds']:.3f}", f"{median(seconds):.2f} ({max(seconds):.2f})", f"{min(lost)} to {max(lost)}", f"{median(back):.2f} ({max(back):.2f})"))
seconds = [fault["secondsToNextCommit"] for fault in ours["faults"]]
print(row("ganymede", f"{ours['medianStepSeconds']:.3f}", f"{median(seconds):.2f} ({max(seconds):.2f})", "0", f"{median(seconds):.2f} ({max(seconds):.2f})"))
print(f"ganymede's weights {'equal those of a quiet run' if ours['weightsEqual'] else 'DIFFER from those of a quiet run'}")
SCRIPT
