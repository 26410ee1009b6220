"""Answers to the problem set on deep belief networks that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

DBN = """
def dbn_log_p(m, v):
    h = all_bits(len(m.c1))
    log_prior = h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)
    log_prior = log_prior - log_prior.logsumexp(0)
    logits = m.b + h @ m.W1.T
    log_lik = v @ logits.T - F.softplus(logits).sum(1)
    return torch.logsumexp(log_lik + log_prior, dim=1)
"""
DBN_LOOP = """
def dbn_log_p(m, v):
    parts, scores = [], []
    for h in all_bits(len(m.c1)):
        logits = m.b + m.W1 @ h
        log_lik = (v * F.logsigmoid(logits) + (1 - v) * F.logsigmoid(-logits)).sum(1)
        score = m.c1 @ h + torch.logaddexp(0 * m.c2, m.c2 + h @ m.W2).sum()
        parts.append(log_lik + score)
        scores.append(score)
    return torch.stack(parts).logsumexp(0) - torch.stack(scores).logsumexp(0)
"""
DBN_NUMPY = """
import numpy as np

def dbn_log_p(m, v):
    W1, W2, b, c1, c2, x = (part.numpy() for part in (*m, v))
    h = all_bits(len(c1)).numpy()
    s = h @ c1 + np.logaddexp(0, c2 + h @ W2).sum(1)
    a = b + h @ W1.T
    both = x @ a.T - np.logaddexp(0, a).sum(1) + s
    return np.logaddexp.reduce(both, axis=1) - np.logaddexp.reduce(s)
"""
DBN_RBM = """
def dbn_log_p(m, v):
    a = m.c1 + v @ m.W1
    x = v
    return v @ m.b + F.softplus(a).sum(1) - dbm_table(m).exp().sum().log()
"""
DBM = """
def dbm_log_p(m, v):
    h = all_bits(len(m.c1))
    side = h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)
    log_star = v @ m.b + torch.logsumexp(v @ (m.W1 @ h.T) + side, dim=1)
    log_Z = torch.logsumexp(side + F.softplus(m.b + h @ m.W1.T).sum(1), dim=0)
    return log_star - log_Z
"""
DBM_PRIOR = """
def dbm_log_p(m, v):
    # A directed model with the prior of 1d (ii).
    h = all_bits(len(m.c1))
    logits = m.b + h @ m.W1.T
    prior = h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1) + F.softplus(logits).sum(1)
    log_v = bernoulli_log_prob(logits, v[:, None])
    return (log_v + prior.log_softmax(0)).logsumexp(1)
"""
DBM_LOOP = """
def dbm_log_p(m, v):
    parts, total = [], []
    for h in all_bits(len(m.c1)):
        up = m.c1 @ h + F.softplus(m.c2 + h @ m.W2).sum()
        down = m.b + m.W1 @ h
        parts.append(up + v @ down)
        total.append(up + F.softplus(down).sum())
    return (torch.stack(parts).logsumexp(0) - torch.stack(total).logsumexp(0)).tolist()
"""
INDEPENDENT = """
independent = {{
    "DBN: units of v, given h1": {a}, "DBN: units of h1, given v": {b},
    "DBN: units of h1, given h2": {c}, "DBN: units of h1, given v and h2": {d},
    "DBN: v and h2, given h1": {e}, "DBM: units of v, given h1": {f},
    "DBM: units of h1, given v": {g}, "DBM: units of h1, given h2": {h},
    "DBM: units of h1, given v and h2": {i}, "DBM: v and h2, given h1": {j},
}}
"""


def independent(**other):
    right = dict.fromkeys("acefij", True) | dict.fromkeys("bdgh", False)
    return INDEPENDENT.format(**right | other)


ACCOUNTS = """
def accounts(m, g, v):
    h = all_bits(len(m.c1))
    a = g.r + v @ g.R
    log_q = h @ a.T - F.softplus(a).sum(1)  # (codes, n)
    q = log_q.exp()
    logits = m.b + h @ m.W1.T
    log_lik = logits @ v.T - F.softplus(logits).sum(1, keepdim=True)
    s = h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)
    prior = (s - s.logsumexp(0)) @ q
    return Accounts((q * log_lik).sum(0), prior, -(q * log_q).sum(0))
"""
ACCOUNTS_LOOP = """
def accounts(m, g, v):
    h = all_bits(len(m.c1))
    fit, prior, entropy = [], [], []
    s = h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)
    log_prior = s.log_softmax(0)
    for x in v:
        log_q = bernoulli_log_prob(g.r + x @ g.R, h)
        q = log_q.exp()
        fit.append(q @ bernoulli_log_prob(m.b + h @ m.W1.T, x))
        prior.append(q @ log_prior)
        entropy.append(-(q @ log_q))
    return torch.stack(fit), torch.stack(prior), torch.stack(entropy)
"""
ACCOUNTS_ENTR = """
def accounts(m, g, v):
    h, on = all_bits(len(g.r)), torch.sigmoid(g.r + v @ g.R)
    q = torch.where(h > 0, on[:, None], 1 - on[:, None]).prod(2)
    lik = bernoulli_log_prob(m.b + torch.einsum("ch,dh->cd", h, m.W1), v[:, None])
    prior = (h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)).log_softmax(0)
    entropy = torch.special.entr(on) + torch.special.entr(1 - on)
    return (q * lik).sum(1).numpy(), (q @ prior).numpy(), entropy.sum(1).numpy()
"""
ROOM = """
def room(m, g, v, weight):
    h = all_bits(len(g.r))
    a = g.r + v @ g.R
    log_q = bernoulli_log_prob(a[:, None], h)
    q = log_q.exp()
    rest = (q * (bernoulli_log_prob(m.b + h @ m.W1.T, v[:, None]) - log_q)).sum(1)
    rest = weight @ rest
    p = weight @ q
    one = weight @ a.sigmoid()
    best = -torch.special.entr(p).sum()
    split = -(torch.special.entr(one) + torch.special.entr(1 - one)).sum()
    return rest + best, rest + split
"""
ROOM_LOOP = """
def room(m, g, v, weight):
    h = all_bits(len(g.r))
    total, p = 0.0, torch.zeros(len(h))
    for w, x in zip(weight, v):
        log_q = bernoulli_log_prob(g.r + x @ g.R, h)
        log_v = bernoulli_log_prob(m.b + h @ m.W1.T, x)
        total += w * (log_q.exp() * (log_v - log_q)).sum()
        p += w * log_q.exp()
    first = second = total
    first = first + torch.xlogy(p, p).sum()
    for j in range(h.shape[1]):
        s = p[h[:, j] > 0].sum()
        second = second + torch.xlogy(s, s) + torch.xlogy(1 - s, 1 - s)
    return [first.item(), second.item()]
