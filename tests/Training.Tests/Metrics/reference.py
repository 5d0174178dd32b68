# FID, KID, precision, recall, density and coverage by PyTorch in double precision, each from its definition.
# Standard input: a line "rows_a rows_b columns", then a line per row. Standard output: the six figures.
import sys
import torch

rows_a, rows_b, columns = map(int, sys.stdin.readline().split())
values = torch.tensor([list(map(float, line.split())) for line in sys.stdin], dtype=torch.float64)
a, b = values[:rows_a], values[rows_a:]

ca, cb = torch.cov(a.T), torch.cov(b.T)
fid = ((a.mean(0) - b.mean(0)) ** 2).sum() + ca.trace() + cb.trace() - 2 * torch.linalg.eigvals(ca @ cb).sqrt().real.sum()

def kernel(x, y):
    return (x @ y.T / columns + 1) ** 3

def off_diagonal(k):
    return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))

kid = off_diagonal(kernel(a, a)) + off_diagonal(kernel(b, b)) - 2 * kernel(a, b).mean()

def radii(x, k):
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(k + 1, dim=1).values  # the first is the row itself

d = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
precision = (d <= radii(a, 3)[:, None]).any(0).double().mean()
recall = (d <= radii(b, 3)[None, :]).any(1).double().mean()
density = (d <= radii(a, 5)[:, None]).double().sum(0).mean() / 5
coverage = (d.min(1).values <= radii(a, 5)).double().mean()
print(*(format(float(x), ".17g") for x in (fid, kid, precision, recall, density, coverage)))
