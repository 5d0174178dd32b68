#!/usr/bin/python3
"""What a killed worker costs PyTorch's elastic launch (torchrun): the peer of `ganymede chaos --faults kill`; bench/recovery.sh runs both.

torchrun_recovery.py WORKERS KILLS BATCH CHECKPOINT_EVERY FOLDER      needs torch, on Debian: apt-get install python3-torch
Starts `python3 -m torch.distributed.run` with WORKERS workers that train the article's GAN (ddp_step.py), BATCH images each, and
save a checkpoint every CHECKPOINT_EVERY steps. Kills one worker (SIGKILL) KILLS times and prints a JSON object: for each kill the
seconds to the next committed step, the steps that were lost, and the seconds until they were made good.
The agent looks after its workers every 0.1 s here; its default is 5 s, which would be added.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

DEADLINE = 120


def work(batch, every, folder):
    import torch
    import torch.distributed as dist
    from ddp_step import Trainer

    torch.set_num_threads(1)
    torch.manual_seed(0)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    trainer = Trainer(batch, True)
    parts = [trainer.g, trainer.d, trainer.g_optimizer, trainer.d_optimizer]
    saved, step = os.path.join(folder, "checkpoint.pt"), 0
    if os.path.exists(saved):
        state = torch.load(saved)
        step = state["step"]
        for part, content in zip(parts, state["parts"]):
            part.load_state_dict(content)
    with open(os.path.join(folder, f"pid-{rank}.tmp"), "w") as file:
        file.write(str(os.getpid()))
    os.replace(file.name, os.path.join(folder, f"pid-{rank}"))
    ledger = open(os.path.join(folder, "ledger"), "a") if rank == 0 else None
    while True:
        trainer.step()
        step += 1
        if rank == 0:
            print(step, time.monotonic(), file=ledger, flush=True)
            if step % every == 0:
                torch.save({"step": step, "parts": [part.state_dict() for part in parts]}, saved + ".tmp")
                os.replace(saved + ".tmp", saved)


def steps(folder):
    try:
        with open(os.path.join(folder, "ledger")) as file:
            return [(int(step), float(when)) for step, when in (line.split() for line in file if line.endswith("\n"))]
    except FileNotFoundError:
        return []


def until(condition, what, agent):
    begun = time.monotonic()
    while not condition():
        if agent.poll() is not None:
            sys.exit(f"torchrun ended with {agent.returncode} before {what}")
        if time.monotonic() - begun > DEADLINE:
            sys.exit(f"not within {DEADLINE} s: {what}")
        time.sleep(0.002)


def main():
    workers, kills, batch, every = map(int, sys.argv[1:5])
    folder = os.path.abspath(sys.argv[5])
    os.makedirs(folder)
    chance = random.Random(1)
    agent = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(workers), "--max_restarts", str(kills), "--monitor_interval", "0.1",
         "--redirects", "1", "--tee", "1", "--log_dir", os.path.join(folder, "logs"),  # the default, none, fails with PyTorch 1.13 on Python 3.11
         os.path.abspath(__file__), "work", str(batch), str(every), folder],
        env={**os.environ, "OMP_NUM_THREADS": "1", "LOGLEVEL": "ERROR"}, stdout=subprocess.DEVNULL, stderr=open(os.path.join(folder, "log"), "w"))
    results = []
    try:
        for _ in range(kills):
            first = steps(folder)[-1][0] if steps(folder) else 0
            # Somewhere between two checkpoints, the first of which is written.
            goal = (first // every + 1) * every + 1 + chance.randrange(every - 1)
            until(lambda: steps(folder) and steps(folder)[-1][0] >= goal, f"step {goal}", agent)
            with open(os.path.join(folder, f"pid-{chance.randrange(workers)}")) as file:
                victim = int(file.read())
            before, when = steps(folder), time.monotonic()
            os.kill(victim, signal.SIGKILL)
            # A step that was in flight may still be written; the first one of the new workers repeats a number.
            again = lambda: [line for line in steps(folder)[len(before):] if line[0] <= before[-1][0]]
            until(again, "a step after the kill", agent)
            next_step, then = again()[0]
            until(lambda: steps(folder)[-1][1] > then and steps(folder)[-1][0] > before[-1][0], "the lost steps", agent)
            good = next(line for line in steps(folder) if line[1] > then and line[0] > before[-1][0])
            results.append({"secondsToNextCommit": then - when, "stepsLost": before[-1][0] - next_step + 1, "secondsToWhereItWas": good[1] - when})
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait(30)
    known = steps(folder)
    print(json.dumps({"medianStepSeconds": sorted(b[1] - a[1] for a, b in zip(known, known[1:]))[len(known) // 2], "kills": results}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main()
