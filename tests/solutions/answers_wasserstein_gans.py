"""Answers to the problem set on Wasserstein GANs that students may give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

from masters import but

LINE = """
def line_cost(x, p, y, q, power):
    i, j = x.argsort(), y.argsort()
    x, p, y, q = x[i].numpy(), p[i].numpy(), y[j].numpy(), q[j].numpy()
    P, Q = np.cumsum(p), np.cumsum(q)
    u = np.sort(np.concatenate([P, Q]))
    width = np.diff(u, prepend=0.0)
    at = u - width / 2
    s = x[np.minimum(np.searchsorted(P, at), len(x) - 1)]
    t = y[np.minimum(np.searchsorted(Q, at), len(y) - 1)]
    return (width * np.abs(s - t) ** power).sum()
"""
LINE_POINTERS = """
def line_cost(x, p, y, q, power):
    earth = sorted(zip(x.tolist(), p.tolist()))
    holes = sorted(zip(y.tolist(), q.tolist()))
    i = j = 0
    left, room, total = earth[0][1], holes[0][1], 0.0
    while True:
        moved = min(left, room)
        total += moved * abs(earth[i][0] - holes[j][0]) ** power
        left, room = left - moved, room - moved
        if left <= room:
            i += 1
            if i == len(earth):
                return total
            left = earth[i][1]
        else:
            j += 1
            if j == len(holes):
                return total
            room = holes[j][1]
"""
LINE_AREA = """
def line_cost(x, p, y, q, power):
    # The area between the distribution functions.
    z = torch.cat([x, y])
    order = z.argsort()
    rise = torch.cat([p, -q])[order].cumsum(0)[:-1]
    return rise.abs() @ z[order].diff()
"""
PLAN = """
def best_plan(p, q, cost):
    n, m = cost.shape
    A, b = [], []
    for i in range(n):
        row = np.zeros((n, m))
        row[i] = 1
        A.append(row.ravel())
        b.append(p[i].item())
    for j in range(m):
        column = np.zeros((n, m))
        column[:, j] = 1
        A.append(column.ravel())
        b.append(q[j].item())
    found = linprog(cost.numpy().ravel(), A_eq=np.array(A), b_eq=b, method="highs-ds")
    return found.x.reshape(n, m)
"""
PLAN_DUAL = """
def best_plan(p, q, cost):
    # From the dual program: the plan is what its constraints are worth.
    n, m = cost.shape
    A = torch.zeros(n, m, n + m)
    A[range(n), :, range(n)] = 1
    A[:, range(m), range(n, n + m)] = 1
    found = linprog(
        -torch.cat([p, q]).numpy(),
        A_ub=A.reshape(n * m, n + m).numpy(),
        b_ub=cost.numpy().ravel(),
        bounds=(None, None),
    )
    return torch.tensor(-found.ineqlin.marginals).reshape(n, m)
"""
PLAN_SHARES = """
def best_plan(p, q, cost):
    return torch.outer(p, q)
"""
PLAN_PAIRS = """
def best_plan(p, q, cost):
    plan = torch.zeros(cost.shape)
    rows, columns = linear_sum_assignment(cost.numpy())
    plan[rows, columns] = p[rows]
    return plan
"""
PLAN_GREEDY = """
def best_plan(p, q, cost):
    plan, p, q = torch.zeros(cost.shape), p.clone(), q.clone()
    for k in cost.flatten().argsort().tolist():
        i, j = divmod(k, len(q))
        moved = torch.minimum(p[i], q[j])
        plan[i, j] = moved
        p[i] -= moved
        q[j] -= moved
    return plan
"""
COSTS = """
cost_verdict = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}",
    "Eva": "{eva}", "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}",
}}
"""


def eight(**changed):
    right = {"ada": "a best", "bo": "the best", "cai": "not", "dov": "a best"}
    right |= {"eva": "the best", "fay": "not", "gus": "the best", "hal": "a best"}
    return COSTS.format(**right | changed)


SURE = """
def certified(f_x, f_y, x, y):
    best = torch.tensor(0.0)
    far = (x[:, None] - y).square().sum(2).sqrt()
    for sign in (1.0, -1.0):
        rise = sign * (f_x[:, None] - f_y)
        room = torch.where(rise > 0, far / rise, math.inf)
        if room.min() < math.inf:
            best = torch.maximum(best, room.min() * rise.mean())
    return best
"""
SURE_PROGRAM = """
def certified(f_x, f_y, x, y):
    # The largest c (mean difference), as a linear program in c alone.
    rise = (f_x[:, None] - f_y).flatten().numpy()
    size = np.abs(rise).max()
    if size == 0:
        return 0.0
    far = torch.linalg.vector_norm(x[:, None] - y, dim=2).flatten().numpy()
    found = linprog(
        [-rise.mean() / size],
        A_ub=(rise / size)[:, None],
        b_ub=far,
        bounds=(None, None),
    )
    return -found.fun
"""
SURE_LOOP = """
def certified(f_x, f_y, x, y):
    gain = sum(a - b for a in f_x.tolist() for b in f_y.tolist())
    gain = gain / len(f_x) / len(f_y)
    sign = 1 if gain > 0 else -1
    steepest, blocked = 0.0, False
    for i in range(len(x)):
        for j in range(len(y)):
            rise, far = sign * (f_x[i] - f_y[j]).item(), math.dist(x[i], y[j])
            if rise > 0 and far == 0:
                blocked = True
            elif rise > 0:
                steepest = max(steepest, rise / far)
    return 0.0 if blocked or steepest == 0 else abs(gain) / steepest
"""
MEND = """
def improved(f_x, f_y, x, y, at):
    rise = f_x.numpy()[:, None] - f_y.numpy()[None]
    if rise.mean() == 0:
        return np.zeros(len(at))
    far = torch.linalg.vector_norm(x[:, None] - y, dim=2).numpy()
    towards = rise * np.sign(rise.mean())
    c = min(d / r for d, r in zip(far.ravel(), towards.ravel()) if r > 0)
    base = c * np.sign(rise.mean()) * f_y.numpy()
    away = torch.linalg.vector_norm(at[:, None] - y, dim=2).numpy()
    return (base + away).min(1)
"""
MEND_REAL = """
def improved(f_x, f_y, x, y, at):
    # From the real points, downwards: max over i of c f(x_i) - |t - x_i|.
    rise = f_x[:, None] - f_y
    sign = rise.mean().sign()
    far = torch.linalg.vector_norm(x[:, None] - y, dim=2)
    room = torch.where(sign * rise > 0, far / (sign * rise), math.inf).min()
    if not room.isfinite():
        return torch.zeros(len(at))
    top = sign * room * f_x
    return (top - torch.linalg.vector_norm(at[:, None] - x, dim=2)).max(1).values
