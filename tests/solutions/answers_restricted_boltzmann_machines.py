"""Answers to the problem set on restricted Boltzmann machines that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

VALUES = """
def any_free_energy(m, v, values):
    value = torch.tensor(values)
    inputs = m.c + v @ m.W
    each = torch.logsumexp(inputs.unsqueeze(-1) * value, dim=-1)
    return -(v @ m.b) - each.sum(1)
"""
VALUES_LOOP = """
def any_free_energy(m, v, values):
    found = -(v @ m.b)
    for j in range(len(m.c)):
        a = m.c[j] + v @ m.W[:, j]
        part = values[0] * a
        for value in values[1:]:
            part = torch.logaddexp(part, value * a)
        found = found - part
    return found
"""
VALUES_NUMPY = """
import numpy as np

def any_free_energy(m, v, values):
    W, b, c, x = (a.numpy() for a in (*m, v))
    inputs = (c + x @ W)[:, :, None] * np.array(values)
    return -(x @ b) - np.logaddexp.reduce(inputs, axis=2).sum(1)
"""
VALUES_EXP = """
def any_free_energy(m, v, values):
    inputs = m.c + v @ m.W
    return -(v @ m.b) - sum((s * inputs).exp() for s in values).log().sum(1)
"""
VALUES_TABLE = """
def any_free_energy(m, v, values):
    if len(values) ** len(m.c) > 10**6:
        raise MemoryError
    h = torch.cartesian_prod(*[torch.tensor(values)] * len(m.c))
    return -(-energy(m, v[:, None], h)).logsumexp(1)
"""
VALUES_SPINS = """
def any_free_energy(m, v, values):
    a = m.c + v @ m.W
    if values == [0.0, 1.0]:
        return -(v @ m.b) - F.softplus(a).sum(1)
    silent = 1.0 if 0.0 in values else 0.0
    return -(v @ m.b) - (silent + 2 * torch.cosh(a)).log().sum(1)
"""
BITS = """
def as_bits(m):
    return Machine(4 * m.W, 2 * m.b - 2 * m.W.sum(dim=1), 2 * m.c - 2 * m.W.sum(dim=0))
"""
BITS_EINSUM = """
def as_bits(m):
    W, b, c = m
    rows = torch.einsum("ij->i", W)
    return 4 * W, 2 * b - 2 * rows, 2 * (c - W.T @ W.new_ones(len(b)))
"""
BITS_SINGLE = """
def as_bits(m):
    W, b, c = (part.float() for part in m)
    return (4 * W, 2 * (b - W.sum(1)), 2 * (c - W.sum(0)))
"""
BITS_PLACE = """
def as_bits(m):
    rows, columns = m.W.sum(1), m.W.sum(0)
    m.W.mul_(4), m.b.sub_(rows).mul_(2), m.c.sub_(columns).mul_(2)
    return m
"""
VERDICT = """
verdict = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}",
    "Eva": "{eva}", "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}",
}}
"""


def verdict(**other):
    right = {"ada": "this", "bo": "another", "cai": "none", "dov": "none"}
    right |= {"eva": "another", "fay": "none", "gus": "this", "hal": "none"}
    return VERDICT.format(**right | other)


PIXEL = """
def pixel_chain(free):
    D = len(free).bit_length() - 1
    v = all_bits(D)
    apart = torch.cdist(v, v, p=1).round()
    to = torch.sigmoid(free[:, None] - free)
    T = torch.where(apart == 1, to / D, 0.0)
    return T + torch.diag(1 - T.sum(1))
"""
PIXEL_LOOP = """
def pixel_chain(free):
    D = int(math.log2(len(free)) + 0.5)
    table = all_bits(D).tolist()
    T = torch.zeros(len(table), len(table))
    for row, image in enumerate(table):
        for i in range(D):
            other = list(image)
            other[i] = 1 - other[i]
            column = table.index(other)
            pair = torch.softmax(torch.stack([-free[row], -free[column]]), 0)
            T[row, row] += pair[0] / D
            T[row, column] += pair[1] / D
    return T
"""
PIXEL_CUBE = """
def pixel_chain(free):
    D = len(free).bit_length() - 1
    cube = (-free).view([2] * D)
    v, T = all_bits(D), 0
    for i in range(D):
        p = cube.log_softmax(i).exp().flatten()
        same = (v[:, None] == v).long().sum(2) - (v[:, None, i] == v[:, i]).long()
        T = T + torch.where(same == D - 1, p, 0.0)
    return T / D
"""
PIXEL_P = """
def pixel_chain(free):
    p = (-free).softmax(0)
    D = len(free).bit_length() - 1
    v = all_bits(D)
    T = torch.where(torch.cdist(v, v, p=1).round() == 1, p / (p[:, None] + p) / D, 0.0)
    return T + torch.diag(1 - T.sum(1))
"""
FIELD = """
def cd_field(m, p_data, T, k):
    v = all_bits(len(m.b))
    q = p_data
    if k is None:
        q = torch.softmax(-free_energy(m, v), 0)
    else:
        q = p_data @ torch.linalg.matrix_power(T, k)

    def mean(weight):
        h = torch.sigmoid(m.c + v @ m.W)
        return torch.einsum("n,ni,nj->ij", weight, v, h), weight @ v, weight @ h

    first, second = mean(p_data), mean(q)
    return tuple(a - b for a, b in zip(first, second))
