#!/usr/bin/python3
"""One rank of PyTorch's DistributedDataParallel training the article's GAN: the peer of `ganymede bench step`, which starts it.

ddp_step.py RANK RANKS BATCH THREADS HOST INTERFACE FIRST_HOST      needs torch, on Debian: apt-get install python3-torch
BATCH images a rank. Talks over standard input and output as our own members do (bench/Bench/Conversation.cs).
"""
import os
import socket
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def free_port(host):
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def generator():
    def doubled(inputs, outputs):
        return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.3)]
    return nn.Sequential(
        nn.Linear(100, 8192, bias=False), nn.BatchNorm1d(8192), nn.LeakyReLU(0.3), nn.Unflatten(1, (512, 4, 4)),
        *doubled(512, 256), *doubled(256, 128), *doubled(128, 64), nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh())


def discriminator():
    widths = [3 * 64 * 64, 1024, 512, 256, 128, 64, 32]
    hidden = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Linear(i, o, bias=False), nn.BatchNorm1d(o), nn.LeakyReLU(0.3))]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(32, 1))


class Trainer:
    def __init__(self, batch, parallel):
        self.batch = batch
        # One forward over real and drawn images together: with two, DDP and batch norm do not go together.
        self.g, self.d = [DistributedDataParallel(m, broadcast_buffers=False) if parallel else m for m in (generator(), discriminator())]
        self.inner = self.d.module if parallel else self.d
        self.g_optimizer, self.d_optimizer = [torch.optim.Adam(m.parameters(), 2e-4, betas=(0.5, 0.999)) for m in (self.g, self.d)]
        self.images = torch.randn(batch, 3, 64, 64)
        self.real, self.fake, self.loss = torch.ones(batch, 1), torch.zeros(batch, 1), nn.BCEWithLogitsLoss()

    def step(self):
        drawn = self.g(torch.randn(self.batch, 100))
        self.d_optimizer.zero_grad()
        scores = self.d(torch.cat([self.images, drawn.detach()]))
        (self.loss(scores[:self.batch], self.real) + self.loss(scores[self.batch:], self.fake)).backward()
        self.d_optimizer.step()
        self.collect(False)
        self.g_optimizer.zero_grad()
        self.loss(self.inner(drawn), self.real).backward()
        self.g_optimizer.step()
        self.collect(True)

    def collect(self, gradients):
        for parameter in self.inner.parameters():
            parameter.requires_grad_(gradients)


def main():
    rank, ranks, batch, threads = map(int, sys.argv[1:5])
    host, interface = sys.argv[5:7]
    torch.set_num_threads(threads)
    torch.manual_seed(rank)
    print("port", free_port(host), flush=True)
    trainer = None
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "connect":
            if ranks > 1:
                os.environ.update(MASTER_ADDR=sys.argv[7], MASTER_PORT=numbers[0], GLOO_SOCKET_IFNAME=interface)
                dist.init_process_group("gloo", rank=rank, world_size=ranks)
            trainer = Trainer(batch, ranks > 1)
            print("connected", flush=True)
        elif word == "time":
            _, rounds, calls = map(int, numbers)
            times = []
            for round in range(-1, rounds):
                if ranks > 1:
                    dist.barrier()
                start = time.perf_counter()
                for _ in range(calls):
                    trainer.step()
                if round >= 0:
                    times.append((time.perf_counter() - start) / calls)
            print("times", *times, flush=True)
        else:
            sys.exit(f"{line!r} is not understood")


if __name__ == "__main__":
    main()
