#!/usr/bin/env bash
# What being watched costs a run: training with two readers of the live page and a scrape of every program's metrics, and without, in turns within one run.
#   bench/watched.sh [PAIRS] [STEPS] [SECONDS]     PAIRS of windows (default 12) of STEPS each (default 100); a scrape every SECONDS (default 5; Prometheus' own default is 60)
# The readers ask for what the page asks for, when it would, and draw nothing: a browser has a machine of its own. Prints the ratio of the windows' times, pair by pair,
# and the processor time of each program a step. Needs python3; takes some ten minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pairs=${1:-12} steps=${2:-100} every=${3:-5}
[[ $pairs =~ ^[1-9][0-9]*$ && $steps =~ ^[1-9][0-9]*$ && $every =~ ^[1-9][0-9]*$ ]] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v python3 >/dev/null || { echo "watched: python3 is needed" >&2; exit 2; }

folder=$(mktemp -d)
./ganymede train --preset cgan-32 --batch 32 --nodes 2 --steps 100000000 --sample-every 50 --checkpoint-every 0 --out "$folder/run" --json >"$folder/out.json" 2>"$folder/log" &
command=$!
trap 'kill -TERM "$command" 2>/dev/null || true; wait "$command" || true; rm -rf "$folder"' EXIT
python3 - "$folder/run" "$command" "$pairs" "$steps" "$every" <<'SCRIPT'
import json, math, os, statistics, sys, threading, time, urllib.request

folder, command, pairs, steps, every = sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:])
WARM_UP_STEPS, DEADLINE = 200, 120


def committed():
    """The newest step of which the ledger has a whole line; 0 while there is none."""
    try:
        with open(f"{folder}/ledger.jsonl", "rb") as ledger:
            ledger.seek(max(0, os.path.getsize(ledger.name) - 4096))
            whole = ledger.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return 0
    return json.loads(whole.rpartition(b"\n")[2])["step"] if whole else 0


def reach(step):
    """Waits until a step is committed; its time."""
    last, since = committed(), time.monotonic()
    while (now := committed()) < step:
        if now > last:
            last, since = now, time.monotonic()
        if not os.path.exists(f"/proc/{command}") or time.monotonic() - since > DEADLINE:
            sys.exit(f"watched: no step after step {last} for {time.monotonic() - since:.0f} s")
        time.sleep(0.005)
    return time.monotonic()


def processor_seconds(program):
    fields = open(f"/proc/{program['pid']}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


class Reader(threading.Thread):
    """The live page without a screen: follows the state, and asks for what is new in it."""

    def __init__(self, coordinator):
        super().__init__(daemon=True)
        self.coordinator, self.over = coordinator, threading.Event()

    def ask(self, path):
        return json.loads(get(f"{self.coordinator}/api/runs/{path}"))

    def run(self):
        seen, sequence, figures_at = None, 0, 0.0
        with urllib.request.urlopen(f"{self.coordinator}/api/cluster/events", timeout=60) as stream:
            while not self.over.is_set() and (line := stream.readline()):
                if not line.startswith(b"data:"):
                    continue
                state = json.loads(line[5:])
                run = state["runs"][0]["run"]
                if seen is None:
                    self.ask(run), self.ask(f"{run}/history")
                if seen != state["lastEvents"][run]:
                    seen = state["lastEvents"][run]
                    news = self.ask(f"{run}/log?after={sequence}")
                    sequence = max([sequence, *(event["sequence"] for event in news)])
                    if grids := self.ask(f"{run}/grids"):
                        get(f"{self.coordinator}/api/runs/{run}/grids/{max(grid['step'] for grid in grids)}")
                if time.monotonic() - figures_at > 10:
                    figures_at = time.monotonic()
                    self.ask(f"{run}/metrics")


class Scraper(threading.Thread):
    def __init__(self, programs):
        super().__init__(daemon=True)
        self.programs, self.over = programs, threading.Event()

    def run(self):
        while not self.over.is_set():
            for program in self.programs:
                get(f"{program['http']}/metrics")
            self.over.wait(every)


def window(watched):
    readers = [Reader(coordinator["http"]), Reader(coordinator["http"]), Scraper(programs)] if watched else []
    for reader in readers:
        reader.start()
    first = committed() + 3  # what was begun before is done
    begun, before = reach(first), [processor_seconds(program) for program in programs]
    seconds = reach(first + steps) - begun
    used = [(after - earlier) / steps for after, earlier in zip((processor_seconds(program) for program in programs), before)]
    dead = [type(reader).__name__ for reader in readers if not reader.is_alive()]
    for reader in readers:
        reader.over.set()
    for reader in readers:
        reader.join(30)
    if dead:
        sys.exit(f"watched: {', '.join(dead)} ended before its window did")
    return seconds / steps, used


reach(1)
programs = json.load(open(f"{folder}/cluster.json"))
coordinator = next(program for program in programs if program["role"] == "coordinator")
reach(WARM_UP_STEPS)
window(True)  # its code is compiled
ratios, used = [], {False: [], True: []}
for pair in range(pairs):
    seconds = {}
    for watched in (False, True) if pair % 2 == 0 else (True, False):
        seconds[watched], cost = window(watched)
        used[watched].append(cost)
    ratios.append(seconds[True] / seconds[False])
    print(f"pair {pair + 1}: {1000 * seconds[False]:.1f} ms a step, watched {1000 * seconds[True]:.1f} ({100 * ratios[-1] - 100:+.1f} %)", flush=True)
error = statistics.stdev(ratios) / math.sqrt(pairs) if pairs > 1 else math.nan
print(f"\nwatched over not: median {100 * statistics.median(ratios) - 100:+.2f} %, mean {100 * statistics.mean(ratios) - 100:+.2f} % +- {100 * error:.2f} (standard error of {pairs} pairs)")
print("processor time a step, ms:")
total = {False: 0.0, True: 0.0}
for index, program in enumerate(programs):
    quiet, watched = (1000 * statistics.mean(cost[index] for cost in used[mode]) for mode in (False, True))
    total[False], total[True] = total[False] + quiet, total[True] + watched
    print(f"  {program['name']:<14} {quiet:8.2f}   watched {watched:8.2f}")
print(f"  {'all':<14} {total[False]:8.2f}   watched {total[True]:8.2f}   ({100 * total[True] / total[False] - 100:+.2f} %)")
SCRIPT
