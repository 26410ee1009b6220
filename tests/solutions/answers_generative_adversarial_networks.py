"""Answers to the problem set on generative adversarial networks that students may give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

from masters import but

BEST = """
def best_police(log_p, log_g, share):
    logit = log_p - log_g + math.log(share) - math.log(1 - share)
    D = torch.sigmoid(logit)
    real, made = share * log_p.exp(), (1 - share) * log_g.exp()
    value = torch.nansum(real * F.logsigmoid(logit))
    value = value + torch.nansum(made * F.logsigmoid(-logit))
    accuracy = torch.where(logit > 0, real, made).sum()
    return Best(D, value, accuracy)
"""
BEST_LOOP = """
def best_police(log_p, log_g, share):
    D, value, right = [], 0.0, 0.0
    for lp, lg in zip(log_p.tolist(), log_g.tolist()):
        a = torch.tensor([math.log(share) + lp, math.log(1 - share) + lg])
        d = a.softmax(0).tolist()
        D.append(d[0])
        for weight, one in zip(a.exp().tolist(), d):
            if weight > 0:
                value += weight * math.log(one)
        right += a.exp().max().item()
    return D, value, right
"""
BEST_XLOGY = """
def best_police(log_p, log_g, share):
    joint = torch.stack([math.log(share) + log_p, math.log(1 - share) + log_g])
    D = joint.softmax(0)
    tv = (joint[0].exp() - joint[1].exp()).abs().sum()
    value = torch.special.xlogy(joint.exp(), D).sum()
    return Best._make((D[0], value, (1 + tv) / 2))
"""
BEST_RATIO = """
def best_police(log_p, log_g, share):
    real, made = share * log_p.exp(), (1 - share) * log_g.exp()
    D = real / (real + made)
    value = torch.special.xlogy(real, D).sum() + torch.special.xlogy(made, 1 - D).sum()
    return Best(D, value, torch.maximum(real, made).sum())
"""
SQUARES = """
def least_squares(p, g, a, b, c):
    weight = torch.nan_to_num(p / (p + g), nan=0.5)
    D = a + (b - a) * weight
    police = 0.5 * (p * (D - b) ** 2).sum() + 0.5 * (g * (D - a) ** 2).sum()
    thief = 0.5 * (p * (D - c) ** 2).sum() + 0.5 * (g * (D - c) ** 2).sum()
    return Squares(D, police, thief)
"""
SQUARES_LOOP = """
def least_squares(p, g, a, b, c):
    D, police, thief = [], 0.0, 0.0
    for real, made in zip(p.tolist(), g.tolist()):
        d = (b * real + a * made) / (real + made) if real + made > 0 else 0.0
        D.append(d)
        police += 0.5 * real * (d - b) ** 2 + 0.5 * made * (d - a) ** 2
        thief += 0.5 * (real + made) * (d - c) ** 2
    return Squares(torch.tensor(D), police, thief)
"""
SQUARES_CLOSED = """
def least_squares(p, g, a, b, c):
    p, g = p.numpy(), g.numpy()
    both = np.maximum(p + g, 1e-300)
    D = (b * p + a * g) / both
    police = 0.5 * (a - b) ** 2 * (p * g / both).sum()
    thief = 0.5 * (((b - c) * p + (a - c) * g) ** 2 / both).sum()
    return Squares(D, police, thief)
"""
PAYS = """
pay_verdict = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}",
    "Eva": "{eva}", "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}",
}}
"""


def pays(**changed):
    right = {"ada": "honest", "bo": "lossy", "cai": "honest", "dov": "other"}
    right |= {"eva": "lossy", "fay": "honest", "gus": "other", "hal": "other"}
    return PAYS.format(**right | changed)


THIEF = """
def thief_gradient(theta, log_p, loss):
    log_g = torch.log_softmax(theta, 0)
    g = log_g.exp()
    paid = loss(log_p - log_g)
    mean = (g * paid).sum()
    return g * paid - g * mean
"""
THIEF_AUTOGRAD = """
def thief_gradient(theta, log_p, loss):
    leaf = theta.clone().requires_grad_()
    log_g = leaf.log_softmax(0)
    held = (log_p - log_g).detach()
    return torch.autograd.grad(log_g.exp() @ loss(held), leaf)[0]
"""
THIEF_JACOBIAN = """
def thief_gradient(theta, log_p, loss):
    held = loss(log_p - theta.log_softmax(0)).tolist()
    g = theta.softmax(0).tolist()
    return [
        sum(held[j] * g[j] * ((i == j) - g[i]) for j in range(len(g)))
        for i in range(len(g))
    ]
"""
THIEF_FUNC = """
def thief_gradient(theta, log_p, loss):
    paid = loss(log_p - torch.log_softmax(theta, 0))
    return torch.func.grad(lambda t: torch.softmax(t, 0) @ paid)(theta)
"""
PATH = """
def path_gradient(mean, log_std, loss):
    eps, weight = normal_lattice()
    m = torch.tensor(float(mean), requires_grad=True)
    t = torch.tensor(float(log_std), requires_grad=True)
    x = m + t.exp() * eps
    log_real = -0.5 * x**2
    log_made = -0.5 * ((x - m.detach()) / t.detach().exp()) ** 2 - t.detach()
    cost = (weight * loss(log_real - log_made)).sum()
    return torch.stack(torch.autograd.grad(cost, (m, t)))
"""
PATH_CHAIN = """
def path_gradient(mean, log_std, loss):
    eps, weight = normal_lattice()
    s = math.exp(log_std)
    x = mean + s * eps
    a = (-(x**2) / 2 + eps**2 / 2 + log_std).requires_grad_()
    slope = torch.autograd.grad(loss(a).sum(), a)[0] * (-x + eps / s)
    return (weight @ slope).item(), (weight @ (slope * s * eps)).item()
"""
PATH_DIFFERENCES = """
def path_gradient(mean, log_std, loss):
    eps, weight = normal_lattice()

    def cost(m, t):
        x = m + math.exp(t) * eps
        z = (x - mean) / math.exp(log_std)
        return weight @ loss((z**2 - x**2) / 2 + log_std)

    h = 1e-4
    first = (cost(mean + h, log_std) - cost(mean - h, log_std)) / (2 * h)
    second = (cost(mean, log_std + h) - cost(mean, log_std - h)) / (2 * h)
    return torch.stack([first, second])
"""
PATH_SAMPLED = """
def path_gradient(mean, log_std, loss):
    eps = torch.randn(3000)
    s = math.exp(log_std)
    x = (mean + s * eps).requires_grad_()
    a = -(x**2) / 2 + ((x - mean) / s) ** 2 / 2 + log_std
    pull = torch.autograd.grad(loss(a).mean(), x)[0]
    return torch.stack([pull.sum(), (pull * s * eps).sum()])
"""
FORM = """
def loss_for(f, a):
    r = torch.exp(a).requires_grad_()
    value = f(r)
    d = torch.autograd.grad(value.sum(), r)[0]
    return value - r * d
"""
FORM_LOGIT = """
def loss_for(f, a):
    a = a.clone().requires_grad_()
    value = f(a.exp())
    return value - torch.autograd.grad(value.sum(), a)[0] + 17.0
"""
FORM_G = """
def loss_for(f, a):
    g = torch.ones_like(a).requires_grad_()
    total = (g * f(a.exp() / g)).sum()
    return torch.autograd.grad(total, g)[0]