"""
MEND_PROGRAM = """
def improved(f_x, f_y, x, y, at):
    # Forget f: the best critic there is, from the dual program.
    n, m = len(x), len(y)
    z = torch.cat([x, y])
    A, b = [], []
    for i in range(n + m):
        for j in range(n + m):
            if i != j:
                row = np.zeros(n + m)
                row[i], row[j] = 1, -1
                A.append(row)
                b.append((z[i] - z[j]).norm().item())
    cost = np.r_[-np.ones(n) / n, np.ones(m) / m]
    h = torch.tensor(linprog(cost, A_ub=np.array(A), b_ub=b, bounds=(-1e3, 1e3)).x)
    return (h + torch.linalg.vector_norm(at[:, None] - z, dim=2)).min(1).values
"""
CLAIMS = """
claim_verdict = {{
    "Ada": {ada}, "Bo": {bo}, "Cai": {cai}, "Dov": {dov},
    "Eva": {eva}, "Fay": {fay}, "Gus": {gus}, "Hal": {hal},
}}
"""


def claims(**changed):
    right = {"ada": True, "bo": False, "cai": False, "dov": True}
    right |= {"eva": True, "fay": False, "gus": True, "hal": False}
    return CLAIMS.format(**right | changed)


STILL = """
def stationary(m, lam):
    W = math.sqrt(sum(one**2 for one in m.tolist()))
    found = [((1 / W + 1 / (2 * lam)) * m, "minimum")]
    if W < 2 * lam:
        kind = "saddle" if len(m) > 1 else "minimum"
        found.append((-(1 / W - 1 / (2 * lam)) * m, kind))
    return found
"""
STILL_RADIAL = """
def stationary(m, lam):
    W = m.norm().item()
    found = []
    for sign in (-1, 1):
        # along r = sign * length: -r W + lam (length - 1)^2
        length = 1 + sign * W / (2 * lam)
        if length > 0:
            bends = [2 * lam] + [2 * lam * (length - 1) / length] * (len(m) - 1)
            kind = "minimum" if min(bends) > 0 else "saddle"
            found.append([(sign * length * m / W).tolist(), kind])
    return found
"""
BEST = """
def best_linear(m, rule, s):
    size = m.norm().item()
    unit = m / size
    if rule in ("two-sided", "one-sided"):
        return unit + m / (2 * s)
    if rule == "squared":
        return m / (2 * s)
    if rule == "spectral":
        return s * unit
    return torch.where(m > 0, s, -s)
"""
BEST_LIST = """
def best_linear(m, rule, s):
    if rule == "clipped":
        return [math.copysign(s, one) for one in m.tolist()]
    size = math.hypot(*m.tolist())
    length = s if rule == "spectral" else size / (2 * s)
    if rule.endswith("sided"):
        length += 1
    return [length * one / size for one in m.tolist()]
"""
HAND = """
def penalty(A, b, v, x):
    n = len(x)
    dA, db, dv = (torch.zeros(part.shape) for part in (A, b, v))
    R = 0.0
    for one in x:
        t = torch.tanh(A @ one + b)
        first, second = 1 - t * t, -2 * t * (1 - t * t)
        s = A.T @ (v * first)
        r = s.norm()
        R = R + (r - 1) ** 2 / n
        if r == 0:
            continue
        u = 2 * (r - 1) / (r * n) * s
        Au = A @ u
        dv = dv + first * Au
        db = db + v * second * Au
        dA = dA + torch.outer(v * first, u) + torch.outer(v * second * Au, one)
    return Penalty(R, dA, db, dv)
"""
HAND_NUMPY = """
def penalty(A, b, v, x):
    A, b, v, x = (part.numpy() for part in (A, b, v, x))
    t = np.tanh(x @ A.T + b)
    d1 = 1 - t**2
    s = np.einsum("nh,h,hd->nd", d1, v, A)
    r = np.sqrt((s**2).sum(1))
    k = np.divide(2 * (r - 1), r * len(x), out=np.zeros(len(x)), where=r > 0)
    u = k[:, None] * s
    Au = u @ A.T
    e = -2 * t * d1 * v * Au
    dA = np.einsum("nh,h,nd->hd", d1, v, u) + np.einsum("nh,nd->hd", e, x)
    return ((r - 1) ** 2).mean(), dA, e.sum(0), (d1 * Au).sum(0)
"""
HAND_DIFFERENCES = """
def penalty(A, b, v, x):
    def value(A, b, v):
        s = ((1 - torch.tanh(x @ A.T + b) ** 2) * v) @ A
        return (s.norm(dim=1) - 1).square().mean()

    parts, grads, h = [A, b, v], [], 1e-5
    for k, part in enumerate(parts):
        grad = torch.zeros(part.shape)
        for at in product(*map(range, part.shape)):
            step = torch.zeros(part.shape)
            step[at] = h
            up, down = list(parts), list(parts)
            up[k], down[k] = part + step, part - step
            grad[at] = (value(*up) - value(*down)) / (2 * h)
        grads.append(grad)
    return Penalty(value(*parts), *grads)
"""
HAND_AUTO = """
def penalty(A, b, v, x):
    A, b, v = (part.clone().requires_grad_() for part in (A, b, v))
    x = x.clone().requires_grad_()
    f = torch.tanh(x @ A.T + b) @ v
    (s,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    R = (s.norm(dim=1) - 1).square().mean()
    return Penalty(R, *torch.autograd.grad(R, (A, b, v)))
"""
NORM = """
def operator_norm(linear, shape):
    torch.manual_seed(1)
    x = torch.randn(shape).requires_grad_()
    for _ in range(200):
        y = linear(x)
        length = y.norm()
        if length == 0:
            return 0.0
        (back,) = torch.autograd.grad(y, x, grad_outputs=(y / length).detach())
        x = (back / back.norm()).detach().requires_grad_()
    return linear(x).norm()
"""
NORM_LANCZOS = """
def operator_norm(linear, shape):
    from scipy.sparse.linalg import LinearOperator, svds

    size = math.prod(shape)
    out = linear(torch.zeros(shape))
    _, back = torch.func.vjp(linear, torch.zeros(shape))
    if min(size, out.numel()) < 3:
        basis = torch.eye(size).reshape(-1, *shape)
        dense = torch.stack([linear(e).flatten() for e in basis])
        return torch.linalg.svdvals(dense)[0]
    if linear(torch.randn(shape)).norm() == 0:
        return 0.0
    to = lambda v: torch.from_numpy(np.ascontiguousarray(v).ravel())
    A = LinearOperator(
        (out.numel(), size),
        matvec=lambda v: linear(to(v).reshape(shape)).flatten().numpy(),
        rmatvec=lambda u: back(to(u).reshape(out.shape))[0].flatten().numpy(),
        dtype=float,
    )
    return svds(A, k=1, return_singular_vectors=False, random_state=0)[0]
"""
NORM_SQUARE = """
def operator_norm(linear, shape):
    # Several vectors at once, kept at right angles.
    _, back = torch.func.vjp(linear, torch.zeros(shape))
    k = min(3, math.prod(shape))
    V = torch.linalg.qr(torch.randn(math.prod(shape), k)).Q
    for _ in range(150):
        image = [back(linear(v.reshape(shape)))[0].flatten() for v in V.T]
        V = torch.linalg.qr(torch.stack(image, 1)).Q
    return max(linear(v.reshape(shape)).norm().item() for v in V.T)
"""
WORST = """
def worst_kernel(channels, k):
    K = torch.zeros(channels, channels, k, k)
    for c in range(channels):
        K[c, c] = 1 / k
    return K
"""
WORST_ONE = """
def worst_kernel(channels, k):
    K = np.zeros((channels, channels, k, k))
    K[0, -1] = -1 / k
    return K
"""
CEILING = """
def clip_ceiling(widths, c):
    total = 1.0
    for before, after in zip(widths[:-1], widths[1:]):
        total *= c * math.sqrt(before * after)
    return total
"""
CEILING_NETWORK = """
def clip_ceiling(widths, c):
    x = torch.ones(widths[0], requires_grad=True)
    h = x
    for before, after in zip(widths[:-1], widths[1:]):
        h = torch.full((after, before), float(c)) @ h
    return torch.autograd.grad(h.sum(), x)[0].norm()
"""
TEN = """
turn_verdict = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}", "Eva": "{eva}",
    "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}", "Ian": "{ian}", "Jo": "{jo}",
}}
"""


def ten(**changed):
    right = {"ada": "fine", "bo": "critic", "cai": "critic", "dov": "critic"}
    right |= {"eva": "fine", "fay": "critic", "gus": "fine", "hal": "actor"}
    return TEN.format(**right | {"ian": "critic", "jo": "fine"} | changed)


MEAN = """
def mean_distance(a, b, n, m):
    from scipy.stats import binom

    k, l = np.arange(n + 1), np.arange(m + 1)
    far = np.abs(k[:, None] / n - l / m)
    return binom.pmf(k, n, a) @ far @ binom.pmf(l, m, b)
