"""The sigmoid loss with all its gradients in idiomatic PyTorch: rows in chunks that are recomputed in the backward
pass, like open_clip's `chunk_size`, so that only one chunk of logits is stored.

    python loss-torch.py batch width threads chunk      prints {"loss", "seconds"}: the best of three
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

batch, width, threads, chunk = map(int, sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(0)


def unit_rows():
    return F.normalize(torch.randn(batch, width), dim=1).requires_grad_()


zimg, ztxt = unit_rows(), unit_rows()
t_prime, b = torch.tensor(math.log(10)).requires_grad_(), torch.tensor(-10.0).requires_grad_()


def rows(x, first):
    """Sum of -log sigmoid(label * logit) of some images with all texts: softplus(logit), minus the logit of the matching pair."""
    logits = x @ ztxt.T * t_prime.exp() + b
    own = torch.arange(len(x))
    return F.softplus(logits).sum() - logits[own, first + own].sum()


def loss():
    parts = (checkpoint(rows, zimg[i : i + chunk], i, use_reentrant=False) for i in range(0, batch, chunk))
    return sum(parts) / batch


times = []
for _ in range(3):
    start = time.perf_counter()
    value = loss()
    torch.autograd.grad(value, (zimg, ztxt, t_prime, b))
    times.append(time.perf_counter() - start)
print(json.dumps({"loss": value.item(), "seconds": min(times)}))