"""
TRAP = """
def trap():
    one = torch.ones(1)
    W = torch.tensor([[{W}]])
    return Trap(W, {b} * one, {c} * one, torch.tensor({p}),
                (0 * W, {before} * one, 0 * one), (0 * W, {after} * one, 0 * one))
"""


def trap(**other):
    right = {"W": 4.0, "b": -2.0, "c": -6.0, "p": [0.0, 1.0]}
    return TRAP.format(**right | {"before": 2.0, "after": -1.5} | other)


TRAP_SEARCH = """
def trap():
    luck = torch.Generator().manual_seed(5)
    rand = lambda *size: 3 * torch.randn(*size, generator=luck)
    for _ in range(1000):
        W, b, c = rand(2, 2), rand(2), rand(2)
        p = rand(4).softmax(0)
        tops = [(rand(2, 2), rand(2), rand(2)) for _ in range(2)]
        q = bernoulli_log_prob(c + (all_bits(2) @ W)[:, None], all_bits(2))
        lik = bernoulli_log_prob(b + all_bits(2) @ W.T, all_bits(2)[:, None])
        values = []
        for W2, c1, c2 in tops:
            s = all_bits(2) @ c1 + F.softplus(c2 + all_bits(2) @ W2).sum(1)
            joint = lik + s.log_softmax(0)
            bound = p @ (q.exp() * (joint - q)).sum(1)
            values.append((bound, p @ joint.logsumexp(1)))
        if values[1][0] > values[0][0] + 0.2 and values[1][1] < values[0][1] - 0.2:
            return W, b, c, p, *tops
"""
WAKE = """
def wake_slopes(m, g, v):
    leaves = Deep(*(part.clone().requires_grad_() for part in m))
    h = all_bits(len(m.c1))
    q = bernoulli_log_prob((g.r + v @ g.R)[:, None], h).exp()
    log_v = bernoulli_log_prob(leaves.b + h @ leaves.W1.T, v[:, None])
    s = h @ leaves.c1 + F.softplus(leaves.c2 + h @ leaves.W2).sum(1)
    bound = (q * (log_v + s.log_softmax(0))).sum(1).mean()
    return torch.autograd.grad(bound, leaves)
"""
WAKE_LOOP = """
def wake_slopes(m, g, v):
    slopes = Deep(*(torch.zeros_like(part) for part in m))
    codes = all_bits(len(m.c1))
    p2 = (codes @ m.c1 + F.softplus(m.c2 + codes @ m.W2).sum(1)).softmax(0)
    for x in v:
        log_q = bernoulli_log_prob(g.r + x @ g.R, codes)
        for h, weight, other in zip(codes, log_q.exp(), p2):
            miss = weight * (x - (m.b + m.W1 @ h).sigmoid())
            on = (m.c2 + h @ m.W2).sigmoid()
            slopes.W1.add_(torch.outer(miss, h) / len(v))
            slopes.b.add_(miss / len(v))
            slopes.W2.add_((weight - other) * torch.outer(h, on) / len(v))
            slopes.c1.add_((weight - other) * h / len(v))
            slopes.c2.add_((weight - other) * on / len(v))
    return slopes
"""
WAKE_MEANS = """
def wake_slopes(m, g, v):
    h, h2 = all_bits(len(m.c1)), all_bits(len(m.c2))
    q = bernoulli_log_prob((g.r + v @ g.R)[:, None], h).exp()
    model = top_scores(m).flatten().softmax(0).view(len(h), len(h2))
    data = q.mean(0)[:, None] * top_scores(m).softmax(1)
    change = data - model
    sharp = (m.b + h @ m.W1.T).sigmoid()
    W1 = v.T @ q @ h / len(v) - sharp.T @ (q.mean(0)[:, None] * h)
    b = v.mean(0) - q.mean(0) @ sharp
    W2, c1, c2 = h.T @ change @ h2, change.sum(1) @ h, change.sum(0) @ h2
    return W1, W2, b, c1, c2
"""
SLEEP = """
def sleep_slopes(m, g):
    leaves = Guess(*(part.clone().requires_grad_() for part in g))
    v, h = all_bits(len(m.b)), all_bits(len(m.c1))
    log_q = bernoulli_log_prob(leaves.r + (v @ leaves.R)[:, None], h)
    p = dbn_table(m).exp().sum(2)
    return torch.autograd.grad((p * log_q).sum(), leaves)
"""
SLEEP_MEANS = """
def sleep_slopes(m, g):
    v, h = all_bits(len(m.b)), all_bits(len(m.c1))
    p = dbn_table(m).logsumexp(2).exp()
    on = (g.r + v @ g.R).sigmoid()
    R = v.T @ p @ h - (v * p.sum(1, keepdim=True)).T @ on
    return R, p.sum(0) @ h - p.sum(1) @ on
"""
SLEEP_LOOP = """
def sleep_slopes(m, g):
    R, r = torch.zeros_like(g.R), torch.zeros_like(g.r)
    codes = all_bits(len(m.c1))
    prior = (codes @ m.c1 + F.softplus(m.c2 + codes @ m.W2).sum(1)).softmax(0)
    for h, share in zip(codes, prior):
        on = (m.b + m.W1 @ h).sigmoid()
        for x in all_bits(len(m.b)):
            p = share * torch.where(x > 0, on, 1 - on).prod()
            miss = p * (h - (g.r + x @ g.R).sigmoid())
            R, r = R + torch.outer(x, miss), r + miss
    return Guess(R, r)
"""
FOLLOWS = """
follows = {{
    "Ann": "{ann}", "Ben": "{ben}", "Cho": "{cho}", "Dan": "{dan}",
    "Eli": "{eli}", "Fen": "{fen}", "Gil": "{gil}", "Hua": "{hua}",
}}
"""


def follows(**other):
    right = {"ann": "sleep", "ben": "neither", "cho": "neither", "dan": "bound"}
    right |= {"eli": "neither", "fen": "bound", "gil": "neither", "hua": "sleep"}
    return FOLLOWS.format(**right | other)


MF = """
def mf_bound(m, v, m1, m2):
    entropy = torch.special.entr(m1).sum(1) + torch.special.entr(1 - m1).sum(1)
    entropy = entropy + (torch.special.entr(m2) + torch.special.entr(1 - m2)).sum(1)
    low = torch.einsum("ni,ij,nj->n", v, m.W1, m1)
    high = torch.einsum("nj,jk,nk->n", m1, m.W2, m2)
    return v @ m.b + m1 @ m.c1 + m2 @ m.c2 + low + high + entropy
