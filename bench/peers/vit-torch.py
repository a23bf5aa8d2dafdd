"""The training step of ../vit.ts in PyTorch: the same model, data and loss, forward and backward.

    python vit-torch.py [steps] [threads]      prints {"loss", "gradient", "seconds"}: the best step
"""
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

steps, threads = (int(a) for a in (sys.argv[1:] + ["8", "1"][len(sys.argv) - 1 :]))
torch.set_num_threads(threads)
B, T, P, D, H, M, DEPTH = 64, 64, 48, 192, 3, 768, 4

seed = 1


def random(*shape, scale=1.0):
    """rand() of ANSI C, the product in float64 as in JavaScript, as numbers in -1/2..1/2, times a scale."""
    global seed
    numbers = np.empty(math.prod(shape))
    for i in range(numbers.size):
        seed = int(seed * 1103515245.0 + 12345.0) & 0x7FFFFFFF
        numbers[i] = seed / 0x7FFFFFFF - 0.5
    return torch.from_numpy((numbers * scale).astype(np.float32).reshape(shape))


patch_weight, patch_bias = random(P, D, scale=0.2), torch.zeros(D)
positions = random(T, D, scale=0.1)
last_norm = torch.ones(D), torch.zeros(D)
t_prime, b = torch.tensor(math.log(10)), torch.tensor(-10.0)
blocks = [
    {
        "norm1": (torch.ones(D), torch.zeros(D)),
        "qkv": (random(D, 3 * D, scale=0.1), torch.zeros(3 * D)),
        "out": (random(D, D, scale=0.1), torch.zeros(D)),
        "norm2": (torch.ones(D), torch.zeros(D)),
        "mlp1": (random(D, M, scale=0.1), torch.zeros(M)),
        "mlp2": (random(M, D, scale=0.1), torch.zeros(D)),
    }
    for _ in range(DEPTH)
]
x = random(B, T, P, scale=2)
ztxt = F.normalize(random(B, D), dim=1)
labels = 2 * torch.eye(B) - 1
parameters = [patch_weight, patch_bias, positions, *last_norm, t_prime, b]
parameters += [parameter for block in blocks for pair in block.values() for parameter in pair]
for parameter in parameters:
    parameter.requires_grad_()


def linear(x, weight, bias):
    return torch.addmm(bias, x, weight)


def norm(x, scale, bias):
    return F.layer_norm(x, (D,), scale, bias, 1e-6)


def loss():
    h = (linear(x.view(B * T, P), patch_weight, patch_bias).view(B, T, D) + positions).view(B * T, D)
    for block in blocks:
        q, k, v = linear(norm(h, *block["norm1"]), *block["qkv"]).view(B, T, 3, H, D // H).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B * T, D)
        h = h + linear(attended, *block["out"])
        hidden = F.gelu(linear(norm(h, *block["norm2"]), *block["mlp1"]), approximate="tanh")
        h = h + linear(hidden, *block["mlp2"])
    zimg = F.normalize(norm(h, *last_norm).view(B, T, D).mean(1), dim=1)
    logits = zimg @ ztxt.t() * t_prime.exp() + b
    return -F.logsigmoid(labels * logits).sum() / B


times = []
for _ in range(steps):
    start = time.perf_counter()
    value = loss()
    gradients = torch.autograd.grad(value, parameters)
    times.append(time.perf_counter() - start)
print(json.dumps({"loss": value.item(), "gradient": gradients[0].abs().sum().item(), "seconds": min(times)}))