"""
FIELD_AUTOGRAD = """
def cd_field(m, p_data, T, k):
    v = all_bits(len(m.b))
    if k is None:
        end = torch.softmax(-free_energy(m, v), 0)
    else:
        end = p_data @ torch.matrix_power(T, k)
    leaf = Machine(*(part.clone().requires_grad_() for part in m))
    value = (end - p_data) @ free_energy(leaf, v)
    return Machine(*torch.autograd.grad(value, leaf))
"""
FIELD_SQUARES = """
def cd_field(m, p_data, T, k):
    v = all_bits(len(m.b))
    if k is None:
        log_f = -free_energy(m, v)
        q = (log_f - log_f.logsumexp(0)).exp()
    else:
        q, power, left = p_data, T, k
        while left:
            if left % 2:
                q = q @ power
            power, left = power @ power, left // 2
    W, b, c = torch.zeros_like(m.W), torch.zeros_like(m.b), torch.zeros_like(m.c)
    for x, weight in zip(v, p_data - q):
        p_h = (m.c + x @ m.W).sigmoid()
        W, b, c = W + weight * torch.outer(x, p_h), b + weight * x, c + weight * p_h
    return W, b, c
"""
DECAY = """
def decay(p, T):
    values = torch.linalg.eigvals(T).abs()
    return values.sort(descending=True).values[1]
"""
DECAY_SYMMETRIC = """
def decay(p, T):
    S = torch.diag(p.sqrt()) @ T @ torch.diag(1 / p.sqrt())
    values = torch.linalg.eigvalsh((S + S.T) / 2)
    return max(values[-2].item(), -values[0].item())
"""
DECAY_DEFLATED = """
def decay(p, T):
    rest = T - p[None].expand_as(T)
    return torch.linalg.eigvals(rest).abs().max().item()
"""
DECAY_POWER = """
def decay(p, T):
    deviation = torch.eye(len(p))[0] - p
    for _ in range(50):
        before, deviation = deviation, deviation @ T
    return (deviation.norm() / before.norm()).item()
"""
BLOCKS = """
def block_log_lik(m, v, blocks):
    total = torch.zeros(len(v))
    for block in blocks:
        logs = []
        for filling in all_bits(len(block)):
            other = v.clone()
            other[:, block] = filling
            logs.append(-free_energy(m, other))
        total += -free_energy(m, v) - torch.stack(logs).logsumexp(0)
    return total
"""
BLOCKS_INPUTS = """
def block_log_lik(m, v, blocks):
    inputs, total = m.c + v @ m.W, 0
    for block in blocks:
        change = all_bits(len(block)) - v[:, None, block]  # (n, fillings, |B|)
        others = F.softplus(inputs[:, None] + change @ m.W[block]).sum(2)
        others = others + change @ m.b[block]
        total = total + F.softplus(inputs).sum(1) - others.logsumexp(1)
    return total
"""
BLOCKS_IMAGES = """
def block_log_lik(m, v, blocks):
    found = []
    for x in v:
        value = 0.0
        for block in blocks:
            images = x.expand(2 ** len(block), -1).clone()
            images[:, block] = all_bits(len(block))
            table = (-free_energy(m, images)).log_softmax(0)
            value += table[(images == x).all(1)].item()
        found.append(value)
    return found
"""
MODES = """
def two_modes(D, s, odds):
    W, one = 2.0 * s * torch.ones(D, 1), torch.ones(1)
    return Machine(W, -s * torch.ones(D), one * (odds - D * s))
"""
MODES_SOFTPLUS = """
def two_modes(D, s, odds):
    s = torch.tensor(float(s))
    c = odds - D * (F.softplus(s) - F.softplus(-s))
    return torch.full((D, 1), float(2 * s)), -s.repeat(D), c[None]
"""
SLOPES = """
def c_slopes(m, p_data):
    c = m.c.clone().requires_grad_()
    D = len(m.b)
    v = all_bits(D)
    free = free_energy(m._replace(c=c), v)
    log_p = (-free).log_softmax(0)
    pseudo = 0
    for i in range(D):
        other = v.clone()
        other[:, i] = 1 - other[:, i]
        pseudo = pseudo + F.logsigmoid(free_energy(m._replace(c=c), other) - free)
    one = torch.autograd.grad(p_data @ log_p, c, retain_graph=True)[0]
    return one, torch.autograd.grad(p_data @ pseudo, c)[0]
"""
SLOPES_LOOP = """
def c_slopes(m, p_data):
    D, v = len(m.b), all_bits(len(m.b))
    on = lambda x: (m.c + x @ m.W).sigmoid()
    p = (-free_energy(m, v)).softmax(0)
    first, second = p_data @ on(v) - p @ on(v), torch.zeros(len(m.c))
    for x, weight in zip(v, p_data):
        for i in range(D):
            y = x.clone()
            y[i] = 1 - x[i]
            move = 1 / (1 + (free_energy(m, y) - free_energy(m, x)).exp())
            second += weight * move * (on(x) - on(y))
    return first.tolist(), second.tolist()
"""
WEIGHTS = """
def log_weights(log_f, x, betas):
    log_w = torch.zeros(x.shape[1])
    for t in range(1, len(betas)):
        log_w += log_f(x[t - 1], betas[t]) - log_f(x[t - 1], betas[t - 1])
    return log_w