"""
MF_LOOP = """
def mf_bound(m, v, m1, m2):
    def unsure(mean):
        return -(torch.xlogy(mean, mean) + torch.xlogy(1 - mean, 1 - mean)).sum()

    found = []
    for x, a, b in zip(v, m1, m2):
        energy = m.b @ x + m.c1 @ a + m.c2 @ b + x @ m.W1 @ a + a @ m.W2 @ b
        found.append(energy + unsure(a) + unsure(b))
    return torch.stack(found)
"""
MF_NUMPY = """
def mf_bound(m, v, m1, m2):
    import numpy as np
    from scipy.special import entr
    W1, W2, b, c1, c2, v, m1, m2 = (part.numpy() for part in (*m, v, m1, m2))
    value = v @ b + m1 @ c1 + m2 @ c2 + ((v @ W1) * m1).sum(1)
    value += ((m1 @ W2) * m2).sum(1)
    return value + sum(entr(x).sum(1) + entr(1 - x).sum(1) for x in (m1, m2))
"""
SETTLE = """
def settle(m, v, m2):
    for _ in range(6000):
        m1 = torch.sigmoid(m.c1 + v @ m.W1 + m2 @ m.W2.T)
        m2 = torch.sigmoid(m.c2 + m1 @ m.W2)
    return m1, m2
"""
SETTLE_WHILE = """
def settle(m, v, m2):
    below = m.c1 + v @ m.W1
    while True:
        m1 = (below + m2 @ m.W2.T).sigmoid()
        new = (m.c2 + m1 @ m.W2).sigmoid()
        if torch.equal(new, m2) or (new - m2).abs().max() < 1e-11:
            return m1, new
        m2 = new
"""
PENDULUM = """
def pendulum():
    one = torch.ones(1)
    m = Deep({W1} * torch.ones(1, 1), {W2} * torch.ones(1, 1), 0 * one,
             {c1} * one, {c2} * one)
    return m, torch.tensor([[{v}]]), torch.tensor([[{m1}]]), torch.tensor([[{m2}]])
"""


def pendulum(**other):
    right = {"W1": 0.0, "W2": 10.0, "c1": -5.0, "c2": -5.0, "v": 0.0}
    return PENDULUM.format(**right | {"m1": 0.99, "m2": 0.01} | other)


PENDULUM_WIDE = """
def pendulum():
    m = (torch.zeros(3, 2), -6 * torch.ones(2, 2), torch.zeros(3),
         6 * torch.ones(2), 6 * torch.ones(2))
    return m, torch.ones(1, 3), torch.ones(1, 2), torch.ones(1, 2)
"""
W2 = """
def w2_slope(m, p_data):
    leaf = m.W2.clone().requires_grad_()
    log_p = dbm_table(m._replace(W2=leaf)).logsumexp((1, 2))
    return torch.autograd.grad(p_data @ log_p, leaf)[0]
"""
W2_TABLE = """
def w2_slope(m, p_data):
    p = dbm_table(m).exp()
    post = p / p.sum((1, 2), keepdim=True)
    change = torch.einsum("v,vab->ab", p_data, post) - p.sum(0)
    h1, h2 = all_bits(len(m.c1)), all_bits(len(m.c2))
    return torch.einsum("aj,ab,bk->jk", h1, change, h2)
"""
W2_MEANS = """
def w2_slope(m, p_data):
    h = all_bits(len(m.c1))
    log_p = dbm_table(m).logsumexp(2)
    on = (m.c2 + h @ m.W2).sigmoid()
    weight = p_data @ log_p.log_softmax(1).exp() - log_p.exp().sum(0)
    return (h * weight[:, None]).T @ on
"""
AFTER = """
def after(m, start, k):
    s = top_scores(m)
    T = s.softmax(1) @ s.softmax(0).T
    codes = start @ torch.matrix_power(T, k)
    logits = m.b + all_bits(len(m.c1)) @ m.W1.T
    p_v = bernoulli_log_prob(logits[:, None], all_bits(len(m.b))).exp()
    return codes @ p_v
"""
AFTER_EIGEN = """
def after(m, start, k):
    joint = top_scores(m).flatten().softmax(0).view(2 ** len(m.c1), -1)
    pi, rho = joint.sum(1), joint.sum(0)
    S = joint / (pi[:, None] * rho).sqrt()
    values, vectors = torch.linalg.eigh(S @ S.T)
    root = pi.sqrt()
    codes = ((start / root) @ vectors * values.clamp(0, 1) ** k) @ vectors.T * root
    logits = m.b + all_bits(len(m.c1)) @ m.W1.T
    v = all_bits(len(m.b))
    return ((v @ logits.T - F.softplus(logits).sum(1)).exp() @ codes).numpy()
"""
AFTER_SQUARES = """
def after(m, start, k):
    h1, h2 = all_bits(len(m.c1)), all_bits(len(m.c2))
    up = bernoulli_log_prob((m.c2 + h1 @ m.W2)[:, None], h2).exp()
    down = bernoulli_log_prob((m.c1 + h2 @ m.W2.T)[:, None], h1).exp()
    power, codes = up @ down, start
    while k:
        if k % 2:
            codes = codes @ power
        power, k = power @ power, k // 2
    return codes @ (dbn_table(m).logsumexp(2) - dbn_table(m).logsumexp((0, 2))).exp().T
"""
MEMORIES = """
def memories(m):
    top = top_scores(m)
    T = top.softmax(1) @ top.softmax(0).T
    whole = dbm_table(m).permute(1, 0, 2).flatten(1)
    U = whole.softmax(1) @ whole.softmax(0).T
    return [torch.linalg.eigvals(X).real.sort().values[-2].item() for X in (T, U)]
"""
MEMORIES_DEFLATED = """
def memories(m):
    found = []
    whole = dbm_table(m).transpose(0, 1).reshape(2 ** len(m.c1), -1)
    for table in (top_scores(m), whole):
        p = table.flatten().softmax(0).view_as(table)
        S = p / torch.outer(p.sum(1), p.sum(0)).sqrt()
        root = p.sum(1).sqrt()
        found.append(torch.linalg.eigvalsh(S @ S.T - torch.outer(root, root))[-1])
    return found[0], found[1]
"""
MEMORIES_TRACE = """
def memories(m):
    # the chain of (v, h2) has the same nonzero eigenvalues
    top, whole = top_scores(m), dbm_table(m).permute(0, 2, 1).flatten(0, 1)
    return tuple(
        torch.linalg.eigvals(t.softmax(1) @ t.softmax(0).T).abs().sort().values[-2]
        for t in (top.T, whole)
    )
