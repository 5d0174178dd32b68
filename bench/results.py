#!/usr/bin/env python3
"""The records of bench/results.sh: one file a run, and the table of all of them in docs/results.md.

bench/results.py record RUN FILE MINUTES STEPS "PRESET SETTINGS"     writes FILE from the run's result.json and evaluation.json
bench/results.py table FOLDER PAGE                                   puts the table of FOLDER's records between the page's two markers
"""
import glob
import json
import os
import statistics
import sys

BEGIN, END = "<!-- bench/results.sh writes from here -->", "<!-- to here -->"
BASE = "cgan-32"
COLUMNS = ["preset", "n", "FID", "KID", "precision", "recall", "coverage", "CAS, %", "near a training image, %", "steps", "steps/s"]


def record(run, path, minutes, steps, trained):
    result = json.load(open(f"{run}/result.json"))
    document = json.load(open(f"{run}/evaluation.json"))
    figures = document["result"]
    if document["weightsSha256"] != result["weightsSha256"]:
        sys.exit(f"results: {run}: the evaluation is of other weights than the run's")
    preset, *settings = trained.split()
    score = figures["accuracyScore"]
    kept = {
        "preset": preset, "settings": settings[1::2], "seed": result["seed"], "minutes": float(minutes), "mostSteps": int(steps), "steps": result["steps"],
        "secondsTraining": result["secondsTraining"], "weightsSha256": result["weightsSha256"], "images": figures["images"], "probeAccuracy": figures["probe"]["accuracy"],
        "fid": figures["fid"], "kid": {bound: figures["kid"][bound]["value"] for bound in ("value", "floor", "ceiling")}, "manifold": figures["manifold"],
        "accuracyScore": score and {key: score[key] for key in ("generated", "real", "images", "testImages")},
        "memorisation": figures["memorisation"]["features"],
    }
    with open(path + ".part", "w") as file:
        json.dump(kept, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)


def spread(values, form, scale=1.0):
    values = [scale * value for value in values if value is not None]
    if not values:
        return "-"
    middle = form.format(statistics.mean(values))
    return middle if min(values) == max(values) else f"{middle} ± {form.format(statistics.stdev(values))}"


def row(name, found):
    scores = [one["accuracyScore"]["generated"] if one["accuracyScore"] else None for one in found]
    manifold = [one["manifold"]["value"] for one in found]
    return "| " + " | ".join([
        name, str(len(found)), spread([one["fid"]["value"] for one in found], "{:.1f}"), spread([one["kid"]["value"] for one in found], "{:.1f}"),
        *(spread([one[key] for one in manifold], "{:.2f}") for key in ("precision", "recall", "coverage")), spread(scores, "{:.1f}", 100),
        spread([one["memorisation"]["closerShare"] for one in found], "{:.1f}", 100), spread([one["steps"] for one in found], "{:,.0f}"),
        spread([one["steps"] / one["secondsTraining"] for one in found], "{:.1f}"),
    ]) + " |"


def bound(name, which, found):
    manifold = [one["manifold"][which] for one in found]
    real = [one["accuracyScore"]["real"] if which == "floor" and one["accuracyScore"] else None for one in found]
    return "| " + " | ".join([
        name, str(len(found)), spread([one["fid"][which] for one in found], "{:.1f}"), spread([one["kid"][which] for one in found], "{:.1f}"),
        *(spread([one[key] for one in manifold], "{:.2f}") for key in ("precision", "recall", "coverage")), spread(real, "{:.1f}", 100), "-", "-", "-",
    ]) + " |"


def table(folder, page):
    runs = {}
    for path in sorted(glob.glob(f"{folder}/*.json")):
        runs.setdefault(os.path.basename(path)[:-len(".json")].rpartition("-")[0], []).append(json.load(open(path)))
    if not runs:
        sys.exit(f"results: {folder} holds no records")
    head = ["| " + " | ".join(COLUMNS) + " |", "| " + " | ".join(["---"] + ["---:"] * (len(COLUMNS) - 1)) + " |"]
    everything = [one for found in runs.values() for one in found]
    order = sorted(runs, key=lambda name: statistics.mean(one["fid"]["value"] for one in runs[name]))
    lines = head + [bound("*real images*", "floor", everything)]
    lines += [row(f"`{name}`", runs[name]) for name in order if not name.startswith(f"{BASE}-without-")]
    lines += [bound("*noise*", "ceiling", everything)]
    taken = [name for name in order if name.startswith(f"{BASE}-without-")]
    if taken and BASE in runs:
        lines += ["", f"`{BASE}`, and what becomes of it without one of its techniques:", ""] + head
        lines += [row(f"`{BASE}`", runs[BASE])] + [row(name[len(BASE) + 1:].replace("-", " ", 1), runs[name]) for name in taken]
    text = open(page).read()
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    open(page, "w").write(text[:before] + "\n\n" + "\n".join(lines) + "\n\n" + text[after:])
    print("\n".join(lines))


match sys.argv[1:]:
    case ["record", run, path, minutes, steps, trained]:
        record(run, path, minutes, steps, trained)
    case ["table", folder, page]:
        table(folder, page)
    case _:
        sys.exit(__doc__)
