#!/usr/bin/python3
"""One rank of PyTorch's gloo all-reduce over float32: the peer of `ganymede bench allreduce`, which starts it.

gloo_allreduce.py RANK RANKS CONNECTIONS        needs torch, on Debian: apt-get install python3-torch
Talks over standard input and output as our own members do (bench/Bench/Conversation.cs).
"""
import os
import socket
import sys
import time

import torch
import torch.distributed as dist


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def seconds(values, rounds, calls):
    for round in range(-1, rounds):
        values.fill_(1)
        dist.barrier()
        start = time.perf_counter()
        for _ in range(calls):
            dist.all_reduce(values)
        if round >= 0:
            yield (time.perf_counter() - start) / calls


def main():
    rank, ranks, connections = map(int, sys.argv[1:4])
    torch.set_num_threads(1)
    print("port", free_port(), flush=True)
    values = torch.empty(0)
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "connect":
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=numbers[0], GLOO_SOCKET_IFNAME=",".join(["lo"] * connections))
            dist.init_process_group("gloo", rank=rank, world_size=ranks)
            print("connected", flush=True)
        elif word == "time":
            size, rounds, calls = map(int, numbers)
            if values.numel() * 4 != size:
                values = torch.empty(size // 4)
                list(seconds(values, 2, 1))
            print("times", *seconds(values, rounds, calls), flush=True)
        else:
            sys.exit(f"{line!r} is not understood")


if __name__ == "__main__":
    main()