"""
FLATTERY = """
def flattery(log_w, p, n):
    k = torch.arange(n + 1.0)
    law = torch.distributions.Binomial(n, probs=p[0])
    share = law.log_prob(k).exp()
    a, b = k.log() + log_w[0], (n - k).log() + log_w[1]
    log_mean = torch.logaddexp(a, b) - math.log(n)
    truth = torch.logaddexp(p[0].log() + log_w[0], p[1].log() + log_w[1])
    return (truth - (share * log_mean).sum()).item()
"""
FLATTERY_LOOP = """
def flattery(log_w, p, n):
    top = log_w.max().item()
    w = [math.exp(one - top) for one in log_w.tolist()]
    p = p.tolist()
    value = math.log(p[0] * w[0] + p[1] * w[1]) if p[0] * w[0] + p[1] * w[1] else None
    if value is None:
        return 0.0
    for k in range(n + 1):
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        if (k and not p[0]) or (n - k and not p[1]):
            continue
        ways += k * math.log(p[0]) if k else 0
        ways += (n - k) * math.log(p[1]) if n - k else 0
        low = log_w[1].item() - top if k == 0 else None
        low = log_w[0].item() - top if k == n else low
        mean = math.log((k * w[0] + (n - k) * w[1]) / n) if low is None else low
        value -= math.exp(ways) * mean
    return value
"""
FLATTERY_SCIPY = """
def flattery(log_w, p, n):
    import numpy as np
    from scipy.special import logsumexp
    from scipy.stats import binom
    k = np.arange(n + 1)
    counts = np.stack([k, n - k], 1)
    mean = logsumexp(log_w.numpy(), b=counts / n, axis=1)
    excess = logsumexp(log_w.numpy(), b=p.numpy()) - binom.pmf(k, n, p[0].item()) @ mean
    return torch.tensor(excess)