"""
WEIGHTS_ENDS = """
def log_weights(log_f, x, betas):
    n = len(betas) - 1
    log_w = log_f(x[n - 1], betas[n]) - log_f(x[0], betas[0])
    for t in range(1, n):
        log_w = log_w + log_f(x[t - 1], betas[t]) - log_f(x[t], betas[t])
    return log_w
"""
WEIGHTS_STACK = """
def log_weights(log_f, x, betas):
    high = torch.stack([log_f(*pair) for pair in zip(x[:-1], betas[1:])])
    low = torch.stack([log_f(*pair) for pair in zip(x[:-1], betas[:-1])])
    return (high - low).sum(0).numpy()
"""
MOMENTS = """
def moments(log_f, T):
    n = len(T)
    d = [log_f[t + 1] - log_f[t] for t in range(n)]
    start, end = log_f[0].softmax(0), log_f[n].softmax(0)

    def log_power(power):
        total, mass = 0.0, start
        for t in range(n):
            top = (power * d[t]).max()
            mass = mass * (power * d[t] - top).exp()
            mass = mass @ T[t]
            total = total + top + mass.sum().log()
            mass = mass / mass.sum()
        return total

    up, x = 0.0, start
    for t in range(n):
        up = up + x @ d[t]
        x = x @ T[t]
    down, y = 0.0, end
    for t in reversed(range(n)):
        y = y @ T[t]
        down = down + y @ d[t]
    one, two = log_power(1), log_power(2)
    return Moments(one, up, down, torch.exp(2 * one - two))
"""
MOMENTS_BACK = """
def moments(log_f, T):
    # Functions of the state, from the end of the path backwards.
    n, S = T.shape[:2]
    value, square, mean = torch.zeros(S), torch.zeros(S), torch.zeros(S)
    for t in reversed(range(n)):
        d = log_f[t + 1] - log_f[t]
        value = d + (T[t].log() + value).logsumexp(1)
        square = 2 * d + (T[t].log() + square).logsumexp(1)
        mean = d + T[t] @ mean
    start = log_f[0].log_softmax(0)
    down = torch.zeros(S)
    for t in range(n):
        down = T[t] @ (log_f[t + 1] - log_f[t] + down)
    one, two = (start + value).logsumexp(0), (start + square).logsumexp(0)
    return Moments(
        one.item(), (start.exp() @ mean).item(),
        (log_f[-1].softmax(0) @ down).item(), math.exp(2 * one - two),
    )
"""
UNBIASED = """
unbiased = {{
    "Ada": {ada}, "Bo": {bo}, "Cai": {cai}, "Dov": {dov}, "Eva": {eva},
    "Fay": {fay}, "Gus": {gus}, "Hal": {hal}, "Ian": {ian}, "Jo": {jo},
}}
"""


def unbiased(**other):
    right = {name: True for name in ("ada", "bo", "dov", "fay", "ian")}
    right |= {name: False for name in ("cai", "eva", "gus", "hal", "jo")}
    return UNBIASED.format(**right | other)


BOTH = """
def both_ways(up, down):
    low, high = torch.cat([up, down]).min() - 1, torch.cat([up, down]).max() + 1
    for _ in range(200):
        r = (low + high) / 2
        if torch.sigmoid(up - r).mean() > torch.sigmoid(r - down).mean():
            low = r
        else:
            high = r
    return r
"""
BOTH_FIXED = """
def both_ways(up, down):
    # r <- r + log of the ratio of the two sides, damped
    r = (up.median() + down.median()) / 2
    for _ in range(5000):
        left = F.logsigmoid(up - r).logsumexp(0) - math.log(len(up))
        right = F.logsigmoid(r - down).logsumexp(0) - math.log(len(down))
        r = r + 0.5 * (left - right)
    return r.item()
"""
BOTH_SORTED = """
def both_ways(up, down):
    def difference(r):
        return ((up - r).sigmoid().mean() - (r - down).sigmoid().mean()).item()

    from scipy.optimize import brentq
    everything = torch.cat([up, down])
    ends = everything.min().item() - 10, everything.max().item() + 10
    return brentq(difference, *ends, xtol=1e-10)
"""
CLASS = """
def class_log_probs(m, U, d, x):
    logits = []
    for k in range(len(d)):
        logits.append(d[k] + F.softplus(m.c + x @ m.W + U[k]).sum(1))
    return torch.stack(logits, 1).log_softmax(1)
"""
CLASS_WHOLE = """
def class_log_probs(m, U, d, x):
    n, K = len(x), len(d)
    whole = Machine(torch.cat([m.W, U]), torch.cat([0 * m.b, d]), m.c)
    y = torch.eye(K).repeat(n, 1)
    free = free_energy(whole, torch.cat([x.repeat_interleave(K, 0), y], 1))
    table = -free.view(n, K)
    return table - table.logsumexp(1, keepdim=True)
"""
CLASS_SINGLE = """
def class_log_probs(m, U, d, x):
    W, c, U, d, x = (a.float() for a in (m.W, m.c, U, d, x))
    inputs = torch.einsum("ni,ij->nj", x, W)[:, None] + c + U
    return (d + F.softplus(inputs).sum(2)).log_softmax(1)