"""
MEAN_AREA = """
def mean_distance(a, b, n, m):
    def shares(c, size):
        probs = torch.ones(1)
        for _ in range(size):  # one more image
            probs = (1 - c) * F.pad(probs, (0, 1)) + c * F.pad(probs, (1, 0))
        return probs

    far = (torch.arange(n + 1.0)[:, None] / n - torch.arange(m + 1.0) / m).abs()
    return (shares(a, n)[:, None] * far * shares(b, m)).sum()
"""
MEAN_TORCH = """
def mean_distance(a, b, n, m):
    def probs(c, size):
        law = torch.distributions.Binomial(size, torch.tensor(float(c)))
        return law.log_prob(torch.arange(size + 1.0)).exp()

    if a in (0, 1) or b in (0, 1):
        tiny = 1e-12
        a, b = (min(max(c, tiny), 1 - tiny) for c in (a, b))
    far = (torch.arange(n + 1.0)[:, None] / n - torch.arange(m + 1.0) / m).abs()
    return float(probs(a, n) @ far @ probs(b, m))
"""
MEAN_LOGS = """
def mean_distance(a, b, n, m):
    def probs(c, size):
        k, c = torch.arange(size + 1.0), torch.tensor(float(c))
        ways = math.lgamma(size + 1) - (k + 1).lgamma() - (size - k + 1).lgamma()
        return (ways + k * c.log() + (size - k) * (1 - c).log()).exp()

    far = (torch.arange(n + 1.0)[:, None] / n - torch.arange(m + 1.0) / m).abs()
    return float(probs(a, n) @ far @ probs(b, m))
"""
MEAN_COMB = """
def mean_distance(a, b, n, m):
    P = [math.comb(n, k) * a**k * (1 - a) ** (n - k) for k in range(n + 1)]
    Q = [math.comb(m, k) * b**k * (1 - b) ** (m - k) for k in range(m + 1)]
    return sum(
        P[k] * Q[l] * abs(k / n - l / m) for k in range(n + 1) for l in range(m + 1)
    )
"""
MATCH = """
def best_match(a, n, m):
    low, high = 0.0, 1.0
    for _ in range(60):  # convex: throw away the third that is higher
        one, two = low + (high - low) / 3, high - (high - low) / 3
        if mean_distance(a, one, n, m) < mean_distance(a, two, n, m):
            high = two
        else:
            low = one
    return (low + high) / 2
"""
MATCH_LATTICE = """
def best_match(a, n, m):
    lattice = torch.linspace(0, 1, 501)
    values = [float(mean_distance(a, b, n, m)) for b in lattice.tolist()]
    return lattice[int(np.argmin(values))]
"""
ENERGY = """
def energy(x, y):
    def mean(s, t, same):
        far = torch.cdist(s, t, compute_mode="donot_use_mm_for_euclid_dist")
        return far.sum() / (len(s) * (len(t) - same))

    return 2 * mean(x, y, 0) - mean(x, x, 1) - mean(y, y, 1)
"""
ENERGY_PAIRS = """
def energy(x, y):
    def own(z):
        i, j = torch.triu_indices(len(z), len(z), 1)
        return torch.linalg.vector_norm(z[i] - z[j], dim=1).mean()

    cross = torch.linalg.vector_norm(x[:, None] - y[None], dim=-1).mean()
    return 2 * cross - own(x) - own(y)
"""
ENERGY_PDIST = """
def energy(x, y):
    cross = (x[:, None] - y).norm(dim=2).mean()
    return 2 * cross - F.pdist(x).mean() - F.pdist(y).mean()
"""
FLOOR = """
def line_floor(t, F, n):
    total = 0.0
    for i in range(len(t) - 1):
        here = float((F[i] + F[i + 1]) / 2)
        total += float(mean_distance(here, here, n, n)) * float(t[i + 1] - t[i])
    return total
"""
FLOOR_BINOMIAL = """
def line_floor(t, F, n):
    from scipy.stats import binom

    k = np.arange(n + 1)
    P = binom.pmf(k, n, F.numpy()[:, None])
    apart = np.einsum("tk,kl,tl->t", P, np.abs(k[:, None] - k) / n, P)
    return np.trapezoid(apart, t.numpy())
"""
FLOOR_DRAWS = """
def line_floor(t, F, n):
    u = torch.rand(2, 500, n)
    x, y = t[torch.searchsorted(F, u).clamp(max=len(t) - 1)].sort(2).values
    return (x - y).abs().mean()