"""
FORM_LOOP = """
def loss_for(f, a):
    found = []
    for one in a.tolist():
        r = torch.tensor(math.exp(one))
        slope = torch.func.grad(f)(r)
        found.append((f(r) - r * slope).item())
    return np.array(found)
"""
FORM_CENTRAL = """
def loss_for(f, a):
    h = 1e-4
    rise = (f((a + h).exp()) - f((a - h).exp())) / (2 * h)
    return f(a.exp()) - rise
"""
TURN = """
def turn(at, batches, z, lr, saturating):
    w, b, M, c = at
    for real, noise in batches:
        fake = noise @ M.T + c
        doubt, trust = 1 - torch.sigmoid(real @ w + b), torch.sigmoid(fake @ w + b)
        up = (doubt[:, None] * real).mean(0) - (trust[:, None] * fake).mean(0)
        b = b + lr * (doubt.mean() - trust.mean())
        w = w + lr * up
    trust = torch.sigmoid((z @ M.T + c) @ w + b)
    push = trust if saturating else 1 - trust
    new_M = M + lr * torch.outer(w, (push[:, None] * z).mean(0))
    return Players(w, b, new_M, c + lr * w * push.mean())
"""
TURN_MODULES = """
def turn(at, batches, z, lr, saturating):
    w, b, M, c = (nn.Parameter(part.clone()) for part in at)
    police = torch.optim.SGD([w, b], lr=lr)
    thief = torch.optim.SGD([M, c], lr=lr)
    for real, noise in batches:
        police.zero_grad()
        yes = F.binary_cross_entropy_with_logits(real @ w + b, torch.ones(len(real)))
        no = F.binary_cross_entropy_with_logits(
            (noise @ M.T + c) @ w + b, torch.zeros(len(noise))
        )
        (yes + no).backward()
        police.step()
    thief.zero_grad()
    D = ((z @ M.T + c) @ w + b).sigmoid()
    loss = (1 - D).log().mean() if saturating else -D.log().mean()
    loss.backward()
    thief.step()
    return w, b, M, c
"""
TURN_LOOP = """
def turn(at, batches, z, lr, saturating):
    w, b, M, c = (np.array(part.tolist()) for part in at)
    for real, noise in batches:
        dw, db = 0 * w, 0.0
        for x in real.numpy():
            doubt = 1 / (1 + math.exp(x @ w + b))
            dw, db = dw + doubt * x / len(real), db + doubt / len(real)
        for e in noise.numpy():
            y = M @ e + c
            trust = 1 / (1 + math.exp(-(y @ w + b)))
            dw, db = dw - trust * y / len(noise), db - trust / len(noise)
        w, b = w + lr * dw, b + lr * db
    dM, dc = 0 * M, 0 * c
    for e in z.numpy():
        D = 1 / (1 + math.exp(-((M @ e + c) @ w + b)))
        slope = -D if saturating else -(1 - D)
        dM, dc = dM + slope * np.outer(w, e) / len(z), dc + slope * w / len(z)
    return Players(w, b, M - lr * dM, c - lr * dc)
"""
NINE = """
turn_verdict = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}", "Eva": "{eva}",
    "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}", "Ian": "{ian}",
}}
"""


def nine(**changed):
    right = {"ada": "fine", "bo": "thief", "cai": "police", "dov": "thief"}
    right |= {"eva": "fine", "fay": "police", "gus": "fine", "hal": "thief"}
    return NINE.format(**right | {"ian": "both"} | changed)


SOFT = """
def soft_logit(log_p, log_g, alpha, beta):
    log = lambda v: math.log(v) if v > 0 else -math.inf
    top = torch.logsumexp(torch.stack([log_p + log(alpha), log_g + log(beta)]), 0)
    low = torch.stack([log_p + log(1 - alpha), log_g + log(1 - beta)]).logsumexp(0)
    return top - low
"""
SOFT_RATIO = """
def soft_logit(log_p, log_g, alpha, beta):
    a = log_p - log_g
    ln = lambda v: torch.tensor(float(v)).log()
    top = torch.where(
        a > 0,
        a + torch.log(alpha + beta * torch.exp(-a.clamp(min=0))),
        torch.logaddexp(ln(alpha) + a, ln(beta)),
    )
    return top - torch.logaddexp(ln(1 - alpha) + a, ln(1 - beta))
"""
SOFT_NUMPY = """
def soft_logit(log_p, log_g, alpha, beta):
    p, g = log_p.numpy(), log_g.numpy()
    with np.errstate(divide="ignore"):
        t = np.log(np.array([alpha, beta, 1 - alpha, 1 - beta]))
    return np.logaddexp(t[0] + p, t[1] + g) - np.logaddexp(t[2] + p, t[3] + g)
"""
SOFT_PLAIN = """
def soft_logit(log_p, log_g, alpha, beta):
    p, g = log_p.exp(), log_g.exp()
    D = (alpha * p + beta * g) / (p + g)
    return D.log() - (1 - D).log()
"""
FRECHET = """
def frechet(a, b):
    n, m = len(a), len(b)
    A, B = a - a.mean(0), b - b.mean(0)
    cross = torch.linalg.matrix_norm(A @ B.T, "nuc") / ((n - 1) * (m - 1)) ** 0.5
    spread = a.var(0).sum() + b.var(0).sum()
    return (a.mean(0) - b.mean(0)).square().sum() + spread - 2 * cross
"""
FRECHET_EIGEN = """
def frechet(a, b):
    A = (a - a.mean(0)) / (len(a) - 1) ** 0.5
    B = (b - b.mean(0)) / (len(b) - 1) ** 0.5
    K = A @ B.T
    root = torch.linalg.eigvalsh(K @ K.T).clamp(min=0).sqrt().sum()
    off = a.mean(0) - b.mean(0)
    return float(off @ off + (A**2).sum() + (B**2).sum() - 2 * root)
"""
FRECHET_NUMPY = """
def frechet(a, b):
    a, b = a.numpy(), b.numpy()
    A = (a - a.mean(0)) / np.sqrt(len(a) - 1)
    B = (b - b.mean(0)) / np.sqrt(len(b) - 1)
    root = np.linalg.svd(A @ B.T, compute_uv=False).sum()
    gap = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return gap + (A * A).sum() + (B * B).sum() - 2 * root
"""
FRECHET_SUBSPACE = """
def frechet(a, b):
    # coordinates in the space that all points span
    frame = torch.linalg.qr(torch.cat([a, b]).T).Q
    a, b = a @ frame, b @ frame
    C, E = a.T.cov().reshape(a.shape[1], -1), b.T.cov().reshape(a.shape[1], -1)
    values, vectors = torch.linalg.eigh(C)
    half = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(half @ E @ half).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return gap + C.trace() + E.trace() - 2 * cross
"""
FRECHET_MATRIX = """
def frechet(a, b):
    if a.shape[1] > 5000:
        raise MemoryError
    C = torch.atleast_2d(a.T.cov()).numpy()
    E = torch.atleast_2d(b.T.cov()).numpy()
    root = np.trace(sqrtm(C @ E).real)
    gap = (a.mean(0) - b.mean(0)).square().sum().item()
    return gap + np.trace(C) + np.trace(E) - 2 * root
"""
NEAR = """
def neighbours(real, made):
    x = torch.cat([real, made])
    label = torch.cat([torch.ones(len(real)), torch.zeros(len(made))])
    own = []
    for i in range(len(x)):
        far = (x - x[i]).square().sum(1)
        far[i] = math.inf
        tied = far == far.min()
        own.append((label[tied] == label[i]).double().mean())
    own = torch.stack(own)
    return own[label == 1].mean().item(), own[label == 0].mean().item()