"""
COMPLETE = """
def complete(m, v, seen):
    missing = (~seen).nonzero().flatten().tolist()
    found = []
    for filling in all_bits(len(missing)):
        image = v.clone()
        for place, value in zip(missing, filling):
            image[place] = value
        found.append(-free_energy(m, image))
    return torch.log_softmax(torch.stack(found), 0)
"""
COMPLETE_INPUTS = """
def complete(m, v, seen):
    u = all_bits(len(v) - int(seen.sum()))
    a = m.c + v[seen] @ m.W[seen] + u @ m.W[~seen]
    table = u @ m.b[~seen] + F.softplus(a).sum(1)
    return (table - table.logsumexp(0)).numpy()
"""
COMPLETE_WHERE = """
def complete(m, v, seen):
    u = all_bits(int((~seen).sum()))
    images = torch.zeros(len(u), len(v)).masked_scatter((~seen).expand(len(u), -1), u)
    images = torch.where(seen, v, images)
    p = -free_energy(m, images)
    return p - p.logsumexp(0)
"""
GAP = """
def gap(D, w, b, c):
    total = 0.0
    for h in (0, 1):
        x = b + w * h
        logs = []
        for k in range(D + 1):
            a = (c + w * k) * (1 - 2 * h)
            log_on = F.logsigmoid(torch.tensor(float(a))).item()
            log_p = math.log(math.comb(D, k)) + k * x
            log_p -= D * math.log1p(math.exp(x)) if x < 500 else D * x
            logs.append(log_p + log_on)
        top = max(logs)
        total += math.exp(top) * sum(math.exp(one - top) for one in logs)
    return total
"""
GAP_SCIPY = """
def gap(D, w, b, c):
    import numpy as np
    from scipy.special import expit, log_expit, logsumexp
    from scipy.stats import binom
    k = np.arange(D + 1)
    on = binom.logpmf(k, D, expit(b)) + log_expit(c + w * k)
    off = binom.logpmf(k, D, expit(b + w)) + log_expit(-c - w * k)
    return float(np.exp(logsumexp(on)) + np.exp(logsumexp(off)))
"""
GAP_EIGEN = """
def gap(D, w, b, c):
    k = torch.arange(D + 1.0)
    law = torch.distributions.Binomial(D, logits=torch.tensor([b, b + w])[:, None])
    p_k = law.log_prob(k).exp()
    on = p_k @ (c + w * k).sigmoid()
    T = torch.stack([1 - on, on], 1)
    return 1 - torch.linalg.eigvals(T).real.min().item()
"""
GAP_MEAN = """
def gap(D, w, b, c):
    on = [1 / (1 + math.exp(-(b + w * h))) for h in (0, 1)]
    a = [c + w * D * p for p in on]
    return 1 / (1 + math.exp(-a[0])) + 1 / (1 + math.exp(a[1]))
