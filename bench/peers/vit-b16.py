"""Forward pass of the image tower of SigLIP B/16 (a ViT-B/16 pooled by attention) in PyTorch: the same weights, pixels and work
as ../vitB16.ts, so that both print the same sum|z|.

    python vit-b16.py [runs] [batch] [threads]      prints {"embedding", "seconds"}: sum|z| and the best run
"""
import json
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

runs, batch, threads = (int(a) for a in (sys.argv[1:] + ["5", "8", "1"][len(sys.argv) - 1 :]))
torch.set_num_threads(threads)
SIDE, PATCH, D, DEPTH, M, HEADS = 224, 16, 768, 12, 3072, 12
N = (SIDE // PATCH) ** 2

count = 0


def hashed(*shape, scale):
    """The finaliser of MurmurHash3 on 0, 1, 2, ..., as numbers in -1/2..1/2, times a scale."""
    global count
    size = math.prod(shape)
    h = np.arange(count, count + size, dtype=np.uint32)
    count += size
    h = (h ^ (h >> 16)) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> 13)) * np.uint32(0xC2B2AE35)
    h ^= h >> 16
    return torch.from_numpy(((h / 2.0**32 - 0.5) * scale).astype(np.float32).reshape(shape))


def linear(inputs, outputs):
    """A kernel drawn [inputs, outputs] and laid out for F.linear, with a bias of zeros."""
    kernel = hashed(inputs, outputs, scale=math.sqrt(12 / inputs))
    return kernel.t().contiguous(), torch.zeros(outputs)


def norm(x):
    return F.layer_norm(x, (D,), torch.ones(D), torch.zeros(D), 1e-6)


def heads(x, parts):
    """[B, N, parts*D] -> parts of [B, H, N, D/H]"""
    return x.view(x.shape[0], x.shape[1], parts, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)


def mlp(x, dense1, dense2):
    return F.linear(F.gelu(F.linear(x, *dense1), approximate="tanh"), *dense2)


# In the order in which the tower has its parameters.
embed = linear(PATCH * PATCH * 3, D)
positions = hashed(N, D, scale=math.sqrt(12 / N))
blocks = [
    {"qkv": linear(D, 3 * D), "out": linear(D, D), "dense1": linear(D, M), "dense2": linear(M, D)} for _ in range(DEPTH)
]
probe = hashed(1, 1, D, scale=math.sqrt(12))
query, key_value, pool_out = linear(D, D), linear(D, 2 * D), linear(D, D)
pool_mlp = linear(D, M), linear(M, D)
images = hashed(batch, SIDE, SIDE, 3, scale=2)


def forward():
    side = SIDE // PATCH
    patches = images.view(batch, side, PATCH, side, PATCH, 3).permute(0, 1, 3, 2, 4, 5).reshape(batch, N, -1)
    x = F.linear(patches, *embed) + positions
    for block in blocks:
        q, k, v = heads(F.linear(norm(x), *block["qkv"]), 3)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, N, D)
        x = x + F.linear(attended, *block["out"])
        x = x + mlp(norm(x), block["dense1"], block["dense2"])
    x = norm(x)
    (q,) = heads(F.linear(probe, *query).expand(batch, 1, D), 1)
    k, v = heads(F.linear(x, *key_value), 2)
    pooled = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, 1, D)
    pooled = F.linear(pooled, *pool_out)
    return (pooled + mlp(norm(pooled), *pool_mlp)).view(batch, D)


times = []
with torch.inference_mode():
    for _ in range(runs + 1):
        start = time.perf_counter()
        z = forward()
        times.append(time.perf_counter() - start)
print(json.dumps({"embedding": z.double().abs().sum().item(), "seconds": min(times[1:])}))