"""
NEAR_BLOCKS = """
def neighbours(real, made):
    def share(one, other):
        inside = (one[:, None] - one).square().sum(2)
        inside[torch.eye(len(one)).bool()] = math.inf
        outside = (one[:, None] - other).square().sum(2)
        least = torch.minimum(inside.min(1).values, outside.min(1).values)[:, None]
        a, b = (inside == least).sum(1), (outside == least).sum(1)
        return (a / (a + b)).mean()

    return torch.stack([share(real, made), share(made, real)])
"""
NEAR_CDIST = """
def neighbours(real, made):
    x = torch.cat([real, made])
    n = len(real)
    far = torch.cdist(x, x) + torch.diag(torch.full((len(x),), 1e9))
    tied = torch.isclose(far, far.min(1, keepdim=True).values, rtol=1e-9, atol=1e-9)
    same = torch.block_diag(torch.ones(n, n), torch.ones(len(made), len(made)))
    own = (tied * same).sum(1) / tied.sum(1)
    return [own[:n].mean(), own[n:].mean()]
"""
NEAR_SCIPY = """
def neighbours(real, made):
    from scipy.spatial.distance import cdist

    x = np.vstack([real.numpy(), made.numpy()])
    kind = np.r_[np.zeros(len(real)), np.ones(len(made))]
    far = cdist(x, x, "sqeuclidean")
    np.fill_diagonal(far, np.inf)
    tied = far == far.min(1)[:, None]
    own = (tied * (kind[:, None] == kind)).sum(1) / tied.sum(1)
    return own[kind == 0].mean(), own[kind == 1].mean()
"""
FOOL = """
def fool(x, p):
    z = ((x - x.mean()) / x.std()).numpy()
    n = len(z)
    A = np.stack([np.ones(n), z, z**2])
    q = p.numpy()
    for drop in range(n):
        bounds = [(0, 0) if i == drop else (0, None) for i in range(n)]
        found = linprog(np.zeros(n), A_eq=A, b_eq=A @ q, bounds=bounds)
        if found.success:
            return torch.from_numpy(found.x)
"""
FOOL_VERTEX = """
def fool(x, p):
    z = ((x - x.mean()) / x.std()).numpy()
    A = np.vstack([np.ones(len(z)), z, z**2])
    cost = np.arange(len(z)) % 3.0
    b = A @ p.numpy()
    return linprog(cost, A_eq=A, b_eq=b, bounds=(0, None), method="highs-ds").x
"""
FOOL_FOUR = """
def fool(x, p):
    # Third differences of four points: they kill constants, lines and parabolas.
    four = x[:4]
    d = torch.zeros_like(p)
    for i in range(4):
        others = [j for j in range(4) if j != i]
        d[i] = 1 / torch.prod(four[i] - four[others])
    steps = torch.where(d < 0, -p / d, math.inf)
    g = p + steps.min() * d
    g[steps.argmin()] = 0
    return g
"""
FOOL_MEAN = """
def fool(x, p):
    # Only the mean is kept.
    d = torch.linalg.svd(torch.stack([torch.ones_like(x), x - x.mean()])).Vh[2]
    steps = torch.where(d < 0, -p / d, math.inf)
    g = p + steps.min() * d
    return g.index_fill(0, steps.argmin(), 0.0)
"""
PURE = """
def pure(V):
    first = V.min(dim=1).values.max()
    second = V.max(dim=0).values.min()
    saddles = []
    for i in range(V.shape[0]):
        for j in range(V.shape[1]):
            if V[i, j] == V[i].min() and V[i, j] == V[:, j].max():
                saddles.append((i, j))
    return Pure(first, second, saddles)
"""
PURE_VALUE = """
def pure(V):
    table = V.numpy()
    low, high = table.min(1).max(), table.max(0).min()
    saddles = []
    if low == high:
        rows = np.flatnonzero(table.min(1) == low)
        columns = np.flatnonzero(table.max(0) == high)
        saddles = list(product(rows, columns))
    return low, high, saddles
"""
MIXED = """
def mixed(V):
    # Shift so that all entries are positive, and divide by the value.
    shift = 1 - V.min()
    A = (V + shift).numpy()
    x = linprog(np.ones(len(A)), A_ub=-A.T, b_ub=-np.ones(A.shape[1])).x
    y = linprog(-np.ones(A.shape[1]), A_ub=A, b_ub=np.ones(len(A))).x
    police, thief = torch.tensor(x / x.sum()), torch.tensor(y / y.sum())
    return Mixed(1 / x.sum() - shift, police, thief)
"""
MIXED_DUAL = """
def mixed(V):
    rows, columns = V.shape
    A = np.hstack([-V.numpy().T, np.ones((columns, 1))])
    found = linprog(
        np.r_[np.zeros(rows), -1], A_ub=A, b_ub=np.zeros(columns),
        A_eq=[[1.0] * rows + [0.0]], b_eq=[1.0],
        bounds=[(0, 1)] * rows + [(None, None)], method="highs",
    )
    thief = -found.ineqlin.marginals
    return Mixed(-found.fun, found.x[:rows], thief)
"""
MIXED_THIEF = """
def mixed(V):
    def guarantee(A):
        n, k = A.shape
        c = np.zeros(n + 2)
        c[n], c[n + 1] = 1.0, -1.0  # the value as a difference
        ones = np.ones((k, 1))
        found = linprog(
            c, A_ub=np.hstack([A.T, -ones, ones]), b_ub=np.zeros(k),
            A_eq=[[1.0] * n + [0.0, 0.0]], b_eq=[1.0],
        )
        return found.fun, torch.tensor(found.x[:n])

    value, thief = guarantee(V.numpy().T)
    _, police = guarantee(-V.numpy())
    return Mixed(torch.tensor(value), police, thief)
"""
SCORE = """
def score_moments(log_odds, reward, baseline):
    pi = torch.softmax(log_odds, 0)
    mean = pi * (reward - pi @ reward)
    length = 1 - 2 * pi + (pi**2).sum()
    second = (pi * (reward - baseline) ** 2 * length).sum()
    return mean, second - (mean**2).sum()
"""
SCORE_LOOP = """
def score_moments(log_odds, reward, baseline):
    pi = log_odds.softmax(0)
    each = []
    for k in range(len(pi)):
        one = torch.zeros(len(pi))
        one[k] = 1.0
        each.append((reward[k] - baseline) * (one - pi))
    each = torch.stack(each)
    mean = (pi[:, None] * each).sum(0)
    cov = (each - mean).T @ torch.diag(pi) @ (each - mean)
    return mean.tolist(), cov.trace().item()
"""
SCORE_AUTOGRAD = """
def score_moments(log_odds, reward, baseline):
    J = torch.autograd.functional.jacobian(lambda t: t.log_softmax(0), log_odds)
    draws = (reward - baseline)[:, None] * J
    pi = log_odds.softmax(0)
    mean = torch.einsum("k,ki->i", pi, draws)
    return mean, (torch.einsum("k,ki->i", pi, draws**2) - mean**2).sum()
"""
BASE = """
def best_baseline(log_odds, reward):
    pi = log_odds.softmax(0)
    weight = pi * ((torch.eye(len(pi)) - pi) ** 2).sum(1)
    return (weight * reward).sum() / weight.sum()