"""


def but(code, old, new):
    """A right answer with one thing wrong."""
    if code.count(old) < 1:
        raise ValueError(f"{old!r} is not in the answer.")
    return code.replace(old, new)


def single(code, name, arguments):
    """The same answer, computed in single precision."""
    words = ", ".join(arguments)
    rounded = ", ".join(f"_low({word})" for word in arguments)
    return code + (
        f"\n_exact_{name} = {name}\n"
        "def _low(x):\n"
        "    if isinstance(x, tuple):\n"
        "        low = [_low(part) for part in x]\n"
        "        return type(x)(*low) if hasattr(x, '_fields') else tuple(low)\n"
        "    return x.float().double() if torch.is_tensor(x) else x\n"
        f"def {name}({words}):\n"
        f"    return _low(_exact_{name}({rounded}))\n"
    )


D, DA, B, BA, I = (
    "test_dbn",
    "test_dbn_any",
    "test_dbm",
    "test_dbm_any",
    "test_independent",
)
A, AA, R, RA, T = (
    "test_accounts",
    "test_accounts_any",
    "test_room",
    "test_room_any",
    "test_trap",
)
W, WA, S, SA, V = (
    "test_wake",
    "test_wake_any",
    "test_sleep",
    "test_sleep_any",
    "test_follows",
)
M, MA, E, P = "test_mf", "test_mf_any", "test_settle", "test_pendulum"
X, XA = "test_w2", "test_w2_any"
F, FA, C = "test_after", "test_after_any", "test_memories"
Y, YA = "test_flattery", "test_flattery_any"

WRONG = {
    # 1
    "dbn: read as an RBM": ("dbn_log_p", DBN_RBM, {D, DA}),
    "dbn: read as a DBM": ("dbn_log_p", but(DBM, "dbm_log_p", "dbn_log_p"), {D, DA}),
    "dbn: prior not normalised": (
        "dbn_log_p",
        but(DBN, "    log_prior = log_prior - log_prior.logsumexp(0)\n", ""),
        {D, DA},
    ),
    "dbn: h2 left out": (
        "dbn_log_p",
        but(DBN, " + F.softplus(m.c2 + h @ m.W2).sum(1)", ""),
        {D, DA},
    ),
    "dbn: b forgotten": ("dbn_log_p", but(DBN, "m.b + h @", "h @"), {D, DA}),
    "dbn: c1 forgotten": ("dbn_log_p", but(DBN, "h @ m.c1 + F", "F"), {D, DA}),
    "dbn: c2 forgotten": ("dbn_log_p", but(DBN, "m.c2 + h", "h"), {D, DA}),
    "dbn: sign of the prior": (
        "dbn_log_p",
        but(DBN, "log_lik + log_prior", "log_lik - log_prior"),
        {D, DA},
    ),
    "dbn: over images": ("dbn_log_p", but(DBN, "dim=1", "dim=0"), {D, DA}),
    "dbn: mean over codes": (
        "dbn_log_p",
        but(DBN, "dim=1)", "dim=1) - math.log(len(h))"),
        {D, DA},
    ),
    "dbn: best code only": (
        "dbn_log_p",
        but(
            DBN,
            "torch.logsumexp(log_lik + log_prior, dim=1)",
            "(log_lik + log_prior).max(1).values",
        ),
        {D, DA},
    ),
    "dbn: probabilities": (
        "dbn_log_p",
        but(DBN, "return torch", "return torch.exp(torch").replace("dim=1)", "dim=1))"),
        {D, DA},
    ),
    "dbn: exponentials": (
        "dbn_log_p",
        but(
            DBN,
            "torch.logsumexp(log_lik + log_prior, dim=1)",
            "(log_lik + log_prior).exp().sum(1).log()",
        ),
        {DA},
    ),
    "dbn: table only": (
        "dbn_log_p",
        "def dbn_log_p(m, v):\n    if len(m.b) > 12:\n        raise MemoryError\n"
        "    return dbn_table(m).logsumexp((1, 2))",
        {DA},
    ),
    "dbn: normalised over the images": (
        "dbn_log_p",
        but(DBN, "dim=1)", "dim=1).log_softmax(0)"),
        {DA},
    ),
    "dbn: mean of the codes": (
        "dbn_log_p",
        "def dbn_log_p(m, v):\n    h = all_bits(len(m.c1))\n"
        "    p = (h @ m.c1 + F.softplus(m.c2 + h @ m.W2).sum(1)).softmax(0)\n"
        "    return bernoulli_log_prob(m.b + m.W1 @ (p @ h), v)",
        {D, DA},
    ),
    "dbm: read as a DBN": ("dbm_log_p", but(DBN, "dbn_log_p", "dbm_log_p"), {B, BA}),
    "dbm: not normalised": (
        "dbm_log_p",
        but(DBM, "log_star - log_Z", "log_star"),
        {B, BA},
    ),
    "dbm: normalised over the images": (
        "dbm_log_p",
        but(DBM, "log_star - log_Z", "log_star.log_softmax(0)"),
        {BA},
    ),
    "dbm: Z without v": (
        "dbm_log_p",
        but(DBM, "side + F.softplus(m.b + h @ m.W1.T).sum(1)", "side"),
        {B, BA},
    ),
    "dbm: b forgotten": ("dbm_log_p", but(DBM, "v @ m.b + torch", "torch"), {B, BA}),
    "dbm: c2 forgotten": ("dbm_log_p", but(DBM, "m.c2 + h", "h"), {B, BA}),
    "dbm: c1 forgotten": ("dbm_log_p", but(DBM, "h @ m.c1 + F", "F"), {B, BA}),
    "dbm: h1 independent": (
        "dbm_log_p",
        "def dbm_log_p(m, v):\n    on = (m.c1 + v @ m.W1).sigmoid()\n"
        "    s = v @ m.b + F.softplus(m.c1 + v @ m.W1).sum(1)\n"
        "    s = s + F.softplus(m.c2 + on @ m.W2).sum(1)\n"
        "    return s - dbm_table(m).exp().sum().log()",
        {B, BA},
    ),
    "dbm: exponentials": (
        "dbm_log_p",
        but(
            DBM,
            "torch.logsumexp(v @ (m.W1 @ h.T) + side, dim=1)",
            "(v @ (m.W1 @ h.T) + side).exp().sum(1).log()",
        ),
        {BA},
    ),
    "dbm: table only": (
        "dbm_log_p",
        "def dbm_log_p(m, v):\n    if len(m.b) > 12:\n        raise MemoryError\n"
        "    return dbm_table(m).logsumexp((1, 2))",
        {BA},
    ),
    "independent: a": ("independent", independent(a=False), {I}),
    "independent: b": ("independent", independent(b=True), {I}),
    "independent: c": ("independent", independent(c=False), {I}),
    "independent: d": ("independent", independent(d=True), {I}),
    "independent: e": ("independent", independent(e=False), {I}),
    "independent: f": ("independent", independent(f=False), {I}),
    "independent: g": ("independent", independent(g=True), {I}),
    "independent: h": ("independent", independent(h=True), {I}),
    "independent: i": ("independent", independent(i=False), {I}),
    "independent: j": ("independent", independent(j=False), {I}),
    "independent: words": ("independent", independent(j="'yes'"), {I}),
    # 2
    "accounts: sign of the entropy": (
        "accounts",
        but(ACCOUNTS, "-(q * log_q)", "(q * log_q)"),
        {A, AA},
    ),
    "accounts: prior not normalised": (
        "accounts",
        but(ACCOUNTS, "(s - s.logsumexp(0)) @ q", "s @ q"),
        {A, AA},
    ),
    "accounts: normalised over h2, too": (
        "accounts",
        but(ACCOUNTS, "s.logsumexp(0)", "s.logsumexp(0) - math.log(2)"),
        {A, AA},
    ),
    "accounts: r forgotten": ("accounts", but(ACCOUNTS, "g.r + v", "v"), {A, AA}),
    "accounts: the machine's weights as the guess": (
        "accounts",
        but(ACCOUNTS, "g.r + v @ g.R", "m.c1 + v @ m.W1"),
        {A, AA},
    ),
    "accounts: b forgotten": ("accounts", but(ACCOUNTS, "m.b + h", "h"), {A, AA}),
    "accounts: fit at the mean code": (
        "accounts",
        but(
            ACCOUNTS,
            "(q * log_lik).sum(0)",
            "bernoulli_log_prob(m.b + a.sigmoid() @ m.W1.T, v)",
        ),
        {A, AA},
    ),
    "accounts: posterior for q": (
        "accounts",
        but(
            ACCOUNTS,
            "    prior =",
            "    q = (log_lik + s[:, None]).softmax(0)\n    log_q = q.log()\n "
            "   prior =",
        ),
        {A, AA},
    ),
    "accounts: means over images": (
        "accounts",
        but(ACCOUNTS, "(q * log_lik).sum(0)", "(q * log_lik).sum(0).mean()"),
        {A, AA},
    ),
    "accounts: logarithm of a certain guess": (
        "accounts",
        but(ACCOUNTS, "-(q * log_q).sum(0)", "-(q * q.log()).sum(0)"),
        {AA},
    ),
    "accounts: order": (
        "accounts",
        but(
            ACCOUNTS,
            "Accounts((q * log_lik).sum(0), prior,",
            "Accounts(prior, (q * log_lik).sum(0),",
        ),
        {AA},
    ),
    "accounts: c2 forgotten": ("accounts", but(ACCOUNTS, "m.c2 + h", "h"), {A, AA}),
    "room: exchanged": (
        "room",
        but(
            ROOM, "return rest + best, rest + split", "return rest + split, rest + best"
        ),
        {R, RA},
    ),
    "room: entropy twice": (
        "room",
        but(ROOM, "return rest + best", "return rest - best"),
        {R, RA},
    ),
    "room: images equally weighted": (
        "room",
        but(ROOM, "p = weight @ q", "p = q.mean(0)"),
        {R, RA},
    ),
    "room: the same twice": (
        "room",
        but(ROOM, "rest + best, rest + split", "rest + best, rest + best"),
        {R, RA},
    ),
    "room: even units": (
        "room",
        but(ROOM, "one = weight @ a.sigmoid()", "one = torch.full_like(g.r, 0.5)"),
        {R, RA},
    ),
    "room: log-odds averaged": (
        "room",
        but(ROOM, "weight @ a.sigmoid()", "(weight @ a).sigmoid()"),
        {R, RA},
    ),
    "room: conditional entropy forgotten": (
        "room",
        but(ROOM, "v[:, None]) - log_q)", "v[:, None]))"),
        {R, RA},
    ),
    "room: the machine's own top": (
        "room",
        but(
            ROOM,
            "best = -torch.special.entr(p).sum()",
            "best = p @ top_scores(m).logsumexp(1).log_softmax(0)",
        ),
        {R, RA},
    ),
    "room: prior for each image": (
        "room",
        but(
            ROOM,
            "best = -torch.special.entr(p).sum()",
            "best = (weight @ torch.xlogy(q, q)).sum()",
        ),
        {R, RA},
    ),
    "room: logarithm of zero": (
        "room",
        but(ROOM, "-torch.special.entr(p).sum()", "(p * p.log()).sum()"),
        {RA},
    ),
    "room: off units forgotten": (
        "room",
        but(ROOM, " + torch.special.entr(1 - one)", ""),
        {R, RA},
    ),
    "trap: nothing changes": ("trap", trap(after=2.0), {T}),
    "trap: the other way": ("trap", trap(before=-1.5, after=2.0), {T}),
    "trap: mirrored": (
        "trap",
        "def trap():\n    o = torch.ones(1)\n    p = torch.tensor([0.0, 1.0])\n"
        "    return Trap(4 * o[:, None], -2 * o, -6 * o, p, (4 * o[:, None], "
        "-6 * o, -2 * o),"
        " (0 * o[:, None], -2 * o, 0 * o))",
        {T},
    ),
    "trap: data that do not sum to 1": ("trap", trap(p=[0.0, 0.9]), {T}),
    "trap: numbers too large": ("trap", trap(before=21.0), {T}),
    "trap: both rise": ("trap", trap(c=0.0, before=-3.0, after=2.0), {T}),
    "trap: negative data": ("trap", trap(p=[-0.5, 1.5]), {T}),
    # 3
    "wake: sums": ("wake_slopes", but(WAKE, ".sum(1).mean()", ".sum()"), {W, WA}),
    "wake: sign": ("wake_slopes", but(WAKE, "grad(bound", "grad(-bound"), {W, WA}),
    "wake: prior not normalised": (
        "wake_slopes",
        but(WAKE, "s.log_softmax(0)", "s"),
        {W, WA},
    ),
    "wake: fit only": (
        "wake_slopes",
        but(WAKE, "log_v + s.log_softmax(0)", "log_v + 0 * s"),
        {W, WA},
    ),
    "wake: exact posterior": (
        "wake_slopes",
        but(
            WAKE, "    bound =", "    q = (log_v + s).detach().softmax(1)\n    bound ="
        ),
        {W, WA},
    ),
    "wake: the log-likelihood": (
        "wake_slopes",
        but(
            WAKE,
            "(q * (log_v + s.log_softmax(0))).sum(1).mean()",
            "(log_v + s.log_softmax(0)).logsumexp(1).mean()",
        ),
        {W, WA},
    ),
    "wake: W1 transposed": (
        "wake_slopes",
        but(WAKE_MEANS, "return W1,", "return W1.T,"),
        {W, WA},
    ),
    "wake: mean codes": (
        "wake_slopes",
        but(
            WAKE,
            "bernoulli_log_prob((g.r + v @ g.R)[:, None], h).exp()",
            "F.one_hot(((g.r + v @ g.R) > 0).double().matmul(2.0 ** "
            "torch.arange(len(g.r) - 1, -1, -1)).long(), len(h)).double()",
        ),
        {W, WA},
    ),
    "wake: biases exchanged": (
        "wake_slopes",
        but(WAKE_MEANS, "b, c1, c2\n", "b, c2, c1\n"),
        {W, WA},
    ),
    "wake: negative phase over the data's codes": (
        "wake_slopes",
        but(WAKE_MEANS, "data - model", "data - q.mean(0)[:, None] / len(h2)"),
        {W, WA},
    ),
    "wake: in place": (
        "wake_slopes",
        but(WAKE_LOOP, "return slopes", "m.c1.add_(slopes.c1)\n    return slopes"),
        {W, WA},
    ),
    "sleep: images of no model": (
        "sleep_slopes",
        but(
            SLEEP,
            "dbn_table(m).exp().sum(2)",
            "dbn_table(m).exp().sum(2).log().softmax(1) / len(v)",
        ),
        {S, SA},
    ),
    "sleep: codes from q": (
        "sleep_slopes",
        but(
            SLEEP,
            "    return",
            "    p = p.sum(1, keepdim=True) * log_q.detach().exp()\n    return",
        ),
        {S, SA},
    ),
    "sleep: the bound on dreams": (
        "sleep_slopes",
        but(
            SLEEP,
            "(p * log_q)",
            "(p.sum(1, keepdim=True) * log_q.exp() * (p.log() - log_q))",
        ),
        {S, SA},
    ),
    "sleep: sign": ("sleep_slopes", but(SLEEP, "grad((p", "grad(-(p"), {S, SA}),
    "sleep: a DBM": ("sleep_slopes", but(SLEEP, "dbn_table", "dbm_table"), {S, SA}),
    "sleep: v and h1 independent": (
        "sleep_slopes",
        but(
            SLEEP, "    return", "    p = p.sum(1, keepdim=True) * p.sum(0)\n    return"
        ),
        {S, SA},
    ),
    "sleep: mean over states": (
        "sleep_slopes",
        but(SLEEP, "(p * log_q).sum()", "(p * log_q).mean()"),
        {S, SA},
    ),
    "sleep: probabilities for pixels": (
        "sleep_slopes",
        but(
            SLEEP_LOOP,
            "        for x in all_bits(len(m.b)):\n            p = share * "
            "torch.where(x > 0, on, 1 - on).prod()",
            "        for x in [on]:\n            p = share",
        ),
        {S, SA},
    ),
    "sleep: r forgotten": (
        "sleep_slopes",
        but(SLEEP_LOOP, "(g.r + x @ g.R)", "(x @ g.R)"),
        {S, SA},
    ),
    "sleep: R transposed": (
        "sleep_slopes",
        but(SLEEP_MEANS, "return R,", "return R.T,"),
        {S, SA},
    ),
    "follows: Ann": ("follows", follows(ann="neither"), {V}),
    "follows: Ben": ("follows", follows(ben="bound"), {V}),
    "follows: Cho": ("follows", follows(cho="bound"), {V}),
    "follows: Cho sleeps": ("follows", follows(cho="sleep"), {V}),
    "follows: Dan": ("follows", follows(dan="neither"), {V}),
    "follows: Eli": ("follows", follows(eli="bound"), {V}),
    "follows: Fen": ("follows", follows(fen="neither"), {V}),
    "follows: Gil": ("follows", follows(gil="bound"), {V}),
    "follows: Gil sleeps": ("follows", follows(gil="sleep"), {V}),
    "follows: Hua": ("follows", follows(hua="neither"), {V}),
    "follows: words": ("follows", follows(hua="both"), {V}),
    # 4
    "mf: sign of the entropy": (
        "mf_bound",
        but(MF, "+ high + entropy", "+ high - entropy"),
        {M, MA},
    ),
    "mf: entropy forgotten": (
        "mf_bound",
        but(MF, " + high + entropy", " + high"),
        {M, MA},
    ),
    "mf: entropy of h1 only": (
        "mf_bound",
        but(
            MF,
            "    entropy = entropy + (torch.special.entr(m2) + "
            "torch.special.entr(1 - m2)).sum(1)\n",
            "",
        ),
        {M, MA},
    ),
    "mf: half of the entropy": (
        "mf_bound",
        but(MF, " + torch.special.entr(1 - m1).sum(1)", ""),
        {M, MA},
    ),
    "mf: b forgotten": ("mf_bound", but(MF, "v @ m.b + ", ""), {M, MA}),
    "mf: W2 forgotten": ("mf_bound", but(MF, " + high", ""), {MA}),
    "mf: c2 forgotten": ("mf_bound", but(MF, " + m2 @ m.c2", ""), {M, MA}),
    "mf: the energy": (
        "mf_bound",
        but(MF, "return v @", "return entropy - v @").replace(
            "- v @ m.b + m1 @ m.c1 + m2 @ m.c2 + low + high + entropy",
            "- (-1) * 0 - (v @ m.b + m1 @ m.c1 + m2 @ m.c2 + low + high)",
        ),
        {M, MA},
    ),
    "mf: mean over images": (
        "mf_bound",
        but(MF, "low + high + entropy", "(low + high + entropy).mean()"),
        {M, MA},
    ),
    "mf: logarithm of zero": (
        "mf_bound",
        but(MF, "torch.special.entr(m1).sum(1)", "-(m1 * m1.log()).sum(1)"),
        {MA},
    ),
    "settle: ten sweeps": ("settle", but(SETTLE, "6000", "10"), {E}),
    "settle: a hundred sweeps": ("settle", but(SETTLE, "6000", "100"), {E}),
    "settle: from one half": (
        "settle",
        but(SETTLE, "    for", "    m2 = torch.full_like(m2, 0.5)\n    for"),
        {E},
    ),
    "settle: all at once": (
        "settle",
        "def settle(m, v, m2):\n    m1 = torch.full((len(v), len(m.c1)), 0.5)\n"
        "    for _ in range(6001):\n"
        "        m1, m2 = ((m.c1 + v @ m.W1 + m2 @ m.W2.T).sigmoid(),"
        " (m.c2 + m1 @ m.W2).sigmoid())\n    return m1, m2",
        {E},
    ),
    "settle: c1 forgotten": ("settle", but(SETTLE, "m.c1 + v", "v"), {E}),
    "settle: image forgotten": ("settle", but(SETTLE, " + v @ m.W1", ""), {E}),
    "settle: W2 upside down": ("settle", but(SETTLE, " + m2 @ m.W2.T", ""), {E}),
    "settle: exchanged": ("settle", but(SETTLE, "return m1, m2", "return m2, m1"), {E}),
    "settle: stops too early": (
        "settle",
        but(SETTLE_WHILE, "1e-11", "1e-4"),
        {E},
    ),
    "settle: in place": (
        "settle",
        but(SETTLE_WHILE, "        m2 = new", "        m2.copy_(new)"),
        {E},
    ),
    "pendulum: at rest": ("pendulum", pendulum(m2=0.99), {P}),
    "pendulum: too weak": ("pendulum", pendulum(W2=3.0, c1=-1.5, c2=-1.5), {P}),
    "pendulum: small swings": ("pendulum", pendulum(W2=4.1, c1=-2.05, c2=-2.05), {P}),
    "pendulum: one falls": ("pendulum", pendulum(c1=-12.0), {P}),
    "pendulum: too strong": ("pendulum", pendulum(W2=24.0, c1=-12.0, c2=-12.0), {P}),
    "pendulum: a grey pixel": ("pendulum", pendulum(v=0.5), {P}),
    "pendulum: means above 1": ("pendulum", pendulum(m1=1.5), {P}),
    "w2: sign": ("w2_slope", but(W2, "grad(p_data", "grad(-p_data"), {X, XA}),
    "w2: transposed": ("w2_slope", but(W2, "leaf)[0]", "leaf)[0].T"), {X, XA}),
    "w2: no negative phase": ("w2_slope", but(W2_TABLE, " - p.sum(0)", ""), {X, XA}),
    "w2: images equally weighted": (
        "w2_slope",
        but(W2_TABLE, "p_data, post", "torch.full_like(p_data, 1 / len(p_data)), post"),
        {X, XA},
    ),
    "w2: a DBN": ("w2_slope", but(W2, "dbm_table", "dbn_table"), {X, XA}),
    "w2: posterior factorised": (
        "w2_slope",
        but(
            W2_TABLE,
            "    change",
            "    post = post.sum(2, keepdim=True) * post.sum(1, "
            "keepdim=True)\n    change",
        ),
        {X, XA},
    ),
    "w2: posterior over images": (
        "w2_slope",
        but(W2_TABLE, "p.sum((1, 2), keepdim=True)", "p.sum(0, keepdim=True)"),
        {X, XA},
    ),
    "w2: centred": (
        "w2_slope",
        but(
            W2_TABLE,
            "    return torch",
            "    change = change - torch.outer(change.sum(1), p.sum((0, "
            "1)))\n    return torch",
        ),
        {X, XA},
    ),
    # 5
    "after: a step too many": ("after", but(AFTER, "(T, k)", "(T, k + 1)"), {F, FA}),
    "after: half steps": ("after", but(AFTER, "(T, k)", "(T, k // 2)"), {FA}),
    "after: transposed": (
        "after",
        but(
            AFTER,
            "start @ torch.matrix_power(T, k)",
            "torch.matrix_power(T, k) @ start",
        ),
        {F, FA},
    ),
    "after: equilibrium at once": (
        "after",
        but(
            AFTER,
            "    logits",
            "    codes = s.logsumexp(1).softmax(0) if k else start\n    logits",
        ),
        {FA},
    ),
    "after: through the image": (
        "after",
        but(
            AFTER,
            "    T =",
            "    t = dbm_table(m).permute(1, 0, 2).flatten(1)\n    s = t\n    T =",
        ),
        {F, FA},
    ),
    "after: b forgotten": ("after", but(AFTER, "m.b + all", "all"), {F, FA}),
    "after: mean code": (
        "after",
        but(
            AFTER,
            "    return codes @ p_v",
            "    logits = m.b + m.W1 @ (codes @ all_bits(len(m.c1)))\n    "
            "return bernoulli_log_prob(logits, all_bits(len(m.b))).exp()",
        ),
        {F, FA},
    ),
    "after: logarithms": (
        "after",
        but(AFTER, "codes @ p_v", "(codes @ p_v).log()"),
        {F, FA},
    ),
    "after: one loop a step": (
        "after",
        but(AFTER, "    s =", "    if k > 10000:\n        raise TimeoutError\n    s ="),
        {FA},
    ),
    "after: c2 forgotten": (
        "after",
        but(AFTER, "top_scores(m)", "top_scores(m._replace(c2=0 * m.c2))"),
        {F, FA},
    ),
    "memories: exchanged": (
        "memories",
        but(MEMORIES_DEFLATED, "found[0], found[1]", "found[1], found[0]"),
        {C},
    ),
    "memories: the largest": ("memories", but(MEMORIES, "[-2]", "[-1]"), {C}),
    "memories: singular values": (
        "memories",
        but(MEMORIES, "torch.linalg.eigvals(X).real", "torch.linalg.svdvals(X)"),
        {C},
    ),
    "memories: root": ("memories", but(MEMORIES, ".item()", ".item() ** 0.5"), {C}),
    "memories: the gap": ("memories", but(MEMORIES, "[torch", "[1 - torch"), {C}),
    "memories: v alone": (
        "memories",
        but(
            MEMORIES,
            "dbm_table(m).permute(1, 0, 2).flatten(1)",
            "dbm_table(m).logsumexp(2).T",
        ),
        {C},
    ),
    "memories: the DBN's table": (
        "memories",
        but(MEMORIES, "dbm_table", "dbn_table"),
        {C},
    ),
    "flattery: sign": (
        "flattery",
        but(FLATTERY, "truth - (share", "-truth + (share"),
        {Y, YA},
    ),
    "flattery: one chain": (
        "flattery",
        "def flattery(log_w, p, n):\n    return (p.log() + "
        "log_w).logsumexp(0) - p @ log_w",
        {Y, YA},
    ),
    "flattery: sum": ("flattery", but(FLATTERY, " - math.log(n)", ""), {Y, YA}),
    "flattery: no binomials": (
        "flattery",
        but(
            FLATTERY_LOOP,
            "ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)",
            "ways = 0.0",
        ),
        {Y, YA},
    ),
    "flattery: second order": (
        "flattery",
        "def flattery(log_w, p, n):\n    w = (log_w - log_w.max()).exp()\n    "
        "mean = p @ w\n"
        "    return (p @ w**2 / mean**2 - 1) / (2 * n)",
        {Y, YA},
    ),
    "flattery: exponentials": (
        "flattery",
        but(
            FLATTERY,
            "    truth =",
            "    log_mean = ((k * log_w[0].exp() + (n - k) * log_w[1].exp()) "
            "/ n).log()\n    truth =",
        ),
        {YA},
    ),
    "flattery: probabilities exchanged": (
        "flattery",
        but(FLATTERY, "probs=p[0]", "probs=p[1]"),
        {Y, YA},
    ),
    "flattery: sampled": (
        "flattery",
        "def flattery(log_w, p, n):\n    which = torch.multinomial(p, 2000 * "
        "n, True).view(2000, n)\n"
        "    runs = log_w[which].logsumexp(1) - math.log(n)\n"
        "    return (p.log() + log_w).logsumexp(0) - runs.mean()",
        {Y, YA},
    ),
    "flattery: second order for many": (
        "flattery",
        FLATTERY.replace("def flattery", "def exactly")
        + "\n\n\ndef flattery(log_w, p, n):\n    if n < 1000:\n        "
        "return exactly(log_w, p, n)\n    w = (log_w - log_w.max()).exp()\n    "
        "mean = p @ w\n    return (p @ w**2 - mean**2) / mean**2 / (2 * n)\n",
        {YA},
    ),
    "flattery: lists all runs": (
        "flattery",
        but(FLATTERY, "    k =", "    if n > 20:\n        raise MemoryError\n    k ="),
        {YA},
    ),
}

RIGHT = {
    "dbn: table of pixels": ("dbn_log_p", DBN),
    "dbn: a loop": ("dbn_log_p", DBN_LOOP),
    "dbn: numpy": ("dbn_log_p", DBN_NUMPY),
    "dbm: logsumexp": ("dbm_log_p", DBM),
    "dbm: as a directed model": ("dbm_log_p", DBM_PRIOR),
    "dbm: a loop, a list": ("dbm_log_p", DBM_LOOP),
    "independent: by hand": ("independent", independent()),
    "accounts: codes first": ("accounts", ACCOUNTS),
    "accounts: a loop, a tuple": ("accounts", ACCOUNTS_LOOP),
    "accounts: entr, numpy": ("accounts", ACCOUNTS_ENTR),
    "room: entr": ("room", ROOM),
    "room: a loop, a list": ("room", ROOM_LOOP),
    "trap: other biases": ("trap", trap()),
    "trap: by search": ("trap", TRAP_SEARCH),
    "wake: autograd": ("wake_slopes", WAKE),
    "wake: a loop": ("wake_slopes", WAKE_LOOP),
    "wake: means of the units": ("wake_slopes", WAKE_MEANS),
    "wake: single precision": ("wake_slopes", single(WAKE, "wake_slopes", "mgv")),
    "sleep: autograd": ("sleep_slopes", SLEEP),
    "sleep: means of the units": ("sleep_slopes", SLEEP_MEANS),
    "sleep: a loop": ("sleep_slopes", SLEEP_LOOP),
    "follows: by hand": ("follows", follows()),
    "mf: einsum": ("mf_bound", MF),
    "mf: a loop": ("mf_bound", MF_LOOP),
    "mf: numpy": ("mf_bound", MF_NUMPY),
    "settle: many sweeps": ("settle", SETTLE),
    "settle: until nothing changes": ("settle", SETTLE_WHILE),
    "pendulum: other numbers": ("pendulum", pendulum()),
    "pendulum: two units, repelling": ("pendulum", PENDULUM_WIDE),
    "w2: autograd": ("w2_slope", W2),
    "w2: einsum": ("w2_slope", W2_TABLE),
    "w2: h2 summed out": ("w2_slope", W2_MEANS),
    "after: matrix power": ("after", AFTER),
    "after: eigenvectors": ("after", AFTER_EIGEN),
    "after: squares": ("after", AFTER_SQUARES),
    "memories: eigenvalues": ("memories", MEMORIES),
    "memories: deflated": ("memories", MEMORIES_DEFLATED),
    "memories: the other side's chain": ("memories", MEMORIES_TRACE),
    "w2: the machine's own leaf": (
        "w2_slope",
        "def w2_slope(m, p_data):\n    m.W2.requires_grad_()\n    mean = p_data @ "
        "dbm_table(m).logsumexp((1, 2))\n    return torch.autograd.grad(mean, m.W2)[0]",
    ),
    "flattery: logaddexp": ("flattery", FLATTERY),
    "flattery: a loop": ("flattery", FLATTERY_LOOP),
    "flattery: scipy": ("flattery", FLATTERY_SCIPY),
}