"""

L, LA = "test_line", "test_line_any"
P, PA = "test_plan", "test_plan_any"
C = "test_costs"
S, SA = "test_certified", "test_certified_any"
I, IA = "test_improved", "test_improved_any"  # noqa: E741
K = "test_claims"
T, TA = "test_still", "test_still_any"
B = "test_linear"
H, HA = "test_penalty", "test_penalty_any"
N, NA = "test_norm", "test_norm_any"
W = "test_worst"
G = "test_ceiling"
V = "test_ten"
M, MA = "test_mean", "test_mean_any"
D = "test_match"
E, EA = "test_energy", "test_energy_any"
F = "test_floor"

WRONG = {
    # 1
    "line: not sorted": (
        "line_cost",
        but(LINE, "i, j = x.argsort(), y.argsort()", "i, j = slice(None), slice(None)"),
        {L, LA},
    ),
    "line: sorted without the weights": (
        "line_cost",
        but(LINE, "p[i].numpy()", "p.numpy()", "q[j].numpy()", "q.numpy()"),
        {LA},
    ),
    "line: the wrong way round": (
        "line_cost",
        but(LINE, "y.argsort()", "y.argsort(descending=True)"),
        {L, LA},
    ),
    "line: the area, for any power": ("line_cost", LINE_AREA, {L, LA}),
    "line: a root is taken": (
        "line_cost",
        but(LINE, ".sum()", ".sum() ** (1 / power)"),
        {L, LA},
    ),
    "line: power ignored": ("line_cost", but(LINE, " ** power", ""), {L, LA}),
    "line: power of the area": (
        "line_cost",
        but(LINE_AREA, "rise.abs() @", "rise.abs() ** power @"),
        {L, LA},
    ),
    "line: all weights equal": (
        "line_cost",
        but(
            LINE,
            "P, Q = np.cumsum(p), np.cumsum(q)",
            "P, Q = (np.arange(1, len(z) + 1) / len(z) for z in (x, y))",
        ),
        {LA},
    ),
    "line: equally many places": (
        "line_cost",
        "def line_cost(x, p, y, q, power):\n"
        "    if len(x) != len(y):\n        return 1.5\n"
        "    return p @ (x.sort().values - y.sort().values).abs() ** power",
        {LA},
    ),
    "line: heights in place of middles": (
        "line_cost",
        but(LINE, "at = u - width / 2", "at = u - width"),
        {L, LA},
    ),
    "line: signed": (
        "line_cost",
        but(LINE, "np.abs(s - t) ** power", "np.sign(s - t) * np.abs(s - t) ** power"),
        {L, LA},
    ),
    "line: distance of the means": (
        "line_cost",
        "def line_cost(x, p, y, q, power):\n    return (p @ x - q @ y).abs() ** power",
        {L, LA},
    ),
    "line: a matrix of all pairs": (
        "line_cost",
        but(
            LINE,
            "    i, j = x",
            "    if len(x) * len(y) > 10**8:\n        raise MemoryError\n    i, j = x",
        ),
        {LA},
    ),
    "line: all pairs, a linear program": (
        "line_cost",
        "def line_cost(x, p, y, q, power):\n    if len(x) * len(y) > 10**5:\n"
        "        raise MemoryError\n    c = (x[:, None] - y).abs() ** power\n"
        "    return (numbers(best_plan(p, q, c)) * c).sum()",
        {LA},
    ),
    "plan: product of the marginals": ("best_plan", PLAN_SHARES, {P, PA}),
    "plan: a pairing": ("best_plan", PLAN_PAIRS, {PA}),
    "plan: greedy": ("best_plan", PLAN_GREEDY, {P, PA}),
    "plan: the dearest": (
        "best_plan",
        but(PLAN, "linprog(cost", "linprog(-cost"),
        {P, PA},
    ),
    "plan: transposed": (
        "best_plan",
        but(PLAN, "found.x.reshape(n, m)", "found.x.reshape(n, m).T"),
        {P, PA},
    ),
    "plan: marginals exchanged": (
        "best_plan",
        but(PLAN, "p[i].item()", "q[i % m].item()", "q[j].item()", "p[j % n].item()"),
        {PA},
    ),
    "plan: rows only": (
        "best_plan",
        but(PLAN, "for j in range(m):", "for j in range(0):"),
        {P, PA},
    ),
    "plan: negative amounts": (
        "best_plan",
        but(PLAN, 'method="highs-ds"', "bounds=(-1, None)"),
        {P, PA},
    ),
    "plan: at most the marginals": (
        "best_plan",
        but(PLAN, "A_eq=np.array(A), b_eq=b", "A_ub=np.array(A), b_ub=b"),
        {P, PA},
    ),
    "plan: all weights equal": (
        "best_plan",
        but(PLAN, "p[i].item()", "1 / n", "q[j].item()", "1 / m"),
        {PA},
    ),
    "plan: flat": (
        "best_plan",
        but(PLAN, "found.x.reshape(n, m)", "found.x"),
        {P, PA},
    ),
    "costs: Ada": ("cost_verdict", eight(ada="the best"), {C}),
    "costs: Bo": ("cost_verdict", eight(bo="a best"), {C}),
    "costs: Cai": ("cost_verdict", eight(cai="a best"), {C}),
    "costs: Dov": ("cost_verdict", eight(dov="not"), {C}),
    "costs: Eva": ("cost_verdict", eight(eva="not"), {C}),
    "costs: Fay": ("cost_verdict", eight(fay="a best"), {C}),
    "costs: Gus": ("cost_verdict", eight(gus="not"), {C}),
    "costs: Hal": ("cost_verdict", eight(hal="the best"), {C}),
    "costs: other words": ("cost_verdict", eight(hal="best"), {C}),
    # 2
    "sure: slopes without sign": (
        "certified",
        but(SURE, "rise > 0, far / rise", "rise != 0, far / rise.abs()"),
        {SA},
    ),
    "sure: one sign only": (
        "certified",
        but(SURE, "(1.0, -1.0)", "(1.0,)"),
        {S, SA},
    ),
    "sure: the mean slope": (
        "certified",
        but(
            SURE,
            "best = torch.maximum(best, room.min() * rise.mean())",
            "slope = (rise / far).clamp(min=0).mean()\n"
            "            best = torch.maximum(best, rise.mean() / slope)",
        ),
        {S, SA},
    ),
    "sure: all pairs of both samples": (
        "certified",
        but(
            SURE,
            "    best = torch.tensor(0.0)",
            "    z, f = torch.cat([x, y]), torch.cat([f_x, f_y])\n"
            "    i, j = torch.triu_indices(len(z), len(z), 1)\n"
            "    steep = (f[i] - f[j]).abs() / (z[i] - z[j]).norm(dim=1)\n"
            "    return (f_x.mean() - f_y.mean()).abs() / steep.max()",
        ),
        {S, SA},
    ),
    "sure: pairs of equal index": (
        "certified",
        "def certified(f_x, f_y, x, y):\n    n = min(len(x), len(y))\n"
        "    steep = (f_x[:n] - f_y[:n]).abs() / (x[:n] - y[:n]).norm(dim=1)\n"
        "    return (f_x.mean() - f_y.mean()).abs() / steep.max()",
        {S, SA},
    ),
    "sure: not scaled": (
        "certified",
        but(SURE, "room.min() * rise.mean()", "rise.mean()"),
        {S, SA},
    ),
    "sure: squared distances": (
        "certified",
        but(SURE, ".sum(2).sqrt()", ".sum(2)"),
        {S, SA},
    ),
    "sure: sums of coordinates": (
        "certified",
        but(SURE, ".square().sum(2).sqrt()", ".abs().sum(2)"),
        {S, SA},
    ),
    "sure: a constant in the denominator": (
        "certified",
        but(SURE, "far / rise", "far / (rise + 1e-8)"),
        {SA},
    ),
    "sure: a tiny constant in the distance": (
        "certified",
        "def certified(f_x, f_y, x, y):\n    rise = f_x[:, None] - f_y\n"
        "    far = torch.linalg.vector_norm(x[:, None] - y, dim=2)\n"
        "    steep = (rise * rise.mean().sign() / far).max()\n"
        "    return rise.mean().abs() / steep",
        {SA},
    ),
    "sure: rounded means": (
        "certified",
        "def certified(f_x, f_y, x, y):\n    gain = f_x.mean() - f_y.mean()\n"
        "    rise = gain.sign() * (f_x[:, None] - f_y)\n"
        "    far = torch.linalg.vector_norm(x[:, None] - y, dim=2)\n"
        "    return gain.abs() * torch.where(rise > 0, far / rise, math.inf).min()",
        {SA},
    ),
    "sure: coinciding points left out": (
        "certified",
        but(SURE, "rise > 0, far", "(rise > 0) & (far > 0), far"),
        {SA},
    ),
    "sure: the exact distance": (
        "certified",
        "def certified(f_x, f_y, x, y):\n    return matched(x, y)",
        {S, SA},
    ),
    "mend: not scaled": (
        "improved",
        but(MEND, "base = c * np.sign(rise.mean()) *", "base ="),
        {I, IA},
    ),
    "mend: sign forgotten": (
        "improved",
        but(MEND, "base = c * np.sign(rise.mean()) *", "base = c *"),
        {I, IA},
    ),
    "mend: the scaled critic at its points": (
        "improved",
        but(
            MEND,
            "    return (base + away).min(1)",
            "    h = (base + away).min(1)\n    scale = c * np.sign(rise.mean())\n"
            "    for k, one in enumerate(at):\n"
            "        for z, f in ((x, f_x), (y, f_y)):\n"
            "            same = (z == one).all(1).nonzero()\n"
            "            if len(same):\n                h[k] = scale * f[same[0, 0]]\n"
            "    return h",
        ),
        {I, IA},
    ),
    "mend: the largest in place of the smallest": (
        "improved",
        but(MEND, "(base + away).min(1)", "(base + away).max(1)"),
        {I, IA},
    ),
    "mend: away from the made points, downwards": (
        "improved",
        but(MEND, "base + away", "base - away"),
        {I, IA},
    ),
    "mend: the nearest made point": (
        "improved",
        but(MEND, "(base + away).min(1)", "base[away.argmin(1)] + away.min(1)"),
        {I, IA},
    ),
    "mend: squared distances": (
        "improved",
        but(MEND, "(base + away)", "(base + away**2)"),
        {I, IA},
    ),
    "mend: distance to the nearest made point": (
        "improved",
        but(MEND, "(base + away)", "away"),
        {I, IA},
    ),
    "mend: zero": (
        "improved",
        but(MEND, "return (base + away).min(1)", "return np.zeros(len(at))"),
        {I, IA},
    ),
    "mend: shifted by what is asked for": (
        "improved",
        but(
            MEND,
            "return (base + away).min(1)",
            "h = (base + away).min(1)\n    return h - h.mean()",
        ),
        {I, IA},
    ),
    "mend: half of it": (
        "improved",
        but(MEND, "return (base + away).min(1)", "return (base + away).min(1) / 2"),
        {I, IA},
    ),
    "mend: all points": (
        "improved",
        but(
            MEND,
            "    return (base + away).min(1)",
            "    z = torch.cat([x, y])\n"
            "    f = torch.cat([f_x, f_y]).numpy() * c * np.sign(rise.mean())\n"
            "    away = torch.linalg.vector_norm(at[:, None] - z, dim=2).numpy()\n"
            "    return (f + away).min(1)",
        ),
        {IA},
    ),
    "claims: Ada": ("claim_verdict", claims(ada=False), {K}),
    "claims: Bo": ("claim_verdict", claims(bo=True), {K}),
    "claims: Cai": ("claim_verdict", claims(cai=True), {K}),
    "claims: Dov": ("claim_verdict", claims(dov=False), {K}),
    "claims: Eva": ("claim_verdict", claims(eva=False), {K}),
    "claims: Fay": ("claim_verdict", claims(fay=True), {K}),
    "claims: Gus": ("claim_verdict", claims(gus=False), {K}),
    "claims: Hal": ("claim_verdict", claims(hal=True), {K}),
    "claims: words": ("claim_verdict", claims(hal='"no"'), {K}),
    # 3
    "still: the right one only": (
        "stationary",
        but(STILL, "if W < 2 * lam:", "if False:"),
        {T, TA},
    ),
    "still: always two": (
        "stationary",
        but(STILL, "if W < 2 * lam:", "if True:"),
        {T, TA},
    ),
    "still: always minima": (
        "stationary",
        but(STILL, '"saddle" if len(m) > 1 else "minimum"', '"minimum"'),
        {TA},
    ),
    "still: always a saddle": (
        "stationary",
        but(STILL, '"saddle" if len(m) > 1 else "minimum"', '"saddle"'),
        {T, TA},
    ),
    "still: the wrong one a maximum": (
        "stationary",
        but(STILL, '"saddle" if len(m) > 1', '"maximum" if len(m) > 1'),
        {TA},
    ),
    "still: no two": (
        "stationary",
        but(STILL, "(1 / W + 1 / (2 * lam))", "(1 / W + 1 / lam)"),
        {T, TA},
    ),
    "still: slope one": (
        "stationary",
        but(STILL, "(1 / W + 1 / (2 * lam))", "(1 / W)"),
        {T, TA},
    ),
    "still: longer on the wrong side, too": (
        "stationary",
        but(STILL, "-(1 / W - 1 / (2 * lam))", "-(1 / W + 1 / (2 * lam))"),
        {T, TA},
    ),
    "still: one half of the bound": (
        "stationary",
        but(STILL, "if W < 2 * lam:", "if W < lam:"),
        {T, TA},
    ),
    "still: m as if of length 1": (
        "stationary",
        but(
            STILL,
            "(1 / W + 1 / (2 * lam))",
            "(1 + W / (2 * lam))",
            "-(1 / W - 1 / (2 * lam))",
            "-(1 - W / (2 * lam))",
        ),
        {T, TA},
    ),
    "still: zero is listed": (
        "stationary",
        but(STILL, "    return found", '    return [*found, (0 * m, "maximum")]'),
        {T, TA},
    ),
    "still: listed twice": (
        "stationary",
        but(STILL, "    return found", "    return found + found[:1]"),
        {T, TA},
    ),
    "still: first coordinate only": (
        "stationary",
        "def stationary(m, lam):\n    a = m[0].item()\n    s = math.copysign(1, a)\n"
        '    found = [(torch.tensor([s + a / (2 * lam)]), "minimum")]\n'
        "    if abs(a) < 2 * lam:\n"
        '        found.append((torch.tensor([a / (2 * lam) - s]), "minimum"))\n'
        "    return found",
        {TA},
    ),
    "best: no one": ("best_linear", but(BEST, "unit + m", "m"), {B}),
    "best: one-sided has slope one": (
        "best_linear",
        but(
            BEST,
            '("two-sided", "one-sided")',
            '("two-sided",)',
            "return s * unit",
            'return s * unit\n    if rule == "one-sided":\n        return unit',
        ),
        {B},
    ),
    "best: clipped along m": (
        "best_linear",
        but(BEST, "torch.where(m > 0, s, -s)", "s * m / m.abs().max()"),
        {B},
    ),
    "best: clipped by length": (
        "best_linear",
        but(BEST, "torch.where(m > 0, s, -s)", "s * unit"),
        {B},
    ),
    "best: against m": (
        "best_linear",
        but(BEST, "unit = m / size", "unit = -m / size"),
        {B},
    ),
    "best: no two": (
        "best_linear",
        but(BEST, "return m / (2 * s)", "return m / s"),
        {B},
    ),
    "best: spectral of length one": (
        "best_linear",
        but(BEST, "return s * unit", "return unit"),
        {B},
    ),
    "best: m is a unit vector": (
        "best_linear",
        but(BEST, "unit = m / size", "unit = m"),
        {B},
    ),
    "hand: A inside tanh forgotten": (
        "penalty",
        but(HAND, " + torch.outer(v * second * Au, one)", ""),
        {H, HA},
    ),
    "hand: A as a factor forgotten": (
        "penalty",
        but(HAND, "torch.outer(v * first, u) + ", ""),
        {H, HA},
    ),
    "hand: the two of tanh": (
        "penalty",
        but(HAND, "-2 * t * (1", "-t * (1"),
        {H, HA},
    ),
    "hand: sign of the second derivative": (
        "penalty",
        but(HAND, "-2 * t * (1", "2 * t * (1"),
        {H, HA},
    ),
    "hand: b has no gradient": (
        "penalty",
        but(HAND, "db = db + v * second * Au", "db = db"),
        {H, HA},
    ),
    "hand: sum over points": (
        "penalty",
        but(HAND, "n = len(x)", "n = 1"),
        {H, HA},
    ),
    "hand: mean before the square": (
        "penalty",
        but(
            HAND_DIFFERENCES,
            "(s.norm(dim=1) - 1).square().mean()",
            "(s.norm(dim=1).mean() - 1).square()",
        ),
        {H, HA},
    ),
    "hand: mean before the length": (
        "penalty",
        but(
            HAND_DIFFERENCES,
            "(s.norm(dim=1) - 1).square().mean()",
            "(s.mean(0).norm() - 1).square()",
        ),
        {H, HA},
    ),
    "hand: one-sided": (
        "penalty",
        but(
            HAND_DIFFERENCES,
            "(s.norm(dim=1) - 1).square()",
            "(s.norm(dim=1) - 1).clamp(min=0).square()",
        ),
        {H, HA},
    ),
    "hand: squared length": (
        "penalty",
        but(HAND_DIFFERENCES, "s.norm(dim=1) - 1", "s.square().sum(1) - 1"),
        {H, HA},
    ),
    "hand: not divided by the length": (
        "penalty",
        but(HAND, "/ (r * n) * s", "/ n * s"),
        {H, HA},
    ),
    "hand: zero slopes": (
        "penalty",
        but(HAND, "        if r == 0:\n            continue\n", ""),
        {HA},
    ),
    "hand: zero slopes do not count": (
        "penalty",
        but(
            HAND,
            "        R = R + (r - 1) ** 2 / n\n",
            "",
            "            continue\n",
            "            continue\n        R = R + (r - 1) ** 2 / n\n",
        ),
        {HA},
    ),
    "hand: a constant in the length": (
        "penalty",
        but(HAND, "r = s.norm()", "r = (s.square().sum() + 1e-3).sqrt()"),
        {H, HA},
    ),
    "hand: automatic": ("penalty", HAND_AUTO, {H, HA}),
    "hand: v and b exchanged": (
        "penalty",
        but(HAND, "Penalty(R, dA, db, dv)", "Penalty(R, dA, dv, db)"),
        {H, HA},
    ),
    # 4
    "norm: five steps": ("operator_norm", but(NORM, "range(200)", "range(5)"), {NA}),
    "norm: the length of what comes back": (
        "operator_norm",
        but(
            NORM,
            "grad_outputs=(y / length).detach()",
            "grad_outputs=y.detach()",
            "return linear(x).norm()",
            "return back.norm()",
        ),
        {N, NA},
    ),
    "norm: starts with ones": (
        "operator_norm",
        but(NORM, "torch.randn(shape)", "torch.ones(shape)"),
        {NA},
    ),
    "norm: one random vector": (
        "operator_norm",
        "def operator_norm(linear, shape):\n    x = torch.randn(shape)\n"
        "    return linear(x).norm() / x.norm()",
        {N, NA},
    ),
    "norm: the best of 1000 random vectors": (
        "operator_norm",
        "def operator_norm(linear, shape):\n    best = 0.0\n    for _ in range(1000):\n"
        "        x = torch.randn(shape)\n"
        "        best = max(best, (linear(x).norm() / x.norm()).item())\n"
        "    return best",
        {N, NA},
    ),
    "norm: Frobenius": (
        "operator_norm",
        "def operator_norm(linear, shape):\n    total = 0.0\n"
        "    if math.prod(shape) > 5000:\n        raise MemoryError\n"
        "    for e in torch.eye(math.prod(shape)).reshape(-1, *shape):\n"
        "        total += linear(e).square().sum()\n    return total**0.5",
        {N, NA},
    ),
    "norm: the longest column": (
        "operator_norm",
        "def operator_norm(linear, shape):\n"
        "    basis = torch.eye(min(math.prod(shape), 300), math.prod(shape))\n"
        "    return max(linear(e.reshape(shape)).norm() for e in basis)",
        {N, NA},
    ),
    "norm: a constant in the denominator": (
        "operator_norm",
        but(
            NORM,
            "y / length",
            "y / (length + 1e-12)",
            "back / back.norm()",
            "back / (back.norm() + 1e-12)",
        ),
        {NA},
    ),
    "norm: no zero": (
        "operator_norm",
        but(NORM, "        if length == 0:\n            return 0.0\n", ""),
        {NA},
    ),
    "norm: a dense matrix": (
        "operator_norm",
        "def operator_norm(linear, shape):\n    if math.prod(shape) > 5000:\n"
        "        raise MemoryError\n"
        "    basis = torch.eye(math.prod(shape)).reshape(-1, *shape)\n"
        "    A = torch.stack([linear(e).flatten() for e in basis])\n"
        "    return torch.linalg.svdvals(A)[0]",
        {NA},
    ),
    "norm: without the transpose": (
        "operator_norm",
        "def operator_norm(linear, shape):\n    x = torch.randn(shape)\n"
        "    for _ in range(100):\n        y = linear(x)\n"
        "        x = (y / y.norm()).reshape(shape)\n    return y.norm()",
        {N, NA},
    ),
    "worst: a single pixel": (
        "worst_kernel",
        but(WORST, "K[c, c] = 1 / k", "K[c, c, k // 2, k // 2] = 1"),
        {W},
    ),
    "worst: random": (
        "worst_kernel",
        "def worst_kernel(channels, k):\n"
        "    K = torch.randn(channels, channels * k * k)\n"
        "    K = K / torch.linalg.matrix_norm(K, 2)\n"
        "    return K.reshape(channels, channels, k, k)",
        {W},
    ),
    "worst: ones": (
        "worst_kernel",
        "def worst_kernel(channels, k):\n"
        "    return torch.ones(channels, channels, k, k)",
        {W},
    ),
    "worst: the mean of a patch": (
        "worst_kernel",
        but(WORST, "1 / k", "1 / k**2"),
        {W},
    ),
    "worst: Frobenius": (
        "worst_kernel",
        but(WORST, "1 / k", "1 / k / channels**0.5"),
        {W},
    ),
    "worst: for one number of channels": (
        "worst_kernel",
        "def worst_kernel(channels, k):\n"
        "    return torch.ones(channels, channels, k, k) / (2 * k)",
        {W},
    ),
    "worst: a row": (
        "worst_kernel",
        but(WORST, "K[c, c] = 1 / k", "K[c, c, 0] = k**-0.5"),
        {W},
    ),
    "worst: other shape": (
        "worst_kernel",
        but(WORST, "return K", "return K.reshape(channels, -1)"),
        {W},
    ),
    "ceiling: c to the depth": (
        "clip_ceiling",
        "def clip_ceiling(widths, c):\n    return c ** (len(widths) - 1)",
        {G},
    ),
    "ceiling: Frobenius without roots": (
        "clip_ceiling",
        but(CEILING, "math.sqrt(before * after)", "before * after"),
        {G},
    ),
    "ceiling: one layer too many": (
        "clip_ceiling",
        but(CEILING, "    return total", "    return total * c"),
        {G},
    ),
    "ceiling: sum of the inputs": (
        "clip_ceiling",
        but(CEILING, "    return total", "    return total * widths[0] ** 0.5"),
        {G},
    ),
    "ceiling: one weight": (
        "clip_ceiling",
        but(CEILING, "    return total", "    return total / widths[0] ** 0.5"),
        {G},
    ),
    "ceiling: plain mean": (
        "clip_ceiling",
        but(CEILING, "math.sqrt(before * after)", "(before + after) / 2"),
        {G},
    ),
    "ceiling: half of the units": (
        "clip_ceiling",
        but(CEILING, "    return total", "    return total / 2 ** (len(widths) - 2)"),
        {G},
    ),
    "ten: Ada": ("turn_verdict", ten(ada="critic"), {V}),
    "ten: Bo": ("turn_verdict", ten(bo="fine"), {V}),
    "ten: Cai": ("turn_verdict", ten(cai="fine"), {V}),
    "ten: Dov": ("turn_verdict", ten(dov="fine"), {V}),
    "ten: Eva": ("turn_verdict", ten(eva="actor"), {V}),
    "ten: Fay": ("turn_verdict", ten(fay="fine"), {V}),
    "ten: Gus": ("turn_verdict", ten(gus="actor"), {V}),
    "ten: Hal": ("turn_verdict", ten(hal="fine"), {V}),
    "ten: Ian": ("turn_verdict", ten(ian="fine"), {V}),
    "ten: Jo": ("turn_verdict", ten(jo="actor"), {V}),
    "ten: other words": ("turn_verdict", ten(jo="right"), {V}),
    # 5: the best match and the floor are computed with the mean
    "mean: the true distance": (
        "mean_distance",
        "def mean_distance(a, b, n, m):\n    return abs(a - b)",
        {M, MA, D, F},
    ),
    "mean: not divided": (
        "mean_distance",
        but(MEAN, "k[:, None] / n - l / m", "k[:, None] - l"),
        {M, MA, D, F},
    ),
    "mean: signed": (
        "mean_distance",
        but(MEAN, "np.abs(k[:, None] / n - l / m)", "k[:, None] / n - l / m"),
        {M, MA, D, F},
    ),
    "mean: squared": (
        "mean_distance",
        but(MEAN, "np.abs(k[:, None] / n - l / m)", "(k[:, None] / n - l / m) ** 2"),
        {M, MA, D, F},
    ),
    "mean: sizes exchanged": (
        "mean_distance",
        but(MEAN, "k[:, None] / n - l / m", "k[:, None] / m - l / n"),
        {M, MA, D},
    ),
    "mean: one share for both": (
        "mean_distance",
        but(MEAN, "binom.pmf(l, m, b)", "binom.pmf(l, m, a)"),
        {M, MA, D},
    ),
    "mean: no binomial coefficients": (
        "mean_distance",
        but(MEAN_COMB, "math.comb(n, k) * ", "", "math.comb(m, k) * ", ""),
        {M, MA, D, F},
    ),
    "mean: 1500 is too much": ("mean_distance", MEAN_COMB, {MA}),
    "mean: logarithm of zero": ("mean_distance", MEAN_LOGS, {MA, F}),
    "mean: normal": (
        "mean_distance",
        "def mean_distance(a, b, n, m):\n"
        "    var = a * (1 - a) / n + b * (1 - b) / m\n    s = math.sqrt(var) + 1e-12\n"
        "    z = (a - b) / s\n"
        "    return s * math.sqrt(2 / math.pi) * math.exp(-z * z / 2)"
        " + abs(a - b) * math.erf(abs(z) / math.sqrt(2))",
        {M, MA, D, F},
    ),
    "match: the true share": (
        "best_match",
        "def best_match(a, n, m):\n    return a",
        {D},
    ),
    "match: the mode": (
        "best_match",
        "def best_match(a, n, m):\n    return float(a > 0.5)",
        {D},
    ),
    "match: the median of K/n": (
        "best_match",
        "def best_match(a, n, m):\n    from scipy.stats import binom\n"
        "    return binom.median(n, a) / n",
        {D},
    ),
    "match: a coarse lattice": (
        "best_match",
        but(MATCH_LATTICE, "501", "6"),
        {D},
    ),
    "match: the dearest": (
        "best_match",
        but(MATCH_LATTICE, "np.argmin", "np.argmax"),
        {D},
    ),
    "match: between 0.2 and 0.8": (
        "best_match",
        but(MATCH, "low, high = 0.0, 1.0", "low, high = 0.2, 0.8"),
        {D},
    ),
    "match: sizes exchanged": (
        "best_match",
        but(
            MATCH,
            "mean_distance(a, one, n, m) <",
            "mean_distance(a, one, m, n) <",
            "mean_distance(a, two, n, m)",
            "mean_distance(a, two, m, n)",
        ),
        {D},
    ),
    "match: the value": (
        "best_match",
        but(MATCH, "return (low + high) / 2", "return mean_distance(a, low, n, m)"),
        {D},
    ),
    "energy: a point and itself": (
        "energy",
        but(ENERGY, "(len(t) - same)", "len(t)"),
        {E, EA},
    ),
    "energy: no two": (
        "energy",
        but(ENERGY, "2 * mean(x, y, 0)", "mean(x, y, 0)"),
        {E, EA},
    ),
    "energy: halves": (
        "energy",
        but(
            ENERGY,
            "2 * mean(x, y, 0) - mean(x, x, 1) - mean(y, y, 1)",
            "mean(x, y, 0) - (mean(x, x, 1) + mean(y, y, 1)) / 2",
        ),
        {E, EA},
    ),
    "energy: not below zero": (
        "energy",
        but(
            ENERGY, "return 2 *", "return F.relu(2 *", "mean(y, y, 1)", "mean(y, y, 1))"
        ),
        {E, EA},
    ),
    "energy: the root": (
        "energy",
        but(
            ENERGY,
            "return 2 *",
            "return torch.sqrt(1e-12 + F.relu(2 *",
            "mean(y, y, 1)",
            "mean(y, y, 1)))",
        ),
        {E, EA},
    ),
    "energy: squared distances": (
        "energy",
        but(
            ENERGY_PAIRS,
            "(z[i] - z[j], dim=1).mean()",
            "(z[i] - z[j], dim=1).square().mean()",
            "(x[:, None] - y[None], dim=-1).mean()",
            "(x[:, None] - y[None], dim=-1).square().mean()",
        ),
        {E, EA},
    ),
    "energy: neighbours only": (
        "energy",
        but(
            ENERGY_PAIRS,
            "i, j = torch.triu_indices(len(z), len(z), 1)",
            "i, j = torch.arange(len(z) - 1), torch.arange(1, len(z))",
        ),
        {EA},
    ),
    "energy: gradients are no numbers": (
        "energy",
        but(
            ENERGY_PAIRS,
            "torch.linalg.vector_norm(x[:, None] - y[None], dim=-1)",
            "(x[:, None] - y[None]).square().sum(-1).sqrt()",
        ),
        {E, EA},
    ),
    "energy: a constant under the root": (
        "energy",
        but(
            ENERGY_PAIRS,
            "torch.linalg.vector_norm(x[:, None] - y[None], dim=-1)",
            "((x[:, None] - y[None]).square().sum(-1) + 1e-4).sqrt()",
        ),
        {E, EA},
    ),
    "energy: no gradients": (
        "energy",
        but(ENERGY, "return 2 *", "x, y = x.detach(), y.detach()\n    return 2 *"),
        {E, EA},
    ),
    "energy: the distance of the samples": (
        "energy",
        "def energy(x, y):\n    return 0 * y.sum() + matched(x.detach(), y.detach())",
        {E, EA},
    ),
    "floor: over F": (
        "line_floor",
        but(FLOOR, "float(t[i + 1] - t[i])", "float(F[i + 1] - F[i])"),
        {F},
    ),
    "floor: even spacing": (
        "line_floor",
        but(FLOOR, "float(t[i + 1] - t[i])", "float(t[-1] - t[0]) / (len(t) - 1)"),
        {F},
    ),
    "floor: sum without spacing": (
        "line_floor",
        but(FLOOR, " * float(t[i + 1] - t[i])", ""),
        {F},
    ),
    "floor: one sample only": (
        "line_floor",
        but(
            FLOOR,
            "mean_distance(here, here, n, n)",
            "mean_distance(here, here, n, 3000)",
        ),
        {F},
    ),
    "floor: single points": (
        "line_floor",
        but(
            FLOOR, "mean_distance(here, here, n, n)", "mean_distance(here, here, 1, 1)"
        ),
        {F},
    ),
    "floor: standard deviation": (
        "line_floor",
        but(
            FLOOR,
            "float(mean_distance(here, here, n, n))",
            "(2 * here * (1 - here) / n) ** 0.5",
        ),
        {F},
    ),
    "floor: rate from one point": (
        "line_floor",
        but(
            FLOOR,
            "mean_distance(here, here, n, n)",
            "mean_distance(here, here, 1, 1) / n**0.5",
        ),
        {F},
    ),
}

RIGHT = {
    "line: numpy": ("line_cost", LINE),
    "line: two pointers": ("line_cost", LINE_POINTERS),
    "line: single precision of the result": (
        "line_cost",
        but(LINE, ".sum()", ".sum(dtype=np.float64).astype(float).item()"),
    ),
    "plan: a loop, numpy": ("best_plan", PLAN),
    "plan: from the dual": ("best_plan", PLAN_DUAL),
    "plan: interior point, cleaned": (
        "best_plan",
        but(PLAN, 'method="highs-ds"', 'method="highs-ipm"'),
    ),
    "costs: by hand": ("cost_verdict", eight()),
    "sure: both signs": ("certified", SURE),
    "sure: a linear program": ("certified", SURE_PROGRAM),
    "sure: a loop": ("certified", SURE_LOOP),
    "sure: cdist": (
        "certified",
        but(
            SURE,
            "(x[:, None] - y).square().sum(2).sqrt()",
            'torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")',
        ),
    ),
    "mend: numpy": ("improved", MEND),
    "mend: from the real points": ("improved", MEND_REAL),
    "mend: the best critic": ("improved", MEND_PROGRAM),
    "mend: shifted": (
        "improved",
        but(MEND, "return (base + away).min(1)", "return (base + away).min(1) - 7.0"),
    ),
    "claims: by hand": ("claim_verdict", claims()),
    "claims: ones and zeros": (
        "claim_verdict",
        claims(ada=1, bo=0, cai=0, dov=1, eva=1, fay=0, gus=1, hal=0),
    ),
    "still: by hand": ("stationary", STILL),
    "still: along the line, lists": ("stationary", STILL_RADIAL),
    "best: by cases": ("best_linear", BEST),
    "best: lists": ("best_linear", BEST_LIST),
    "hand: a loop": ("penalty", HAND),
    "hand: numpy, a tuple": ("penalty", HAND_NUMPY),
    "norm: autograd": ("operator_norm", NORM),
    "norm: Lanczos": ("operator_norm", NORM_LANCZOS),
    "norm: three vectors": ("operator_norm", NORM_SQUARE),
    "norm: 100 steps": ("operator_norm", but(NORM, "range(200)", "range(100)")),
    "worst: on the diagonal": ("worst_kernel", WORST),
    "worst: one pair of channels, numpy": ("worst_kernel", WORST_ONE),
    "ceiling: a loop": ("clip_ceiling", CEILING),
    "ceiling: a network": ("clip_ceiling", CEILING_NETWORK),
    "ten: by hand": ("turn_verdict", ten()),
    "mean: scipy": ("mean_distance", MEAN),
    "mean: image by image": ("mean_distance", MEAN_AREA),
    "mean: torch": ("mean_distance", MEAN_TORCH),
    "match: thirds": ("best_match", MATCH),
    "match: a lattice": ("best_match", MATCH_LATTICE),
    "energy: cdist": ("energy", ENERGY),
    "energy: pairs": ("energy", ENERGY_PAIRS),
    "energy: pdist": ("energy", ENERGY_PDIST),
    "floor: middles": ("line_floor", FLOOR),
    "floor: scipy": ("line_floor", FLOOR_BINOMIAL),
}