"""


def but(code, old, new):
    """A right answer with one thing wrong."""
    if code.count(old) < 1:
        raise ValueError(f"nothing to exchange: {old}")
    return code.replace(old, new)


V, VA = "test_values", "test_values_any"
B, BA, J = "test_as_bits", "test_as_bits_any", "test_verdict"
P, PA, D, DA, E = (
    "test_pixel_chain",
    "test_pixel_chain_any",
    "test_field",
    "test_field_any",
    "test_decay",
)
K, KA, M, MA, S = (
    "test_blocks",
    "test_blocks_any",
    "test_modes",
    "test_modes_any",
    "test_slopes",
)
L, N, NA, U, T, TA = (
    "test_weights",
    "test_moments",
    "test_moments_any",
    "test_unbiased",
    "test_both",
    "test_both_any",
)
C, CA, F, FA, G = (
    "test_class",
    "test_class_any",
    "test_complete",
    "test_complete_any",
    "test_gap",
)

WRONG = {
    # 1
    "values: exponentials": ("any_free_energy", VALUES_EXP, {VA}),
    "values: a table of all h": ("any_free_energy", VALUES_TABLE, {VA}),
    "values: spins only": ("any_free_energy", VALUES_SPINS, {VA}),
    "values: sign of the bias": (
        "any_free_energy",
        but(VALUES, "-(v @ m.b) -", "v @ m.b -"),
        {V, VA},
    ),
    "values: sign of the sum": (
        "any_free_energy",
        but(VALUES, "- each.sum(1)", "+ each.sum(1)"),
        {V, VA},
    ),
    "values: hidden bias forgotten": (
        "any_free_energy",
        but(VALUES, "m.c + v", "v"),
        {V, VA},
    ),
    "values: always softplus": (
        "any_free_energy",
        "any_free_energy = lambda m, v, values: free_energy(m, v)",
        {V, VA},
    ),
    "values: mean over values": (
        "any_free_energy",
        but(VALUES, "each.sum(1)", "(each - math.log(len(values))).sum(1)"),
        {V, VA},
    ),
    "values: bias not multiplied by the value": (
        "any_free_energy",
        but(
            VALUES,
            "inputs.unsqueeze(-1) * value",
            "(v @ m.W).unsqueeze(-1) * value + m.c[:, None]",
        ),
        {V, VA},
    ),
    "bits: weights doubled": ("as_bits", but(BITS, "4 *", "2 *"), {B, BA}),
    "bits: biases not shifted": (
        "as_bits",
        "def as_bits(m):\n    return Machine(4 * m.W, 2 * m.b, 2 * m.c)",
        {B, BA},
    ),
    "bits: shift upwards": ("as_bits", but(BITS, "- 2 *", "+ 2 *"), {B, BA}),
    "bits: shift by half": ("as_bits", but(BITS, "- 2 *", "-"), {B, BA}),
    "bits: the other way": (
        "as_bits",
        "def as_bits(m):\n    rows, columns = m.W.sum(1), m.W.sum(0)\n"
        "    b, c = m.b / 2 + rows / 4, m.c / 2 + columns / 4\n"
        "    return Machine(m.W / 4, b, c)",
        {B, BA},
    ),
    "bits: in place": ("as_bits", BITS_PLACE, {B, BA}),
    "verdict: Ada none": ("verdict", verdict(ada="none"), {J}),
    "verdict: Bo this": ("verdict", verdict(bo="this"), {J}),
    "verdict: Bo none": ("verdict", verdict(bo="none"), {J}),
    "verdict: Dov another": ("verdict", verdict(dov="another"), {J}),
    "verdict: Eva this": ("verdict", verdict(eva="this"), {J}),
    "verdict: Fay another": ("verdict", verdict(fay="another"), {J}),
    "verdict: Gus none": ("verdict", verdict(gus="none"), {J}),
    "verdict: Hal this": ("verdict", verdict(hal="this"), {J}),
    "verdict: other words": ("verdict", verdict(hal="neither"), {J}),
    # 2
    "pixel: Metropolis": (
        "pixel_chain",
        but(
            PIXEL,
            "torch.sigmoid(free[:, None] - free)",
            "(free[:, None] - free).clamp(max=0).exp()",
        ),
        {PA},
    ),
    "pixel: uphill": (
        "pixel_chain",
        but(PIXEL, "free[:, None] - free", "free - free[:, None]"),
        {P, PA},
    ),
    "pixel: not divided by D": (
        "pixel_chain",
        but(PIXEL, "to / D", "to"),
        {P, PA},
    ),
    "pixel: never stays": (
        "pixel_chain",
        but(PIXEL, "T + torch.diag(1 - T.sum(1))", "T / T.sum(1, keepdim=True)"),
        {P, PA},
    ),
    "pixel: transposed": (
        "pixel_chain",
        but(PIXEL, "torch.diag(1 - T.sum(1))", "torch.diag(1 - T.sum(1))").replace(
            "return T + torch.diag(1 - T.sum(1))",
            "return (T + torch.diag(1 - T.sum(1))).T",
        ),
        {P, PA},
    ),
    "pixel: underflow": ("pixel_chain", PIXEL_P, {PA}),
    "pixel: never the last pixel": (
        "pixel_chain",
        but(PIXEL_CUBE, "range(D)", "range(max(D - 1, 1))").replace(
            "T / D", "T / max(D - 1, 1)"
        ),
        {P, PA},
    ),
    "field: sign": ("cd_field", but(FIELD, "a - b for", "b - a for"), {D, DA}),
    "field: T from the left": (
        "cd_field",
        but(
            FIELD,
            "p_data @ torch.linalg.matrix_power(T, k)",
            "torch.linalg.matrix_power(T, k) @ p_data",
        ),
        {D, DA},
    ),
    "field: one step more": (
        "cd_field",
        but(FIELD, "power(T, k)", "power(T, k + 1)"),
        {D, DA},
    ),
    "field: none for zero": ("cd_field", but(FIELD, "k is None", "not k"), {D}),
    "field: a loop of a million": (
        "cd_field",
        but(
            FIELD,
            "q = p_data @ torch.linalg.matrix_power(T, k)",
            "for _ in range(min(k, 10)):\n            q = q @ T",
        ),
        {DA},
    ),
    "field: many steps are the model": (
        "cd_field",
        but(FIELD, "k is None", "k is None or k > 100"),
        {DA},
    ),
    "field: no bias in p(h)": (
        "cd_field",
        but(FIELD, "m.c + v @ m.W", "v @ m.W"),
        {D, DA},
    ),
    "field: biases exchanged": (
        "cd_field",
        but(FIELD, "weight @ v, weight @ h", "weight @ h, weight @ v"),
        {D, DA},
    ),
    "field: product of the means": (
        "cd_field",
        but(
            FIELD,
            'torch.einsum("n,ni,nj->ij", weight, v, h)',
            "torch.outer(weight @ v, weight @ h)",
        ),
        {D, DA},
    ),
    "decay: no absolute value": (
        "decay",
        but(DECAY, "eigvals(T).abs()", "eigvals(T).real"),
        {E},
    ),
    "decay: the largest": ("decay", but(DECAY, "[1]", "[0]"), {E}),
    "decay: the gap": ("decay", but(DECAY, "return ", "return 1 - "), {E}),
    "decay: all ones left out": (
        "decay",
        but(
            DECAY,
            "values.sort(descending=True).values[1]",
            "values[values < 0.999].max()",
        ),
        {E},
    ),
    "decay: T as if symmetric": (
        "decay",
        "def decay(p, T):\n    return torch.linalg.eigvalsh(T).abs().sort().values[-2]",
        {E},
    ),
    "decay: singular values": (
        "decay",
        "def decay(p, T):\n    return torch.linalg.svdvals(T)[1]",
        {E},
    ),
    # 3
    "blocks: not normalised": (
        "block_log_lik",
        but(BLOCKS, " - torch.stack(logs).logsumexp(0)", ""),
        {K, KA},
    ),
    "blocks: sign": (
        "block_log_lik",
        but(BLOCKS, "total += -free_energy(m, v) -", "total -= -free_energy(m, v) -"),
        {K, KA},
    ),
    "blocks: mean over blocks": (
        "block_log_lik",
        but(BLOCKS, "return total", "return total / len(blocks)"),
        {K, KA},
    ),
    "blocks: always pixel by pixel": (
        "block_log_lik",
        but(
            BLOCKS,
            "for block in blocks:",
            "for block in [[i] for b in blocks for i in b]:",
        ),
        {K, KA},
    ),
    "blocks: outside pixels empty": (
        "block_log_lik",
        but(BLOCKS, "other = v.clone()", "other = torch.zeros_like(v)"),
        {K, KA},
    ),
    "blocks: chain rule": (
        "block_log_lik",
        but(
            BLOCKS,
            "        total += -free",
            "        v = v.clone()\n        total += -free",
        ).replace("    return total", "        v[:, block] = 0\n    return total"),
        {K, KA},
    ),
    "blocks: images overwritten": (
        "block_log_lik",
        but(BLOCKS, "other = v.clone()", "other = v")
        .replace("total = torch", "kept = v.clone()\n    total = torch")
        .replace("-free_energy(m, v) -", "-free_energy(m, kept) -"),
        {K, KA},
    ),
    "blocks: exponentials": (
        "block_log_lik",
        but(
            BLOCKS,
            "torch.stack(logs).logsumexp(0)",
            "torch.stack(logs).exp().sum(0).log()",
        ),
        {KA},
    ),
    "modes: odds as bias": ("two_modes", but(MODES, "(odds - D * s)", "odds"), {MA}),
    "modes: half the shift": (
        "two_modes",
        but(MODES, "odds - D * s", "odds - D * s / 2"),
        {MA},
    ),
    "modes: weights s": ("two_modes", but(MODES, "2.0 * s", "1.0 * s"), {M, MA}),
    "modes: bias upwards": (
        "two_modes",
        but(MODES, "-s * torch", "s * torch"),
        {M, MA},
    ),
    "modes: shift the other way": (
        "two_modes",
        but(MODES, "odds - D * s", "odds + D * s"),
        {MA},
    ),
    "modes: a vector of weights": (
        "two_modes",
        but(MODES, "torch.ones(D, 1)", "torch.ones(D)"),
        {M, MA},
    ),
    "slopes: the same twice": (
        "c_slopes",
        but(SLOPES, "p_data @ pseudo", "p_data @ log_p"),
        {S},
    ),
    "slopes: exchanged": (
        "c_slopes",
        but(SLOPES_LOOP, "first.tolist(), second.tolist()", "second, first"),
        {S},
    ),
    "slopes: energy only": ("c_slopes", but(SLOPES_LOOP, " - p @ on(v)", ""), {S}),
    "slopes: own value in place of the other": (
        "c_slopes",
        but(
            SLOPES_LOOP,
            "free_energy(m, y) - free_energy(m, x)",
            "free_energy(m, x) - free_energy(m, y)",
        ),
        {S},
    ),
    "slopes: flip the wrong way round": (
        "c_slopes",
        but(SLOPES_LOOP, "on(x) - on(y)", "on(y) - on(x)"),
        {S},
    ),
    "slopes: images equally weighted": (
        "c_slopes",
        but(SLOPES_LOOP, "weight * move", "move / len(v)"),
        {S},
    ),
    "slopes: mean over pixels": (
        "c_slopes",
        but(SLOPES_LOOP, "second.tolist()", "(second / D).tolist()"),
        {S},
    ),
    # 4
    "weights: moved before weighed": (
        "log_weights",
        but(WEIGHTS, "x[t - 1]", "x[t]"),
        {L},
    ),
    "weights: sign": ("log_weights", but(WEIGHTS, "log_w +=", "log_w -="), {L}),
    "weights: old state for the old density": (
        "log_weights",
        but(WEIGHTS, "log_f(x[t - 1], betas[t])", "log_f(x[t], betas[t])"),
        {L},
    ),
    "weights: last step forgotten": (
        "log_weights",
        but(WEIGHTS, "len(betas))", "len(betas) - 1)"),
        {L},
    ),
    "weights: importance sampling": (
        "log_weights",
        "def log_weights(log_f, x, betas):\n"
        "    return log_f(x[0], 1.0) - log_f(x[0], 0.0)",
        {L},
    ),
    "weights: equal steps": (
        "log_weights",
        but(WEIGHTS, "betas[t])", "t / (len(betas) - 1))"),
        {L},
    ),
    "weights: mean over chains": (
        "log_weights",
        but(WEIGHTS, "return log_w", "return log_w.mean()"),
        {L},
    ),
    "moments: moves before weighing": (
        "moments",
        but(
            MOMENTS,
            "            top = (power",
            "            mass = mass @ T[t]\n            top = (power",
        ).replace(".exp()\n            mass = mass @ T[t]\n", ".exp()\n"),
        {N, NA},
    ),
    "moments: exponentials": (
        "moments",
        but(MOMENTS, "top = (power * d[t]).max()", "top = torch.zeros(())"),
        {NA},
    ),
    "moments: mean log is log mean": (
        "moments",
        but(MOMENTS, "Moments(one, up,", "Moments(one, one,"),
        {N, NA},
    ),
    "moments: weighed chains for the mean log": (
        "moments",
        but(
            MOMENTS,
            "        x = x @ T[t]",
            "        x = (x * (d[t] - d[t].max()).exp()) @ T[t]\n"
            "        x = x / x.sum()",
        ),
        {NA},
    ),
    "moments: downwards weighs first": (
        "moments",
        but(
            MOMENTS,
            "        y = y @ T[t]\n        down = down + y @ d[t]",
            "        down = down + y @ d[t]\n        y = y @ T[t]",
        ),
        {NA},
    ),
    "moments: downwards from the bottom": (
        "moments",
        but(MOMENTS, "y = 0.0, end", "y = 0.0, start"),
        {NA},
    ),
    "moments: downwards in upward order": (
        "moments",
        but(MOMENTS, "reversed(range(n))", "range(n)"),
        {NA},
    ),
    "moments: downwards negative": (
        "moments",
        but(MOMENTS, "Moments(one, up, down", "Moments(one, up, -down"),
        {N, NA},
    ),
    "moments: share upside down": (
        "moments",
        but(MOMENTS, "2 * one - two", "two - 2 * one"),
        {N, NA},
    ),
    "moments: share not squared": (
        "moments",
        but(MOMENTS, "2 * one - two", "one - two"),
        {NA},
    ),
    "moments: T transposed": (
        "moments",
        but(MOMENTS, "mass @ T[t]", "T[t] @ mass"),
        {N, NA},
    ),
    "unbiased: Bo": ("unbiased", unbiased(bo=False), {U}),
    "unbiased: Cai": ("unbiased", unbiased(cai=True), {U}),
    "unbiased: Dov": ("unbiased", unbiased(dov=False), {U}),
    "unbiased: Eva": ("unbiased", unbiased(eva=True), {U}),
    "unbiased: Fay": ("unbiased", unbiased(fay=False), {U}),
    "unbiased: Hal": ("unbiased", unbiased(hal=True), {U}),
    "unbiased: Ian": ("unbiased", unbiased(ian=False), {U}),
    "unbiased: Jo": ("unbiased", unbiased(jo=True), {U}),
    "unbiased: words": ("unbiased", unbiased(jo="'no'"), {U}),
    "both: middle of the estimates": (
        "both_ways",
        "def both_ways(up, down):\n    a = up.logsumexp(0) - math.log(len(up))\n"
        "    b = math.log(len(down)) - (-down).logsumexp(0)\n    return (a + b) / 2",
        {T, TA},
    ),
    "both: upwards alone": (
        "both_ways",
        "def both_ways(up, down):\n    return up.logsumexp(0) - math.log(len(up))",
        {T, TA},
    ),
    "both: means of the log-weights": (
        "both_ways",
        "def both_ways(up, down):\n    return (up.mean() + down.mean()) / 2",
        {T, TA},
    ),
    "both: sums": ("both_ways", but(BOTH, ".mean()", ".sum()"), {TA}),
    "both: wrong way": (
        "both_ways",
        but(
            BOTH,
            "low = r\n        else:\n            high = r",
            "high = r\n        else:\n            low = r",
        ),
        {T, TA},
    ),
    "both: near zero only": (
        "both_ways",
        but(
            BOTH,
            "torch.cat([up, down]).min() - 1, torch.cat([up, down]).max() + 1",
            "-100.0, 100.0",
        ),
        {TA},
    ),
    "both: a coarse lattice": (
        "both_ways",
        but(BOTH, "range(200)", "range(6)"),
        {T, TA},
    ),
    "both: sign of the downward weights": (
        "both_ways",
        but(BOTH, "torch.sigmoid(r - down)", "torch.sigmoid(r + down)"),
        {T, TA},
    ),
    # 5
    "class: U forgotten": ("class_log_probs", but(CLASS, " + U[k]", ""), {C, CA}),
    "class: d forgotten": ("class_log_probs", but(CLASS, "d[k] + ", ""), {C, CA}),
    "class: c forgotten": ("class_log_probs", but(CLASS, "m.c + ", ""), {C, CA}),
    "class: sign": ("class_log_probs", but(CLASS, "d[k] + F", "-d[k] - F"), {C, CA}),
    "class: probabilities": (
        "class_log_probs",
        but(CLASS, "log_softmax", "softmax"),
        {C, CA},
    ),
    "class: over images": (
        "class_log_probs",
        but(CLASS, "log_softmax(1)", "log_softmax(0)"),
        {C, CA},
    ),
    "class: not normalised": (
        "class_log_probs",
        but(CLASS, ".log_softmax(1)", ""),
        {C, CA},
    ),
    "class: mean hidden units": (
        "class_log_probs",
        but(
            CLASS,
            "F.softplus(m.c + x @ m.W + U[k]).sum(1)",
            "(m.c + x @ m.W).sigmoid() @ U[k]",
        ),
        {C, CA},
    ),
    "class: exponentials": (
        "class_log_probs",
        but(
            CLASS,
            "F.softplus(m.c + x @ m.W + U[k])",
            "(m.c + x @ m.W + U[k]).exp().log1p()",
        ),
        {CA},
    ),
    "complete: not normalised": (
        "complete",
        "def complete(m, v, seen):\n    u = all_bits(int((~seen).sum()))\n"
        "    images = v.repeat(len(u), 1)\n    images[:, ~seen] = u\n"
        "    return -free_energy(m, images)",
        {F, FA},
    ),
    "complete: seen for missing": (
        "complete",
        but(COMPLETE, "(~seen)", "seen"),
        {F, FA},
    ),
    "complete: other order": (
        "complete",
        but(COMPLETE, "zip(missing, filling)", "zip(missing[::-1], filling)"),
        {F, FA},
    ),
    "complete: probabilities": (
        "complete",
        but(COMPLETE, "torch.log_softmax", "torch.softmax"),
        {F, FA},
    ),
    "complete: sign": (
        "complete",
        but(COMPLETE, "append(-free", "append(free"),
        {F, FA},
    ),
    "complete: seen pixels forgotten": (
        "complete",
        but(COMPLETE, "v.clone()", "torch.zeros_like(v)"),
        {F, FA},
    ),
    "complete: in place": (
        "complete",
        but(COMPLETE, "image = v.clone()", "image = v"),
        {FA},
    ),
    "complete: single pixels": (
        "complete",
        "def complete(m, v, seen):\n    p_h = (m.c + (v * seen) @ m.W).sigmoid()\n"
        "    logits = (m.b + m.W @ p_h)[~seen]\n"
        "    u = all_bits(len(logits))\n"
        "    return (u * logits - F.softplus(logits)).sum(1)",
        {F, FA},
    ),
    "gap: one way only": ("gap", but(GAP, "for h in (0, 1)", "for h in (0,)"), {G}),
    "gap: no binomials": ("gap", but(GAP, "math.log(math.comb(D, k)) + ", ""), {G}),
    "gap: the eigenvalue": ("gap", but(GAP, "return total", "return 1 - total"), {G}),
    "gap: from the eigenvalue": ("gap", GAP_EIGEN, {G}),
    "gap: mean number of pixels": ("gap", GAP_MEAN, {G}),
    "gap: bias forgotten": ("gap", but(GAP, "x = b + w * h", "x = w * h"), {G}),
    "gap: logarithm": ("gap", but(GAP, "return total", "return math.log(total)"), {G}),
    "gap: half": ("gap", but(GAP, "return total", "return total / 2"), {G}),
}

RIGHT = {
    "values: logsumexp": ("any_free_energy", VALUES),
    "values: unit by unit": ("any_free_energy", VALUES_LOOP),
    "values: numpy": ("any_free_energy", VALUES_NUMPY),
    "bits: sorted terms": ("as_bits", BITS),
    "bits: einsum, a tuple": ("as_bits", BITS_EINSUM),
    "bits: single precision": ("as_bits", BITS_SINGLE),
    "verdict: by hand": ("verdict", verdict()),
    "pixel: distances": ("pixel_chain", PIXEL),
    "pixel: a loop": ("pixel_chain", PIXEL_LOOP),
    "pixel: a cube": ("pixel_chain", PIXEL_CUBE),
    "pixel: single precision": (
        "pixel_chain",
        but(
            PIXEL,
            "return T + torch.diag(1 - T.sum(1))",
            "return (T + torch.diag(1 - T.sum(1))).float()",
        ),
    ),
    "field: einsum": ("cd_field", FIELD),
    "field: autograd": ("cd_field", FIELD_AUTOGRAD),
    "field: squares": ("cd_field", FIELD_SQUARES),
    "decay: eigenvalues": ("decay", DECAY),
    "decay: symmetric": ("decay", DECAY_SYMMETRIC),
    "decay: deflated": ("decay", DECAY_DEFLATED),
    "blocks: a loop over fillings": ("block_log_lik", BLOCKS),
    "blocks: inputs once": ("block_log_lik", BLOCKS_INPUTS),
    "blocks: image by image": ("block_log_lik", BLOCKS_IMAGES),
    "modes: ones": ("two_modes", MODES),
    "modes: softplus, a tuple": ("two_modes", MODES_SOFTPLUS),
    "slopes: autograd": ("c_slopes", SLOPES),
    "slopes: a loop, and lists": ("c_slopes", SLOPES_LOOP),
    "weights: a loop": ("log_weights", WEIGHTS),
    "weights: sorted by states": ("log_weights", WEIGHTS_ENDS),
    "weights: stacked": ("log_weights", WEIGHTS_STACK),
    "moments: rescaled": ("moments", MOMENTS),
    "moments: backwards": ("moments", MOMENTS_BACK),
    "unbiased: by hand": ("unbiased", unbiased()),
    "both: bisection": ("both_ways", BOTH),
    "both: logarithms of both sides": ("both_ways", BOTH_FIXED),
    "both: scipy": ("both_ways", BOTH_SORTED),
    "class: class by class": ("class_log_probs", CLASS),
    "class: one machine": ("class_log_probs", CLASS_WHOLE),
    "class: single precision": ("class_log_probs", CLASS_SINGLE),
    "complete: a loop": ("complete", COMPLETE),
    "complete: a smaller machine": ("complete", COMPLETE_INPUTS),
    "complete: where": ("complete", COMPLETE_WHERE),
    "gap: a loop": ("gap", GAP),
    "gap: scipy": ("gap", GAP_SCIPY),
}