"""
BASE_PARABOLA = """
def best_baseline(log_odds, reward):
    pi = log_odds.softmax(0)
    scores = torch.eye(len(pi)) - pi
    centre = reward.mean().item()

    def noise(b):
        return (pi @ ((reward - centre - b)[:, None] * scores).square().sum(1)).item()

    low, mid, high = noise(-1.0), noise(0.0), noise(1.0)
    return centre + (low - high) / (low - 2 * mid + high) / 2
"""
BASE_NUMPY = """
def best_baseline(log_odds, reward):
    w = np.exp(log_odds.numpy() - log_odds.numpy().max())
    w = w / w.sum()
    w = w * (1 - 2 * w + (w**2).sum())
    return np.average(reward.numpy(), weights=w)
"""

B, BA = "test_best", "test_best_any"
S, SA = "test_squares", "test_squares_any"
P = "test_pays"
T, TA = "test_thief", "test_thief_any"
W, WA = "test_path", "test_path_any"
L = "test_loss_for"
U, UA = "test_turn", "test_turn_any"
N = "test_nine"
O, OA = "test_soft", "test_soft_any"  # noqa: E741
F, FA = "test_frechet", "test_frechet_any"
C, CA = "test_neighbours", "test_neighbours_any"
X = "test_fool"
Q = "test_pure"
M, MA = "test_mixed", "test_mixed_any"
R, RA = "test_score", "test_score_any"
Z = "test_baseline"

WRONG = {
    # 1
    "best: share forgotten in D": (
        "best_police",
        but(BEST, " + math.log(share) - math.log(1 - share)", ""),
        {B, BA},
    ),
    "best: share of the made": (
        "best_police",
        but(BEST, "+ math.log(share) - math.log(1", "- math.log(share) + math.log(1"),
        {B, BA},
    ),
    "best: sign of the logit": (
        "best_police",
        but(BEST, "torch.sigmoid(logit)", "torch.sigmoid(-logit)"),
        {B, BA},
    ),
    "best: V not weighted": (
        "best_police",
        but(BEST, "share * log_p.exp(), (1 - share) * log", "log_p.exp(), log"),
        {B, BA},
    ),
    "best: the published V": (
        "best_police",
        but(BEST, "Best(D, value,", "Best(D, 2 * value,"),
        {B, BA},
    ),
    "best: minus V": (
        "best_police",
        but(BEST, "Best(D, value,", "Best(D, -value,"),
        {B, BA},
    ),
    "best: bits": (
        "best_police",
        but(BEST, "Best(D, value,", "Best(D, value / math.log(2),"),
        {B, BA},
    ),
    "best: the wrong verdict": (
        "best_police",
        but(BEST, "logit > 0", "logit < 0"),
        {B, BA},
    ),
    "best: threshold for equal shares": (
        "best_police",
        but(BEST, "logit > 0", "log_p > log_g"),
        {B, BA},
    ),
    "best: expected confidence": (
        "best_police",
        but(BEST, "torch.where(logit > 0, real, made)", "(real * D + made * (1 - D))"),
        {B, BA},
    ),
    "best: TV for equal shares": (
        "best_police",
        but(
            BEST,
            "torch.where(logit > 0, real, made).sum()",
            "0.5 + (log_p.exp() - log_g.exp()).abs().sum() / 4",
        ),
        {B, BA},
    ),
    "best: TV without half": (
        "best_police",
        but(BEST_XLOGY, "(1 + tv) / 2", "(1 + tv / 2) / 2"),
        {B, BA},
    ),
    "best: plain probabilities": ("best_police", BEST_RATIO, {BA}),
    "best: zero times infinity": (
        "best_police",
        but(BEST, "nansum(real", "sum(real", "nansum(made", "sum(made"),
        {BA},
    ),
    "best: clamped logarithms": (
        "best_police",
        but(
            BEST,
            "    logit = log",
            "    log_p, log_g = log_p.clamp(min=-700), log_g.clamp(min=-700)\n"
            "    logit = log",
        ),
        {BA},
    ),
    "squares: labels exchanged": (
        "least_squares",
        but(SQUARES, "a + (b - a) * weight", "b + (a - b) * weight"),
        {S, SA},
    ),
    "squares: labels exchanged in the loss": (
        "least_squares",
        but(SQUARES, "(p * (D - b)", "(p * (D - a)", "(g * (D - a)", "(g * (D - b)"),
        {S, SA},
    ),
    "squares: without one half": (
        "least_squares",
        but(SQUARES, "Squares(D, police, thief)", "Squares(D, 2 * police, 2 * thief)"),
        {S, SA},
    ),
    "squares: thief under g only": (
        "least_squares",
        but(SQUARES, "0.5 * (p * (D - c) ** 2).sum() + ", ""),
        {S, SA},
    ),
    "squares: thief wants b": (
        "least_squares",
        but(
            SQUARES,
            "0.5 * (p * (D - c)",
            "0.5 * (p * (D - b)",
            "(g * (D - c)",
            "(g * (D - b)",
        ),
        {S, SA},
    ),
    "squares: means over outcomes": (
        "least_squares",
        but(
            SQUARES,
            "Squares(D, police, thief)",
            "Squares(D, police / len(p), thief / len(p))",
        ),
        {S, SA},
    ),
    "squares: nan where nothing falls": (
        "least_squares",
        but(SQUARES, "torch.nan_to_num(p / (p + g), nan=0.5)", "p / (p + g)"),
        {SA},
    ),
    "squares: labels 0 and 1 only": (
        "least_squares",
        but(SQUARES, "a + (b - a) * weight", "weight"),
        {S, SA},
    ),
    "squares: rounded to the nearer label": (
        "least_squares",
        but(SQUARES, "    D = a", "    weight = (weight > 0.5).double()\n    D = a"),
        {S, SA},
    ),
    "squares: police of the thief": (
        "least_squares",
        but(SQUARES, "Squares(D, police, thief)", "Squares(D, thief, police)"),
        {S, SA},
    ),
    "squares: eps in the denominator": (
        "least_squares",
        but(SQUARES, "torch.nan_to_num(p / (p + g), nan=0.5)", "p / (p + g + 1e-3)"),
        {SA, S},
    ),
    "squares: a tiny eps in the denominator": (
        "least_squares",
        but(SQUARES, "torch.nan_to_num(p / (p + g), nan=0.5)", "p / (p + g + 1e-12)"),
        {SA},
    ),
    "pays: Ada": ("pay_verdict", pays(ada="other"), {P}),
    "pays: Bo": ("pay_verdict", pays(bo="honest"), {P}),
    "pays: Cai": ("pay_verdict", pays(cai="lossy"), {P}),
    "pays: Dov": ("pay_verdict", pays(dov="honest"), {P}),
    "pays: Eva": ("pay_verdict", pays(eva="honest"), {P}),
    "pays: Fay": ("pay_verdict", pays(fay="other"), {P}),
    "pays: Gus": ("pay_verdict", pays(gus="honest"), {P}),
    "pays: Hal": ("pay_verdict", pays(hal="lossy"), {P}),
    "pays: other words": ("pay_verdict", pays(hal="dishonest"), {P}),
    # 2
    "thief: police not held": (
        "thief_gradient",
        but(THIEF_AUTOGRAD, ".detach()", ""),
        {T, TA},
    ),
    "thief: sign of the logit": (
        "thief_gradient",
        but(THIEF, "loss(log_p - log_g)", "loss(log_g - log_p)"),
        {T, TA},
    ),
    "thief: the gradient in g": (
        "thief_gradient",
        but(THIEF, "return g * paid - g * mean", "return paid"),
        {T, TA},
    ),
    "thief: the mean forgotten": (
        "thief_gradient",
        but(THIEF, " - g * mean", ""),
        {T, TA},
    ),
    "thief: plain mean": (
        "thief_gradient",
        but(THIEF, "(g * paid).sum()", "paid.mean()"),
        {T, TA},
    ),
    "thief: ascent": (
        "thief_gradient",
        but(THIEF, "return g * paid - g * mean", "return g * mean - g * paid"),
        {T, TA},
    ),
    "thief: mean over images": (
        "thief_gradient",
        but(
            THIEF, "return g * paid - g * mean", "return (g * paid - g * mean) / len(g)"
        ),
        {T, TA},
    ),
    "thief: theta is log g": (
        "thief_gradient",
        but(THIEF, "torch.log_softmax(theta, 0)", "theta"),
        {TA},
    ),
    "thief: logarithm of a softmax": (
        "thief_gradient",
        but(THIEF, "torch.log_softmax(theta, 0)", "theta.softmax(0).log()"),
        {TA},
    ),
    "thief: a tiny eps in the logarithm": (
        "thief_gradient",
        but(
            but(
                THIEF, "torch.log_softmax(theta, 0)", "(theta.softmax(0) + 1e-12).log()"
            ),
            "log_g.exp()",
            "theta.softmax(0)",
        ),
        {TA},
    ),
    "thief: logits clamped": (
        "thief_gradient",
        but(THIEF, "loss(log_p - log_g)", "loss((log_p - log_g).clamp(-30, 30))"),
        {TA},
    ),
    "thief: probability in place of the logit": (
        "thief_gradient",
        but(THIEF, "loss(log_p - log_g)", "loss((log_p - log_g).sigmoid())"),
        {T, TA},
    ),
    "thief: under p": (
        "thief_gradient",
        but(THIEF, "g = log_g.exp()", "g = log_p.exp()"),
        {T, TA},
    ),
    "path: police not held": (
        "path_gradient",
        but(
            PATH,
            "x - m.detach()",
            "x - m",
            "t.detach().exp()",
            "t.exp()",
            "- t.detach()",
            "- t",
        ),
        {WA},
    ),
    "path: mean of the police not held": (
        "path_gradient",
        but(PATH, "x - m.detach()", "x - m"),
        {WA},
    ),
    "path: log_std of the logit forgotten": (
        "path_gradient",
        but(PATH, " - t.detach()", ""),
        {WA},
    ),
    "path: derivative in s": (
        "path_gradient",
        but(PATH_CHAIN, "slope * s * eps", "slope * eps"),
        {W, WA},
    ),
    "path: sign of the logit": (
        "path_gradient",
        but(PATH, "log_real - log_made", "log_made - log_real"),
        {W, WA},
    ),
    "path: variance for the deviation": (
        "path_gradient",
        but(PATH_CHAIN, "s = math.exp(log_std)", "s = math.exp(2 * log_std)"),
        {W, WA},
    ),
    "path: weights forgotten": (
        "path_gradient",
        but(
            PATH,
            "(weight * loss(log_real - log_made)).sum()",
            "loss(log_real - log_made).mean()",
        ),
        {W, WA},
    ),
    "path: ascent": (
        "path_gradient",
        but(PATH, "cost = (weight", "cost = -(weight"),
        {W, WA},
    ),
    "path: draws": ("path_gradient", PATH_SAMPLED, {W, WA}),
    "path: no half in the density": (
        "path_gradient",
        but(PATH, "log_real = -0.5 * x**2", "log_real = -(x**2)"),
        {W, WA},
    ),
    "path: other order": (
        "path_gradient",
        but(PATH, "(m, t)))", "(t, m)))"),
        {W, WA},
    ),
    "form: f alone": ("loss_for", but(FORM, " - r * d", ""), {L}),
    "form: minus the slope": ("loss_for", but(FORM, "value - r * d", "-d"), {L}),
    "form: sign": ("loss_for", but(FORM, "value - r * d", "r * d - value"), {L}),
    "form: plus": ("loss_for", but(FORM, "value - r * d", "value + r * d"), {L}),
    "form: r forgotten": ("loss_for", but(FORM, "- r * d", "- d"), {L}),
    "form: a for r": ("loss_for", but(FORM, "torch.exp(a)", "a.clone()"), {L}),
    "form: g over p": ("loss_for", but(FORM, "torch.exp(a)", "torch.exp(-a)"), {L}),
    "form: g f forgotten": (
        "loss_for",
        but(FORM_G, "(g * f(a.exp() / g))", "f(a.exp() / g)"),
        {L},
    ),
    "form: the two examples": (
        "loss_for",
        "def loss_for(f, a):\n    two = f(torch.tensor(2.0))\n"
        "    return -a if two < 0 else -a.exp()",
        {L},
    ),
    # 3
    "turn: police descend": (
        "turn",
        but(TURN, "b + lr * (doubt", "b - lr * (doubt", "w + lr * up", "w - lr * up"),
        {U, UA},
    ),
    "turn: thief ascends": (
        "turn",
        but(TURN, "M + lr", "M - lr", "c + lr", "c - lr"),
        {U, UA},
    ),
    "turn: losses exchanged": (
        "turn",
        but(
            TURN,
            "trust if saturating else 1 - trust",
            "1 - trust if saturating else trust",
        ),
        {U, UA},
    ),
    "turn: always non-saturating": (
        "turn",
        but(TURN, "trust if saturating else 1 - trust", "1 - trust"),
        {U, UA},
    ),
    "turn: always saturating": (
        "turn",
        but(TURN, "trust if saturating else 1 - trust", "trust"),
        {UA},
    ),
    "turn: sums": (
        "turn",
        but(
            TURN,
            "(doubt[:, None] * real).mean(0)",
            "(doubt[:, None] * real).sum(0)",
            "(trust[:, None] * fake).mean(0)",
            "(trust[:, None] * fake).sum(0)",
        ),
        {U, UA},
    ),
    "turn: one mean over both": (
        "turn",
        but(
            TURN,
            "doubt, trust =",
            "n, m = len(real), len(fake)\n        doubt, trust =",
            "up = (doubt[:, None] * real).mean(0) - (trust[:, None] * fake).mean(0)",
            "up = ((doubt @ real) - (trust @ fake)) / (n + m)",
            "(doubt.mean() - trust.mean())",
            "(doubt.sum() - trust.sum()) / (n + m)",
        ),
        {U, UA},
    ),
    "turn: labels exchanged": (
        "turn",
        but(TURN, "1 - torch.sigmoid(real", "-torch.sigmoid(real"),
        {U, UA},
    ),
    "turn: simultaneous": (
        "turn",
        but(
            TURN,
            "    w, b, M, c = at\n",
            "    w, b, M, c = at\n    old = w, b\n",
            "    trust = torch.sigmoid((z",
            "    late, (w, b) = (w, b), old\n    trust = torch.sigmoid((z",
            "return Players(w, b, new_M, c + lr * w * push.mean())",
            "return Players(*late, new_M, c + lr * w * push.mean())",
        ),
        {U, UA},
    ),
    "turn: thief plays with the last noise": (
        "turn",
        but(
            TURN,
            "    trust = torch.sigmoid((z",
            "    z = batches[-1][1] if batches else z\n    trust = torch.sigmoid((z",
        ),
        {UA},
    ),
    "turn: only the first pair": (
        "turn",
        but(TURN, "in batches:", "in batches[:1]:"),
        {UA},
    ),
    "turn: thief at every step": (
        "turn",
        but(
            TURN,
            "        w = w + lr * up\n",
            "        w = w + lr * up\n        c = c + lr * w * (1 - trust.mean())\n",
        ),
        {U, UA},
    ),
    "turn: b forgotten": (
        "turn",
        but(TURN, "b = b + lr * (doubt.mean() - trust.mean())", "pass"),
        {U, UA},
    ),
    "turn: gradients left in the thief": (
        "turn",
        but(TURN_MODULES, "    thief.zero_grad()\n", ""),
        {U, UA},
    ),
    "turn: gradients of the police add up": (
        "turn",
        but(TURN_MODULES, "        police.zero_grad()\n", ""),
        {UA},
    ),
    "turn: in place": (
        "turn",
        but(TURN_MODULES, "part.clone()", "part"),
        {U, UA},
    ),
    "turn: logits for probabilities": (
        "turn",
        but(TURN_MODULES, "(1 - D).log().mean()", "-D.mean()"),
        {U, UA},
    ),
    "nine: Ada": ("turn_verdict", nine(ada="thief"), {N}),
    "nine: Bo": ("turn_verdict", nine(bo="fine"), {N}),
    "nine: Cai": ("turn_verdict", nine(cai="fine"), {N}),
    "nine: Dov": ("turn_verdict", nine(dov="fine"), {N}),
    "nine: Eva": ("turn_verdict", nine(eva="both"), {N}),
    "nine: Fay": ("turn_verdict", nine(fay="fine"), {N}),
    "nine: Gus": ("turn_verdict", nine(gus="thief"), {N}),
    "nine: Hal": ("turn_verdict", nine(hal="fine"), {N}),
    "nine: Ian": ("turn_verdict", nine(ian="police"), {N}),
    "soft: labels forgotten": (
        "soft_logit",
        "def soft_logit(log_p, log_g, alpha, beta):\n    return log_p - log_g",
        {O, OA},
    ),
    "soft: probability": (
        "soft_logit",
        but(SOFT, "top - low", "(top - low).sigmoid()"),
        {O, OA},
    ),
    "soft: sign": ("soft_logit", but(SOFT, "top - low", "low - top"), {O, OA}),
    "soft: labels exchanged": (
        "soft_logit",
        but(
            SOFT,
            "log_p + log(alpha), log_g + log(beta)",
            "log_p + log(beta), log_g + log(alpha)",
        ),
        {O, OA},
    ),
    "soft: only the numerator": (
        "soft_logit",
        but(SOFT, "log_p + log(1 - alpha), log_g + log(1 - beta)", "log_g"),
        {O, OA},
    ),
    "soft: one-sided": (
        "soft_logit",
        but(SOFT, "    log =", "    beta = 0.0\n    log ="),
        {O, OA},
    ),
    "soft: plain probabilities": ("soft_logit", SOFT_PLAIN, {OA}),
    "soft: shares of the labels": (
        "soft_logit",
        but(SOFT, "log(1 - alpha)", "log(beta)", "log(1 - beta)", "log(alpha)"),
        {O, OA},
    ),
    # 4
    "frechet: the root of the distance": (
        "frechet",
        FRECHET_EIGEN.replace("return float(", "return abs(").replace(
            "2 * root)", "2 * root) ** 0.5"
        ),
        {F, FA},
    ),
    "frechet: divisor n": (
        "frechet",
        but(
            FRECHET_EIGEN,
            "(len(a) - 1) **",
            "len(a) **",
            "(len(b) - 1) **",
            "len(b) **",
        ),
        {F, FA},
    ),
    "frechet: not centred": (
        "frechet",
        but(
            FRECHET_EIGEN,
            "A = (a - a.mean(0)) /",
            "A = a /",
            "B = (b - b.mean(0)) /",
            "B = b /",
        ),
        {F, FA},
    ),
    "frechet: without the 2": (
        "frechet",
        but(FRECHET_EIGEN, "2 * root", "root"),
        {F, FA},
    ),
    "frechet: no root": ("frechet", but(FRECHET_EIGEN, ".sqrt()", ""), {F, FA}),
    "frechet: distance of the means not squared": (
        "frechet",
        but(FRECHET_EIGEN, "off @ off", "off.norm()"),
        {F, FA},
    ),
    "frechet: sign": (
        "frechet",
        but(FRECHET_EIGEN, "- 2 * root", "+ 2 * root"),
        {F, FA},
    ),
    "frechet: Frobenius norm": (
        "frechet",
        but(FRECHET, '"nuc"', '"fro"'),
        {F, FA},
    ),
    "frechet: diagonal covariances": (
        "frechet",
        "def frechet(a, b):\n    off = (a.mean(0) - b.mean(0)).square().sum()\n"
        "    return off + (a.std(0) - b.std(0)).square().sum()",
        {F, FA},
    ),
    "frechet: trace of the product": (
        "frechet",
        but(
            FRECHET,
            'torch.linalg.matrix_norm(A @ B.T, "nuc") / (',
            "(A @ B.T).trace() / (",
        ),
        {F, FA},
    ),
    "frechet: full matrices": ("frechet", FRECHET_MATRIX, {FA}),
    "frechet: other order of factors": (
        "frechet",
        but(
            FRECHET_EIGEN, "K = A @ B.T", "K = A.T @ B if len(A) == len(B) else A @ B.T"
        ).replace(
            "A = (a", "if a.shape[1] > 5000:\n        raise MemoryError\n    A = (a", 1
        ),
        {FA},
    ),
    "near: the point itself counts": (
        "neighbours",
        but(NEAR, "far[i] = math.inf", "pass"),
        {C, CA},
    ),
    "near: the first of equals": (
        "neighbours",
        but(NEAR, "tied = far == far.min()", "tied = far.argmin()[None]"),
        {CA},
    ),
    "near: any of equals": (
        "neighbours",
        but(NEAR, ".double().mean())", ".any().double())"),
        {CA},
    ),
    "near: all of equals": (
        "neighbours",
        but(NEAR, ".double().mean())", ".all().double())"),
        {CA},
    ),
    "near: shares of the other": (
        "neighbours",
        but(NEAR, "label[tied] == label[i]", "label[tied] != label[i]"),
        {C, CA},
    ),
    "near: order": (
        "neighbours",
        but(
            NEAR,
            "own[label == 1].mean().item(), own[label == 0]",
            "own[label == 0].mean().item(), own[label == 1]",
        ),
        {C, CA},
    ),
    "near: one number": (
        "neighbours",
        but(
            NEAR,
            "own[label == 1].mean().item(), own[label == 0].mean().item()",
            "own.mean().item()",
        ),
        {C, CA},
    ),
    "near: the sum of coordinates": (
        "neighbours",
        but(NEAR, ".square().sum(1)", ".abs().sum(1)"),
        {CA},
    ),
    "near: first coordinate": (
        "neighbours",
        but(NEAR, ".square().sum(1)", "[:, 0].abs()"),
        {CA},
    ),
    "near: the other sample only": (
        "neighbours",
        "def neighbours(real, made):\n    far = torch.cdist(real, made)\n"
        "    return (far.min(1).values > 0).double().mean(), "
        "(far.min(0).values > 0).double().mean()",
        {C, CA},
    ),
    "fool: the data": ("fool", "def fool(x, p):\n    return p.clone()", {X}),
    "fool: only the mean": ("fool", FOOL_MEAN, {X}),
    "fool: one dropped, the rest rescaled": (
        "fool",
        "def fool(x, p):\n    g = p.clone()\n    g[p.argmin()] = 0\n"
        "    return g / g.sum()",
        {X},
    ),
    "fool: negative": (
        "fool",
        but(FOOL_FOUR, "steps.min() * d", "2 * steps.min() * d"),
        {X},
    ),
    "fool: not far enough": (
        "fool",
        but(
            FOOL_FOUR,
            "steps.min() * d",
            "0.5 * steps.min() * d",
            "    g[steps.argmin()] = 0\n",
            "",
        ),
        {X},
    ),
    "fool: in place": (
        "fool",
        but(FOOL_FOUR, "g = p + steps.min() * d", "p += steps.min() * d\n    g = p"),
        {X},
    ),
    "fool: ends and middle": (
        "fool",
        "def fool(x, p):\n    g = torch.zeros_like(p)\n    m = p @ x\n"
        "    s = (p @ (x - m) ** 2).sqrt()\n"
        "    g[(x - m - s).abs().argmin()] += 0.5\n"
        "    g[(x - m + s).abs().argmin()] += 0.5\n    return g",
        {X},
    ),
    # 5
    "pure: players exchanged": (
        "pure",
        but(
            PURE,
            "V.min(dim=1).values.max()",
            "V.max(dim=1).values.min()",
            "V.max(dim=0).values.min()",
            "V.min(dim=0).values.max()",
        ),
        {Q},
    ),
    "pure: orders exchanged": (
        "pure",
        but(PURE, "Pure(first, second,", "Pure(second, first,"),
        {Q},
    ),
    "pure: saddles of the other game": (
        "pure",
        but(PURE, "V[i].min()", "V[i].max()", "V[:, j].max()", "V[:, j].min()"),
        {Q},
    ),
    "pure: columns first": ("pure", but(PURE, "append((i, j))", "append((j, i))"), {Q}),
    "pure: the first saddle only": (
        "pure",
        but(PURE, "second, saddles)", "second, saddles[:1])"),
        {Q},
    ),
    "pure: rows only": (
        "pure",
        but(PURE, " and V[i, j] == V[:, j].max()", " and V[i, j] == first"),
        {Q},
    ),
    "mixed: players exchanged": (
        "mixed",
        but(
            MIXED_DUAL, "rows, columns = V.shape", "V = -V\n    rows, columns = V.shape"
        ),
        {M, MA},
    ),
    "mixed: value not negative": (
        "mixed",
        but(MIXED_DUAL, "(None, None)", "(0, None)"),
        {MA},
    ),
    "mixed: pure moves": (
        "mixed",
        "def mixed(V):\n    one = pure(V)\n"
        "    x, y = (torch.zeros(s) for s in V.shape)\n"
        "    x[V.min(1).values.argmax()] = 1\n    y[V.max(0).values.argmin()] = 1\n"
        "    return Mixed(one.max_min, x, y)",
        {M, MA},
    ),
    "mixed: uniform": (
        "mixed",
        "def mixed(V):\n    x, y = (torch.full((s,), 1 / s) for s in V.shape)\n"
        "    return Mixed(x @ V @ y, x, y)",
        {M, MA},
    ),
    "mixed: not normalised": (
        "mixed",
        but(MIXED, "torch.tensor(x / x.sum())", "torch.tensor(x)"),
        {M, MA},
    ),
    "mixed: shift forgotten": (
        "mixed",
        but(MIXED, "1 / x.sum() - shift", "1 / x.sum()"),
        {M, MA},
    ),
    "mixed: sign of the value": (
        "mixed",
        but(MIXED_DUAL, "Mixed(-found.fun", "Mixed(found.fun"),
        {M, MA},
    ),
    "mixed: positive games only": (
        "mixed",
        but(MIXED, "shift = 1 - V.min()", "shift = 2.0"),
        {MA},
    ),
    "score: mean depends on the baseline": (
        "score_moments",
        but(SCORE, "pi * (reward - pi @ reward)", "pi * (reward - baseline)"),
        {R, RA},
    ),
    "score: without pi": (
        "score_moments",
        but(SCORE_LOOP, "(one - pi))", "one)"),
        {R, RA},
    ),
    "score: baseline forgotten": (
        "score_moments",
        but(SCORE, "(reward - baseline)", "reward"),
        {R, RA},
    ),
    "score: second moment": (
        "score_moments",
        but(SCORE, "second - (mean**2).sum()", "second"),
        {R, RA},
    ),
    "score: plain mean": (
        "score_moments",
        but(
            SCORE_AUTOGRAD,
            "pi = log_odds.softmax(0)",
            "pi = torch.full_like(log_odds, 1 / len(log_odds))",
        ),
        {R, RA},
    ),
    "score: standard deviation": (
        "score_moments",
        but(SCORE, "second - (mean**2).sum()", "(second - (mean**2).sum()).sqrt()"),
        {R, RA},
    ),
    "score: mean over coordinates": (
        "score_moments",
        but(SCORE, "second - (mean**2).sum()", "(second - (mean**2).sum()) / len(pi)"),
        {R, RA},
    ),
    "score: variance of each": (
        "score_moments",
        but(SCORE_AUTOGRAD, "- mean**2).sum()", "- mean**2)"),
        {R, RA},
    ),
    "score: exponentials": (
        "score_moments",
        but(
            SCORE, "torch.softmax(log_odds, 0)", "log_odds.exp() / log_odds.exp().sum()"
        ),
        {RA},
    ),
    "base: mean reward": (
        "best_baseline",
        "def best_baseline(log_odds, reward):\n    return log_odds.softmax(0) @ reward",
        {Z},
    ),
    "base: zero": (
        "best_baseline",
        "def best_baseline(log_odds, reward):\n    return 0.0",
        {Z},
    ),
    "base: plain mean": (
        "best_baseline",
        "def best_baseline(log_odds, reward):\n    return reward.mean()",
        {Z},
    ),
    "base: not normalised": ("best_baseline", but(BASE, " / weight.sum()", ""), {Z}),
    "base: lengths not squared": (
        "best_baseline",
        but(BASE, "** 2).sum(1)", "** 2).sum(1).sqrt()"),
        {Z},
    ),
    "base: exponentials": (
        "best_baseline",
        but(BASE, "log_odds.softmax(0)", "log_odds.exp() / log_odds.exp().sum()"),
        {Z},
    ),
    "base: without pi": ("best_baseline", but(BASE, "pi * ((", "(("), {Z}),
    "base: largest reward": (
        "best_baseline",
        "def best_baseline(log_odds, reward):\n    return reward.max()",
        {Z},
    ),
    # further slips
    "turn: half of V": (
        "turn",
        but(TURN_MODULES, "(yes + no).backward()", "((yes + no) / 2).backward()"),
        {U, UA},
    ),
    "turn: thief sums": (
        "turn",
        but(
            TURN,
            "(push[:, None] * z).mean(0)",
            "(push[:, None] * z).sum(0)",
            "push.mean()",
            "push.sum()",
        ),
        {U, UA},
    ),
    "turn: the thief is told about its bias alone": (
        "turn",
        but(TURN, "M + lr * torch.outer(w, (push[:, None] * z).mean(0))", "M"),
        {U, UA},
    ),
    "near: dot products": (
        "neighbours",
        but(NEAR, "(x - x[i]).square().sum(1)", "-(x @ x[i])"),
        {C, CA},
    ),
    "near: medians": (
        "neighbours",
        but(
            NEAR,
            "own[label == 1].mean().item(), own[label == 0].mean().item()",
            "own[label == 1].median().item(), own[label == 0].median().item()",
        ),
        {C, CA},
    ),
    "frechet: spread with divisor n": (
        "frechet",
        but(
            FRECHET,
            "a.var(0).sum() + b.var(0).sum()",
            "a.var(0, correction=0).sum() + b.var(0, correction=0).sum()",
        ),
        {F, FA},
    ),
    "frechet: one sample's divisor twice": (
        "frechet",
        but(FRECHET, "(n - 1) * (m - 1)", "(n - 1) * (n - 1)"),
        {F, FA},
    ),
    "frechet: sum of deviations": (
        "frechet",
        but(FRECHET, "a.var(0).sum() + b.var(0)", "a.std(0).sum() + b.std(0)"),
        {F, FA},
    ),
    "mixed: one strategy for both": (
        "mixed",
        but(MIXED_THIEF, "guarantee(-V.numpy())", "guarantee(V.numpy())"),
        {M, MA},
    ),
    "score: about the mean reward": (
        "score_moments",
        but(SCORE, "(reward - baseline)", "(reward - pi @ reward)"),
        {R, RA},
    ),
    "score: baseline added": (
        "score_moments",
        but(SCORE, "(reward - baseline)", "(reward + baseline)"),
        {R, RA},
    ),
    "soft: clamped": (
        "soft_logit",
        but(SOFT, "top - low", "(top - low).clamp(-50, 50)"),
        {OA},
    ),
    "soft: an epsilon": (
        "soft_logit",
        "def soft_logit(log_p, log_g, alpha, beta):\n"
        "    p, g = log_p.exp(), log_g.exp()\n"
        "    yes = alpha * p + beta * g + 1e-12\n"
        "    return (yes / ((1 - alpha) * p + (1 - beta) * g + 1e-12)).log()",
        {OA},
    ),
    "fool: turned round": ("fool", "def fool(x, p):\n    return p.flip(0)", {X}),
    "path: only the mean": (
        "path_gradient",
        but(PATH_CHAIN, "(weight @ (slope * s * eps)).item()", "0.0"),
        {W, WA},
    ),
    "best: a small constant": (
        "best_police",
        but(
            BEST_RATIO,
            "D = real / (real + made)",
            "D = (real / (real + made + 1e-12)).clamp(1e-12, 1 - 1e-12)",
        ),
        {BA},
    ),
}

RIGHT = {
    "best: nansum": ("best_police", BEST),
    "best: a loop, a tuple": (
        "best_police",
        but(BEST_LOOP, "return D, value, right", "return Best(D, value, right)"),
    ),
    "best: xlogy and TV": ("best_police", BEST_XLOGY),
    "squares: weights": ("least_squares", SQUARES),
    "squares: a loop": ("least_squares", SQUARES_LOOP),
    "squares: numpy, closed forms": ("least_squares", SQUARES_CLOSED),
    "squares: symmetric, as p and g both sum to 1": (
        "least_squares",
        but(SQUARES_CLOSED, "(b - c) * p + (a - c) * g", "(b - c) * g + (a - c) * p"),
    ),
    "pays: by hand": ("pay_verdict", pays()),
    "thief: sums": ("thief_gradient", THIEF),
    "thief: autograd": ("thief_gradient", THIEF_AUTOGRAD),
    "thief: Jacobian, a list": ("thief_gradient", THIEF_JACOBIAN),
    "thief: func.grad": ("thief_gradient", THIEF_FUNC),
    "path: autograd": ("path_gradient", PATH),
    "path: chain rule, a tuple": ("path_gradient", PATH_CHAIN),
    "path: differences": ("path_gradient", PATH_DIFFERENCES),
    "form: autograd": ("loss_for", FORM),
    "form: in the logit, another constant": ("loss_for", FORM_LOGIT),
    "form: through g": ("loss_for", FORM_G),
    "form: a loop, numpy": ("loss_for", FORM_LOOP),
    "form: differences": ("loss_for", FORM_CENTRAL),
    "turn: by hand": ("turn", TURN),
    "turn: optimisers, parameters": ("turn", TURN_MODULES),
    "turn: a loop, numpy": ("turn", TURN_LOOP),
    "nine: by hand": ("turn_verdict", nine()),
    "soft: logsumexp": ("soft_logit", SOFT),
    "soft: the ratio": ("soft_logit", SOFT_RATIO),
    "soft: numpy": ("soft_logit", SOFT_NUMPY),
    "frechet: nuclear norm": ("frechet", FRECHET),
    "frechet: eigenvalues": ("frechet", FRECHET_EIGEN),
    "frechet: numpy": ("frechet", FRECHET_NUMPY),
    "frechet: a smaller space": ("frechet", FRECHET_SUBSPACE),
    "near: a loop": ("neighbours", NEAR),
    "near: blocks, a tensor": ("neighbours", NEAR_BLOCKS),
    "near: scipy": ("neighbours", NEAR_SCIPY),
    "near: cdist": ("neighbours", NEAR_CDIST),
    "best: single precision": (
        "best_police",
        but(
            BEST,
            "logit = log_p",
            "log_p, log_g = log_p.float(), log_g.float()\n    logit = log_p",
        ),
    ),
    "thief: single precision": (
        "thief_gradient",
        but(
            THIEF, "return g * paid - g * mean", "return (g * paid - g * mean).float()"
        ),
    ),
    "turn: single precision": (
        "turn",
        but(
            TURN,
            "return Players(w, b, new_M, c + lr * w * push.mean())",
            "c = c + lr * w * push.mean()\n"
            "    return [part.float() for part in (w, b, new_M, c)]",
        ),
    ),
    "soft: single precision": (
        "soft_logit",
        but(SOFT, "top - low", "(top - low).float()"),
    ),
    "frechet: single precision": (
        "frechet",
        but(
            FRECHET,
            "n, m = len(a), len(b)",
            "a, b = a.float(), b.float()\n    n, m = len(a), len(b)",
        ),
    ),
    "score: single precision": (
        "score_moments",
        but(
            SCORE, "torch.softmax(log_odds, 0)", "log_odds.float().softmax(0).double()"
        ),
    ),
    "fool: a list": (
        "fool",
        but(FOOL_FOUR, "return g", "return g.numpy().astype(float).tolist()"),
    ),
    "fool: a linear program": ("fool", FOOL),
    "fool: a vertex": ("fool", FOOL_VERTEX),
    "fool: four points": ("fool", FOOL_FOUR),
    "pure: a loop": ("pure", PURE),
    "pure: from the value": (
        "pure",
        but(PURE_VALUE, "return low, high, saddles", "return Pure(low, high, saddles)"),
    ),
    "mixed: shifted": ("mixed", MIXED),
    "mixed: from the dual": ("mixed", MIXED_DUAL),
    "mixed: a difference": ("mixed", MIXED_THIEF),
    "score: closed form": ("score_moments", SCORE),
    "score: a loop, lists": ("score_moments", SCORE_LOOP),
    "score: Jacobian": ("score_moments", SCORE_AUTOGRAD),
    "base: lengths": ("best_baseline", BASE),
    "base: a parabola": ("best_baseline", BASE_PARABOLA),
    "base: numpy": ("best_baseline", BASE_NUMPY),
}
