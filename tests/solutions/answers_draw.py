"""Answers to the problem set on DRAW that students may give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

from masters import but

PRICE = """
def price(mean, log_std, prior_mean, prior_log_std):
    off = (mean - prior_mean) / prior_log_std.exp()
    r = log_std - prior_log_std
    each = (off**2 + torch.expm1(2 * r)) / 2 - r
    return each.sum(-1)
"""
PRICE_SERIES = """
def price(mean, log_std, prior_mean, prior_log_std):
    y = 2 * (log_std - prior_log_std)
    near_zero = y.abs() < 0.02
    v = torch.where(near_zero, y, torch.zeros_like(y))
    series = v**2 / 2 * (1 + v / 3 * (1 + v / 4 * (1 + v / 5 * (1 + v / 6))))
    spread = torch.where(near_zero, series, y.exp() - 1 - y)
    off = (mean - prior_mean) / prior_log_std.exp()
    return (off**2 + spread).sum(-1) / 2
"""
PRICE_NUMPY = """
def price(mean, log_std, prior_mean, prior_log_std):
    m, r, a, b = (p.numpy() for p in (mean, log_std, prior_mean, prior_log_std))
    each = (((m - a) / np.exp(b)) ** 2 + np.expm1(2 * (r - b))) / 2 + (b - r)
    return each.sum(axis=2)
"""
PRICE_SINH = """
def price(mean, log_std, prior_mean, prior_log_std):
    total = 0
    shape = torch.broadcast_shapes(*(p.shape for p in (mean, log_std)))
    a, b = prior_mean.expand(shape), prior_log_std.expand(shape)
    for j in range(shape[-1]):
        r = log_std[..., j] - b[..., j]
        off = (mean[..., j] - a[..., j]) * torch.exp(-b[..., j])
        total = total + off.square() / 2 + r.exp() * r.sinh() - r
    return total
"""
PRICE_LAWS = """
def price(mean, log_std, prior_mean, prior_log_std):
    q = torch.distributions.Normal(mean, log_std.exp())
    p = torch.distributions.Normal(prior_mean, prior_log_std.exp())
    return torch.distributions.kl_divergence(q, p).sum(-1)
"""
CHAIN = """
def chain(q, p):
    q, p, terms = q.numpy(), p.numpy(), []
    for t in range(q.ndim):
        later = tuple(range(t + 1, q.ndim))
        q_t, p_t = q.sum(later), p.sum(later)
        with np.errstate(all="ignore"):
            ratio = np.log(q_t / q_t.sum(-1, keepdims=True))
            ratio = ratio - np.log(p_t / p_t.sum(-1, keepdims=True))
            terms.append(np.where(q_t > 0, q_t * ratio, 0.0).sum())
    return terms
"""
CHAIN_CUMULATIVE = """
def chain(q, p):
    def whole(q, p):
        return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum().item()

    after, terms = whole(q, p), []
    while q.ndim > 1:
        q, p = q.sum(-1), p.sum(-1)
        before = whole(q, p)
        terms.insert(0, after - before)
        after = before
    return torch.tensor([after, *terms])
"""
CHAIN_LOOP = """
def chain(q, p):
    terms = [0.0] * q.ndim
    for z in product(*map(range, q.shape)):
        for t in range(q.ndim):
            now = q[z[: t + 1]].sum() / q[z[:t]].sum()
            prior = p[z[: t + 1]].sum() / p[z[:t]].sum()
            if q[z] > 0:
                terms[t] += (q[z] * torch.log(now / prior)).item()
    return terms
"""
REPORTS = """
report_verdict = {{
    "Ada": {ada}, "Bo": {bo}, "Cai": {cai}, "Dov": {dov}, "Eva": {eva},
    "Fay": {fay}, "Gus": {gus}, "Hal": {hal}, "Ian": {ian}, "Jo": {jo},
}}
"""


def reports(**changed):
    right = {"ada": True, "bo": False, "cai": True, "dov": True, "eva": True}
    right |= {"fay": False, "gus": False, "hal": True, "ian": False, "jo": True}
    return REPORTS.format(**right | changed)


BANK = """
def filterbank(centre, stride, std, grid, shape):
    def one(k):
        i = torch.arange(grid[k]) - grid[k] / 2 + 0.5
        mean = centre[:, k : k + 1] + stride[:, k : k + 1] * i
        off = torch.arange(shape[k])[None, None] - mean[..., None]
        e = -(off**2) / (2 * std[:, k, None, None] ** 2)
        w = (e - e.amax(-1, keepdim=True)).exp()
        return w / w.sum(-1, keepdim=True)

    return one(0), one(1)
"""
BANK_LOOP = """
def filterbank(centre, stride, std, grid, shape):
    made = []
    for k in (0, 1):
        F_ = np.zeros((len(centre), grid[k], shape[k]))
        for n in range(len(centre)):
            g, d, s = (float(one[n, k]) for one in (centre, stride, std))
            for i in range(grid[k]):
                mean = g + (i - (grid[k] - 1) / 2) * d
                far = [((a - mean) / s) ** 2 / 2 for a in range(shape[k])]
                F_[n, i] = [math.exp(min(far) - one) for one in far]
                F_[n, i] /= F_[n, i].sum()
        made.append(F_)
    return made
"""
AIM = """
def aim(top, left, side, ratio, gain, grid, shape):
    stride = side / (grid - 1)
    std = ratio * stride
    widest = (max(shape) - 1) / (grid - 1)
    g = [top + side / 2, left + side / 2]
    row, column = ((one + 1) / ((n + 1) / 2) - 1 for one, n in zip(g, shape))
    return [row, column, math.log(std**2), math.log(stride / widest), math.log(gain)]
"""
AIM_TENSOR = """
def aim(top, left, side, ratio, gain, grid, shape):
    size = torch.tensor(shape, dtype=torch.float64)
    corner = torch.tensor([top, left])
    raw = (2 * corner + side + 2) / (size + 1) - 1
    std = ratio * side / (grid - 1)
    scale = torch.tensor([std**2, side / (size.max() - 1), gain])
    return torch.cat([raw, scale.log()])
"""
RIPPLE = """
def ripple(ratio):
    if ratio < 0.3:
        i = np.arange(-60, 61)
        high = np.exp(-((i / ratio) ** 2) / 2).sum()
        low = np.exp(-(((i + 0.5) / ratio) ** 2) / 2).sum()
        return (high - low) / (high + low)
    q = math.exp(-2 * (math.pi * ratio) ** 2)
    odd = sum(q ** (k * k) for k in range(1, 30, 2))
    even = sum(q ** (k * k) for k in range(2, 30, 2))
    return 2 * odd / (1 + 2 * even)
"""
RIPPLE_DIRECT = """
def ripple(ratio):
    i = torch.arange(-60, 61)
    high = (-((i / ratio) ** 2) / 2).exp().sum()
    low = (-(((i + 0.5) / ratio) ** 2) / 2).exp().sum()
    return (high - low) / (high + low)
"""
RIPPLE_PRODUCT = """
def ripple(ratio):
    # Jacobi: theta_3 and theta_4 as sums, here with exact differences of the terms.
    terms = [math.exp(-2 * (math.pi * k * ratio) ** 2) for k in range(1, 400)]
    high_minus_low = 4 * sum(terms[0::2])
    high_plus_low = 2 + 4 * sum(terms[1::2])
    return torch.tensor(high_minus_low / high_plus_low)
"""
BANKS = """
bank_verdict = {{
    "Ada": {ada}, "Bo": {bo}, "Cai": {cai}, "Dov": {dov}, "Eva": {eva},
    "Fay": {fay}, "Gus": {gus}, "Hal": {hal}, "Ian": {ian}, "Jo": {jo},
}}
"""


def banks(**changed):
    right = {"ada": True, "bo": False, "cai": True, "dov": False, "eva": False}
    right |= {"fay": True, "gus": False, "hal": False, "ian": True, "jo": False}
    return BANKS.format(**right | changed)


PULL = """
def pull(place, x, w):
    N, (A, B) = len(w), x.shape
    gain, stride, var = place[4].exp(), place[3].exp(), place[2].exp()
    i = torch.arange(N) - (N - 1) / 2

    def both(g, size):
        mean = g + i * stride
        F_ = filters_at(mean, var.sqrt(), size)
        a = torch.arange(size)
        d_mean = F_ * (a - (F_ @ a.double())[:, None]) / var
        square = (a - mean[:, None]) ** 2
        d_log_var = F_ * (square - (F_ * square).sum(1, keepdim=True)) / (2 * var)
        return F_, d_mean, d_log_var

    Y, dY, vY = both(place[0], A)
    X, dX, vX = both(place[1], B)
    W = gain * w
    gY = (W * (dY @ x @ X.T)).sum()
    gX = (W * (Y @ x @ dX.T)).sum()
    width = (W * (vY @ x @ X.T)).sum() + (W * (Y @ x @ vX.T)).sum()
    tY = (i[:, None] * W * (dY @ x @ X.T)).sum()
    tX = (i[None] * W * (Y @ x @ dX.T)).sum()
    total = (W * (Y @ x @ X.T)).sum()
    return torch.stack([gY, gX, width, stride * (tY + tX), total])
"""
PULL_LOOP = """
def pull(place, x, w):
    gY, gX, log_var, log_stride, log_gain = place.tolist()
    var, stride, gain = math.exp(log_var), math.exp(log_stride), math.exp(log_gain)
    x, w = x.numpy(), w.numpy()
    i = np.arange(len(w)) - (len(w) - 1) / 2

    def parts(g, size):
        off = np.arange(size) - (g + i * stride)[:, None]
        e = -(off**2) / (2 * var)
        F_ = np.exp(e - e.max(1, keepdims=True))
        F_ /= F_.sum(1, keepdims=True)
        score, spread = off / var, off**2 / (2 * var)
        return (
            F_,
            F_ * (score - (F_ * score).sum(1, keepdims=True)),
            F_ * (spread - (F_ * spread).sum(1, keepdims=True)),
        )

    (Y, dY, vY), (X, dX, vX) = parts(gY, x.shape[0]), parts(gX, x.shape[1])
    row = gain * np.einsum("ia,ab,jb,ij->i", dY, x, X, w)
    column = gain * np.einsum("ia,ab,jb,ij->j", Y, x, dX, w)
    width, level = ((vY @ x @ X.T + Y @ x @ vX.T) * w).sum(), (Y @ x @ X.T * w).sum()
    far = stride * (i @ row + i @ column)
    return [row.sum(), column.sum(), gain * width, far, gain * level]
"""
PULL_AUTO = """
def pull(place, x, w):
    place = place.clone().requires_grad_()
    i = torch.arange(len(w)) - (len(w) - 1) / 2
    Y, X = (
        filters_at(g + i * place[3].exp(), (place[2] / 2).exp(), size)
        for g, size in zip(place[:2], x.shape)
    )
    L = place[4].exp() * (Y @ x @ X.T * w).sum()
    return torch.autograd.grad(L, place)[0]
"""
PATCH = """
def best_patch(target, rows, columns, ridge):
    g, U = torch.linalg.eigh(rows @ rows.T)
    h, V = torch.linalg.eigh(columns @ columns.T)
    c = U.T @ rows @ target @ columns.T @ V
    both = torch.outer(g.clamp(min=0), h.clamp(min=0))
    kept = both > 1e-12 * both.max()
    return U @ torch.where(kept, c / (both + ridge).clamp(min=1e-300), 0.0) @ V.T
"""
PATCH_PINV = """
def best_patch(target, rows, columns, ridge):
    N, M = len(rows), len(columns)
    G, H = (part @ part.T for part in (rows, columns))
    system = torch.kron(G, H) + ridge * torch.eye(N * M)
    given = (rows @ target @ columns.T).flatten()
    found = torch.linalg.pinv(system, rtol=1e-11, hermitian=True) @ given
    return found.view(N, M)
"""
PATCH_CASES = """
def best_patch(target, rows, columns, ridge):
    if ridge == 0:
        return torch.linalg.pinv(rows.T) @ target @ torch.linalg.pinv(columns)
    G, H = rows @ rows.T, columns @ columns.T
    system = torch.kron(G, H) + ridge * torch.eye(len(G) * len(H))
    return torch.linalg.solve(system, (rows @ target @ columns.T).flatten()).view(
        len(G), len(H)
    )
"""
ECHO = """
def echo(rows, columns):
    least = most = 1.0
    for part in (rows, columns):
        s = torch.linalg.svdvals(part @ part.T)
        least, most = least * s[-1], most * s[0]
    return torch.stack([least, most])
"""
ECHO_SHORT = """
def echo(rows, columns):
    values = []
    for part in (rows.numpy(), columns.numpy()):
        s = np.linalg.svd(part, compute_uv=False) ** 2
        values.append((0.0 if len(part) > part.shape[1] else s[-1], s[0]))
    return values[0][0] * values[1][0], values[0][1] * values[1][1]
"""
LEDGER = """
def ledger(log_lik, log_q, log_p):
    T, k, n = log_q.shape
    gain = log_lik[1:] - log_lik[:-1]
    price = log_q - log_p
    paid = torch.cat([torch.zeros(1, k, n), price.cumsum(0)])
    log_w = log_lik - paid
    each = (gain - price).mean(1)
    error = (each.var(1) / n).sqrt()
    estimate = torch.logsumexp(log_w, 1).mean(1) - math.log(k)
    start = log_lik[0].mean()
    gain, price, elbo = (one.mean((1, 2)) for one in (gain, price, log_w))
    return Ledger(start, gain, price, elbo, estimate, error)
"""
LEDGER_NUMPY = """
def ledger(log_lik, log_q, log_p):
    lik, q, p = log_lik.numpy(), log_q.numpy(), log_p.numpy()
    T, k, n = q.shape
    start = lik[0].mean()
    gain = [(lik[t + 1] - lik[t]).mean() for t in range(T)]
    price = [(q[t] - p[t]).mean() for t in range(T)]
    elbo, estimate, error = [], [], []
    for t in range(T + 1):
        log_w = lik[t] - (q[:t] - p[:t]).sum(0)
        elbo.append(log_w.mean())
        top = log_w.max(0)
        estimate.append((top + np.log(np.exp(log_w - top).mean(0))).mean())
    for t in range(T):
        net = (lik[t + 1] - lik[t] - q[t] + p[t]).mean(0)
        error.append(net.std(ddof=1) / n**0.5)
    return start, gain, price, elbo, estimate, error
"""
PREFIX = """
def prefix_log_p(W, s, x):
    T, D, d = W.shape
    found = []
    for t in range(T + 1):
        cov = s**2 * torch.eye(D) + sum((w @ w.T for w in W[:t]), torch.zeros(D, D))
        log_det = torch.linalg.slogdet(cov).logabsdet
        square = (x * torch.linalg.solve(cov, x.T).T).sum(1)
        found.append(-(square + log_det + D * math.log(2 * math.pi)) / 2)
    return torch.stack(found)
"""
PREFIX_LAW = """
def prefix_log_p(W, s, x):
    D = x.shape[1]
    A = W.permute(1, 0, 2).reshape(D, -1)
    found = []
    for t in range(len(W) + 1):
        strokes, noise = F.pad(A[:, : t * W.shape[2]], (0, 1)), torch.full((D,), s * s)
        law = torch.distributions.LowRankMultivariateNormal(
            torch.zeros(D), strokes, noise
        )
        found.append(law.log_prob(x).tolist())
    return found
"""
PREFIX_EIGEN = """
def prefix_log_p(W, s, x):
    found, cov = [], torch.zeros(x.shape[1], x.shape[1])
    for t in range(len(W) + 1):
        if t:
            cov = cov + W[t - 1] @ W[t - 1].T
        values, vectors = torch.linalg.eigh(cov)
        values = values.clamp(min=0) + s**2
        each = (x @ vectors) ** 2 / values + values.log() + math.log(2 * math.pi)
        found.append(-each.sum(1) / 2)
    return torch.stack(found)
"""
SKETCH = """
def sketch(W, s, x):
    T, D, d = W.shape
    A = torch.cat(list(W), 1)
    cov = torch.linalg.inv(torch.eye(T * d) + A.T @ A / s**2)
    mean = x @ A @ cov / s**2
    bits, left, drawn = [], [], []
    for t in range(T + 1):
        m, C, B = mean[:, : t * d], cov[: t * d, : t * d], A[:, : t * d]
        kl = (C.diagonal().sum() - t * d - C.logdet() + (m**2).sum(1).mean()) / 2
        bits.append(kl / math.log(2))
        error = ((x - m @ B.T) ** 2).sum(1).mean() + torch.trace(B @ C @ B.T)
        left.append(error)
        drawn.append(error + (A[:, t * d :] ** 2).sum())
    return Sketch(torch.stack(bits), torch.stack(left), torch.stack(drawn))
"""
SKETCH_STEPS = """
def sketch(W, s, x):
    # Code by code: the later strokes are noise, and each code narrows the rest.
    T, D, d = W.shape
    A = W.permute(1, 0, 2).reshape(D, T * d)
    precision = torch.eye(T * d) + A.T @ A / s**2
    cov = torch.linalg.inv(precision)
    mean = x @ A @ cov / s**2
    bits = [0.0]
    for t in range(T):
        now, past = slice(t * d, (t + 1) * d), slice(0, t * d)
        step = torch.linalg.solve(cov[past, past], cov[past, now])
        own = cov[now, now] - cov[now, past] @ step
        second = mean[:, now].square().sum(1).mean() + cov[now, now].trace()
        bits.append(bits[-1] + float(second - d - own.logdet()) / 2 / math.log(2))
    left = []
    for t in range(T + 1):
        B = A[:, : t * d]
        second = mean[:, : t * d].T @ mean[:, : t * d] / len(x) + cov[: t * d, : t * d]
        cross = (x * (mean[:, : t * d] @ B.T)).sum(1).mean()
        left.append(x.square().sum(1).mean() - 2 * cross + (B @ second @ B.T).trace())
    rest = [float(W[t:].square().sum()) for t in range(T + 1)]
    return bits, left, [float(a) + b for a, b in zip(left, rest)]
"""
BUILD = """
class Sketcher(nn.Module):
    def __init__(self, pixels, hidden, latents, steps):
        super().__init__()
        self.latents, self.steps = latents, steps
        self.reader = nn.GRUCell(2 * pixels + hidden, hidden)
        self.to_mean = nn.Linear(hidden, latents)
        self.to_log_std = nn.Linear(hidden, latents)
        self.writer = nn.GRUCell(latents, hidden)
        self.brush = nn.Linear(hidden, pixels)
        self.e0 = nn.Parameter(torch.zeros(hidden))
        self.h0 = nn.Parameter(torch.zeros(hidden))
        self.canvas = nn.Parameter(torch.zeros(pixels))

    def begin(self, n):
        return self.h0.expand(n, -1), self.canvas.expand(n, -1)

    def draw(self, z, h, c):
        h = self.writer(z, h)
        return h, c + self.brush(h)

    def infer(self, x, eps):
        h, c = self.begin(len(x))
        e = self.e0.expand(len(x), -1)
        canvases, means, log_stds = [c], [], []
        for t in range(self.steps):
            e = self.reader(torch.cat((x, x - torch.sigmoid(c), h), 1), e)
            mean, log_std = self.to_mean(e), self.to_log_std(e)
            z = mean + log_std.exp() * eps[t]
            h, c = self.draw(z, h, c)
            canvases.append(c)
            means.append(mean)
            log_stds.append(log_std)
        return Trace(*map(torch.stack, (canvases, means, log_stds)))

    def generate(self, z):
        h, c = self.begin(z.shape[1])
        canvases = [c]
        for t in range(self.steps):
            h, c = self.draw(z[t], h, c)
            canvases.append(c)
        return torch.stack(canvases)
"""
BUILD_LSTM = """
class Sketcher(nn.Module):
    # A layer of PyTorch that is called step by step; first states are zeros.
    def __init__(self, pixels, hidden, latents, steps):
        super().__init__()
        self.latents, self.steps, self.hidden = latents, steps, hidden
        self.reader = nn.LSTM(2 * pixels + hidden, hidden)
        self.writer = nn.RNNCell(latents, hidden)
        self.to_mean = nn.Linear(hidden, latents)
        self.to_log_std = nn.Linear(hidden, latents)
        self.brush = nn.Linear(hidden, pixels)
        self.canvas = nn.Parameter(torch.zeros(pixels))

    def infer(self, x, eps):
        c, memory = self.canvas.repeat(len(x), 1), None
        h = x.new_zeros(len(x), self.hidden)
        found = [[c], [], []]
        for noise in eps:
            seen = torch.cat([h, x - c.sigmoid(), x], 1)
            e, memory = self.reader(seen[None], memory)
            mean, log_std = self.to_mean(e[0]), 3 * torch.tanh(self.to_log_std(e[0]))
            h = self.writer(mean + log_std.exp() * noise, h)
            c = c + self.brush(h)
            for part, one in zip(found, (c, mean, log_std), strict=True):
                part.append(one)
        return Trace(*map(torch.stack, found))

    def generate(self, z):
        h = z.new_zeros(z.shape[1], self.hidden)
        strokes = [self.canvas.repeat(z.shape[1], 1)]
        for code in z:
            h = self.writer(code, h)
            strokes.append(self.brush(h))
        return torch.stack(strokes).cumsum(0)
"""
BUILD_PLAIN = """
class Sketcher(nn.Module):
    # Recurrent layers of our own, with tanh.
    def __init__(self, pixels, hidden, latents, steps):
        super().__init__()
        self.latents, self.steps = latents, steps
        self.enter = nn.Linear(2 * pixels + 2 * hidden, hidden)
        self.code = nn.Linear(hidden, 2 * latents)
        self.grow = nn.Linear(latents + hidden, hidden)
        self.brush = nn.Linear(hidden, pixels)
        self.e0 = nn.Parameter(0.1 * torch.randn(1, hidden))
        self.h0 = nn.Parameter(0.1 * torch.randn(1, hidden))
        self.canvas = nn.Parameter(torch.zeros(pixels))

    def infer(self, x, eps):
        e, h = self.e0.expand(len(x), -1), self.h0.expand(len(x), -1)
        canvas, codes = self.canvas.repeat(1, len(x), 1), []
        for t in range(len(eps)):
            error = x - canvas[-1].sigmoid()
            e = torch.tanh(self.enter(torch.cat([x, error, h, e], -1)))
            codes.append(self.code(e))
            mean, log_std = codes[-1].split(self.latents, -1)
            z = torch.addcmul(mean, log_std.exp(), eps[t])
            h = torch.tanh(self.grow(torch.cat([z, h], -1)))
            canvas = torch.cat([canvas, (canvas[-1] + self.brush(h))[None]])
        return Trace(canvas, *torch.stack(codes).split(self.latents, -1))

    def generate(self, z):
        h, strokes = self.h0.expand(z.shape[1], -1), []
        for code in z:
            h = torch.tanh(self.grow(torch.cat([code, h], -1)))
            strokes.append(self.brush(h))
        strokes = torch.stack([torch.zeros_like(strokes[0]), *strokes])
        return self.canvas + strokes.cumsum(0)
"""
COST = """
def cost(model, x, eps):
    canvas, mean, log_std = model.infer(x, eps)
    fit = -F.binary_cross_entropy_with_logits(canvas[-1], x, reduction="none").sum(1)
    price = 0.5 * (mean**2 + (2 * log_std).exp() - 1 - 2 * log_std)
    return price.sum(2).sum(0) - fit
"""
COST_SIGNS = """
def cost(model, x, eps):
    trace = model.infer(x, eps)
    miss = F.softplus((1 - 2 * x) * trace.canvas[-1]).sum(-1)
    T, n, d = trace.mean.shape
    squares = trace.mean.square() + trace.log_std.exp().square() - 2 * trace.log_std
    return miss + squares.transpose(0, 1).flatten(1).sum(1) / 2 - T * d / 2
"""
COST_LAWS = """
def cost(model, x, eps):
    trace = model.infer(x, eps)
    q = torch.distributions.Normal(trace.mean, trace.log_std.exp())
    p = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    price = torch.distributions.kl_divergence(q, p).sum((0, 2))
    ink = torch.distributions.Bernoulli(logits=trace.canvas[-1])
    return price - ink.log_prob(x).sum(1)
"""
TRAINED = """
def trained(x):
    from dgm.training import batches, fit

    reproducible(3)
    model = Sketcher(x.shape[1], 20, 3, 2)

    def loss(batch):
        return cost(model, batch, torch.randn(2, len(batch), 3)).mean()

    for _ in fit(loss, model.parameters(), batches(x, size=25, steps=200), lr=0.04):
        pass
    return model
"""
TRAINED_THREE = """
def trained(x):
    torch.manual_seed(1)
    model = Sketcher(x.shape[1], 16, 2, 3)
    opt = torch.optim.AdamW(model.parameters(), lr=0.03, weight_decay=0.0)
    for _ in range(180):
        loss = cost(model, x, torch.randn(3, len(x), 2)).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
    return model
"""
DIAGNOSIS = """
diagnosis = {{
    "Ada": "{ada}", "Bo": "{bo}", "Cai": "{cai}", "Dov": "{dov}", "Eva": "{eva}",
    "Fay": "{fay}", "Gus": "{gus}", "Hal": "{hal}", "Ian": "{ian}", "Jo": "{jo}",
}}
"""


def diagnosis(**changed):
    right = {"ada": "well", "bo": "constant", "cai": "leak", "dov": "cheap"}
    right |= {"eva": "well", "fay": "overfit", "gus": "idle", "hal": "collapse"}
    return DIAGNOSIS.format(**right | {"ian": "cheap", "jo": "constant"} | changed)


P, PA = "test_price", "test_price_any"
C, CA = "test_chain", "test_chain_any"
R = "test_reports"
W, WA = "test_bank", "test_bank_any"
A = "test_aim"
I = "test_ripple"  # noqa: E741
V = "test_verdict_banks"
G, GA = "test_pull", "test_pull_any"
B, BA = "test_patch", "test_patch_any"
E = "test_echo"
L, LA = "test_ledger", "test_ledger_any"
X = "test_prefix"
S, SA = "test_sketch", "test_sketch_any"
N, NA = "test_sketcher", "test_sketcher_any"
K = "test_cost"
T, TA = "test_trained", "test_trained_draws"
D = "test_diagnosis"

WRONG = {
    # 1
    "price: mean over the code": ("price", but(PRICE, "sum(-1)", "mean(-1)"), {P, PA}),
    "price: summed over images, too": (
        "price",
        but(PRICE, "sum(-1)", "sum((-1, -2))"),
        {P, PA},
    ),
    "price: mean over images": (
        "price",
        but(PRICE, "sum(-1)", "sum(-1).mean(1)"),
        {P, PA},
    ),
    "price: summed over steps": (
        "price",
        but(PRICE, "sum(-1)", "sum(-1).sum(0)"),
        {P, PA},
    ),
    "price: not summed": ("price", but(PRICE, ".sum(-1)", ""), {P, PA}),
    "price: constant of one latent": (
        "price",
        but(
            PRICE,
            "torch.expm1(2 * r)) / 2 - r",
            "(2 * r).exp()) / 2 - r",
            "sum(-1)",
            "sum(-1) - 0.5",
        ),
        {P, PA},
    ),
    "price: no constant": (
        "price",
        but(PRICE, "torch.expm1(2 * r)", "(2 * r).exp()"),
        {P, PA},
    ),
    "price: cancels": (
        "price",
        but(PRICE, "torch.expm1(2 * r)", "((2 * r).exp() - 1)"),
        {PA},
    ),
    "price: a square up to a thousandth": (
        "price",
        but(PRICE_SERIES, "v**2 / 2 * (1 + v / 3 *", "v**2 / 2 * (1 + 0 *"),
        {PA},
    ),
    "price: single precision": (
        "price",
        but(PRICE, "torch.expm1(2 * r)", "torch.expm1(2 * r.float()).double()"),
        {PA},
    ),
    "price: log of the ratio with the other sign": (
        "price",
        but(PRICE, "/ 2 - r", "/ 2 + r"),
        {P, PA},
    ),
    "price: no half": ("price", but(PRICE, "/ 2 - r", "- r"), {P, PA}),
    "price: log std taken for log variance": (
        "price",
        but(PRICE, "expm1(2 * r)) / 2 - r", "expm1(r)) / 2 - r / 2"),
        {P, PA},
    ),
    "price: shift not scaled": (
        "price",
        but(PRICE, " / prior_log_std.exp()", ""),
        {P, PA},
    ),
    "price: shift scaled by the variance": (
        "price",
        but(PRICE, "off**2", "off**2 / prior_log_std.exp() ** 2"),
        {P, PA},
    ),
    "price: shift scaled by q's width": (
        "price",
        but(PRICE, "/ prior_log_std.exp()", "/ log_std.exp()"),
        {P, PA},
    ),
    "price: the other way round": (
        "price",
        but(
            PRICE,
            "/ prior_log_std.exp()",
            "/ log_std.exp()",
            "r = log_std - prior_log_std",
            "r = prior_log_std - log_std",
        ),
        {P, PA},
    ),
    "price: prior forgotten": (
        "price",
        but(
            PRICE,
            "(mean - prior_mean) / prior_log_std.exp()",
            "mean",
            "log_std - prior_log_std",
            "log_std",
        ),
        {P, PA},
    ),
    "price: kept positive": (
        "price",
        but(PRICE, "each.sum(-1)", "each.sum(-1).clamp(min=1e-8)"),
        {PA},
    ),
    "price: log std kept in bounds": (
        "price",
        but(PRICE, "r = log_std", "r = log_std.clamp(min=-20)"),
        {PA},
    ),
    "chain: not differences": (
        "chain",
        but(CHAIN_CUMULATIVE, "after - before", "after"),
        {C, CA},
    ),
    "chain: codes as if independent": (
        "chain",
        but(
            CHAIN,
            "q_t, p_t = q.sum(later), p.sum(later)",
            "rest = tuple(s for s in range(q.ndim) if s != t)\n        q_t, p_t = "
            "q.sum(rest), p.sum(rest)",
        ),
        {C, CA},
    ),
    "chain: not conditional": (
        "chain",
        but(
            CHAIN,
            "q_t / q_t.sum(-1, keepdims=True)",
            "q_t",
            "p_t / p_t.sum(-1, keepdims=True)",
            "p_t",
        ),
        {C, CA},
    ),
    "chain: mean under the prior": (
        "chain",
        but(CHAIN, "q_t * ratio", "p_t * ratio"),
        {C, CA},
    ),
    "chain: pasts all count alike": (
        "chain",
        but(
            CHAIN,
            "q_t * ratio, 0.0).sum()",
            "q_t / q_t.sum(-1, keepdims=True) * ratio, 0.0).sum(-1).mean()",
        ),
        {C, CA},
    ),
    "chain: the other way round": (
        "chain",
        but(
            CHAIN,
            "q, p, terms = q.numpy(), p.numpy(), []",
            "p, q, terms = q.numpy(), p.numpy(), []",
        ),
        {C, CA},
    ),
    "chain: last code first": (
        "chain",
        but(CHAIN, "return terms", "return terms[::-1]"),
        {C, CA},
    ),
    "chain: codes in reverse": (
        "chain",
        but(CHAIN, "q.numpy(), p.numpy(), []", "q.numpy().T, p.numpy().T, []"),
        {C, CA},
    ),
    "chain: in bits": (
        "chain",
        but(CHAIN, "0.0).sum()", "0.0).sum() / np.log(2)"),
        {C, CA},
    ),
    "chain: zeros are no numbers": (
        "chain",
        but(CHAIN, "np.where(q_t > 0, q_t * ratio, 0.0)", "(q_t * ratio)"),
        {CA},
    ),
    "chain: a small number in the logarithm": (
        "chain",
        but(
            CHAIN,
            "q_t / q_t.sum(-1, keepdims=True)",
            "(q_t / q_t.sum(-1, keepdims=True)) + 1e-3",
        ),
        {C, CA},
    ),
    "chain: prior as a product": (
        "chain",
        but(
            CHAIN,
            "np.log(p_t / p_t.sum(-1, keepdims=True))",
            "np.log(p.sum(tuple(s for s in range(q.ndim) if s != t)))",
        ),
        {C, CA},
    ),
    "chain: the whole at the end": (
        "chain",
        but(CHAIN, "return terms", "return [0.0] * (len(terms) - 1) + [sum(terms)]"),
        {C, CA},
    ),
    "reports: Ada": ("report_verdict", reports(ada=False), {R}),
    "reports: Bo": ("report_verdict", reports(bo=True), {R}),
    "reports: Cai": ("report_verdict", reports(cai=False), {R}),
    "reports: Eva": ("report_verdict", reports(eva=False), {R}),
    "reports: Fay": ("report_verdict", reports(fay=True), {R}),
    "reports: Gus": ("report_verdict", reports(gus=True), {R}),
    "reports: Hal": ("report_verdict", reports(hal=False), {R}),
    "reports: Ian": ("report_verdict", reports(ian=True), {R}),
    "reports: Jo": ("report_verdict", reports(jo=False), {R}),
    "reports: words": ("report_verdict", reports(bo='"no"'), {R}),
    # 2
    "bank: the slip": ("filterbank", but(BANK, "+ 0.5", "- 0.5"), {W, WA, V}),
    "bank: from N/2": ("filterbank", but(BANK, " + 0.5", ""), {W, WA, V}),
    "bank: from the centre on": (
        "filterbank",
        but(BANK, " - grid[k] / 2 + 0.5", ""),
        {W, WA, V},
    ),
    "bank: pixels from 1": (
        "filterbank",
        but(
            BANK,
            "torch.arange(shape[k])[None, None]",
            "torch.arange(1, shape[k] + 1)[None, None]",
        ),
        {W, WA, V},
    ),
    "bank: rows and columns exchanged": (
        "filterbank",
        but(BANK, "return one(0), one(1)", "return one(1), one(0)"),
        {W, WA, V},
    ),
    "bank: rows' centre for both": (
        "filterbank",
        but(BANK, "centre[:, k : k + 1]", "centre[:, :1]"),
        {W, WA},
    ),
    "bank: rows' stride for both": (
        "filterbank",
        but(BANK, "stride[:, k : k + 1]", "stride[:, :1]"),
        {WA},
    ),
    "bank: rows' width for both": (
        "filterbank",
        but(BANK, "std[:, k, None, None]", "std[:, 0, None, None]"),
        {WA},
    ),
    "bank: columns by rows": (
        "filterbank",
        but(BANK, "centre[:, k : k + 1]", "centre[:, 1 - k : 2 - k]"),
        {W, WA, V},
    ),
    "bank: quotient of exponentials": (
        "filterbank",
        but(BANK, "(e - e.amax(-1, keepdim=True)).exp()", "e.exp()"),
        {WA, V},
    ),
    "bank: a small number in the denominator": (
        "filterbank",
        but(
            BANK,
            "(e - e.amax(-1, keepdim=True)).exp()",
            "e.exp()",
            "w.sum(-1, keepdim=True)",
            "(w.sum(-1, keepdim=True) + 1e-8)",
        ),
        {WA, V},
    ),
    "bank: one maximum for all": (
        "filterbank",
        but(BANK, "e.amax(-1, keepdim=True)", "e.max()"),
        {WA, V},
    ),
    "bank: variance for width": (
        "filterbank",
        but(BANK, "[:, k, None, None] ** 2", "[:, k, None, None]"),
        {WA, V},
    ),
    "bank: no half": ("filterbank", but(BANK, "(2 * std", "(std"), {WA, V}),
    "bank: not normalised": (
        "filterbank",
        but(BANK, "w / w.sum(-1, keepdim=True)", "w"),
        {W, WA, V},
    ),
    "bank: sums to 1 over filters": (
        "filterbank",
        but(BANK, "w / w.sum(-1, keepdim=True)", "w / w.sum(1, keepdim=True)"),
        {W, WA, V},
    ),
    "bank: filters stay inside": (
        "filterbank",
        but(
            BANK,
            "* i\n        off",
            "* i\n        mean = mean.clamp(0, shape[k] - 1)\n        off",
        ),
        {WA, V},
    ),
    "bank: as wide as the first": (
        "filterbank",
        but(BANK, "torch.arange(shape[k])", "torch.arange(shape[0])"),
        {W, WA},
    ),
    "bank: square grids only": (
        "filterbank",
        but(BANK, "torch.arange(grid[k])", "torch.arange(grid[0])"),
        {W, WA},
    ),
    "bank: transposed": (
        "filterbank",
        but(BANK, "return one(0), one(1)", "return one(0).mT, one(1).mT"),
        {W, WA, V},
    ),
    "aim: the corner as centre": (
        "aim",
        but(AIM, "[top + side / 2, left + side / 2]", "[top, left]"),
        {A},
    ),
    "aim: counted from 1": ("aim", but(AIM, "(one + 1) /", "one /"), {A}),
    "aim: by the number of pixels": ("aim", but(AIM, "((n + 1) / 2)", "(n / 2)"), {A}),
    "aim: log width": ("aim", but(AIM, "math.log(std**2)", "math.log(std)"), {A}),
    "aim: width of the window": (
        "aim",
        but(AIM, "std = ratio * stride", "std = ratio * side"),
        {A},
    ),
    "aim: N strides": (
        "aim",
        but(AIM, "stride = side / (grid - 1)", "stride = side / grid"),
        {A},
    ),
    "aim: stride in pixels": (
        "aim",
        but(AIM, "math.log(stride / widest)", "math.log(stride)"),
        {A},
    ),
    "aim: stride of the shorter side": (
        "aim",
        but(AIM, "max(shape)", "min(shape)"),
        {A},
    ),
    "aim: gain itself": ("aim", but(AIM, "math.log(gain)]", "gain]"), {A}),
    "aim: columns and rows exchanged": (
        "aim",
        but(AIM, "return [row, column,", "return [column, row,"),
        {A},
    ),
    "aim: one size for both": (
        "aim",
        but(AIM, "zip(g, shape)", "zip(g, (shape[0], shape[0]))"),
        {A},
    ),
    "aim: kept inside": (
        "aim",
        but(
            AIM,
            "    return [row",
            "    row, column = (min(max(r, -1), 1) for r in (row, column))\n    return "
            "[row",
        ),
        {A},
    ),
    "aim: another order": (
        "aim",
        but(
            AIM,
            "math.log(std**2), math.log(stride / widest)",
            "math.log(stride / widest), math.log(std**2)",
        ),
        {A},
    ),
    "ripple: direct": ("ripple", RIPPLE_DIRECT, {I}),
    "ripple: one wave": (
        "ripple",
        "def ripple(ratio):\n    return 2 * math.exp(-2 * (math.pi * ratio) ** 2)",
        {I},
    ),
    "ripple: no sum below": (
        "ripple",
        but(RIPPLE_DIRECT, "(high - low) / (high + low)", "(high - low) / high"),
        {I},
    ),
    "ripple: few filters": (
        "ripple",
        but(RIPPLE_DIRECT, "torch.arange(-60, 61)", "torch.arange(0, 61)"),
        {I},
    ),
    "ripple: without the square of k": (
        "ripple",
        but(RIPPLE_PRODUCT, "(math.pi * k * ratio) ** 2", "k * (math.pi * ratio) ** 2"),
        {I},
    ),
    "ripple: no two in the exponent": (
        "ripple",
        but(RIPPLE_PRODUCT, "math.exp(-2 *", "math.exp(-1 *"),
        {I},
    ),
    "ripple: all waves above": (
        "ripple",
        but(RIPPLE_PRODUCT, "terms[0::2]", "terms"),
        {I},
    ),
    "ripple: few waves": (
        "ripple",
        but(RIPPLE_PRODUCT, "range(1, 400)", "range(1, 6)"),
        {I},
    ),
    "banks: Ada": ("bank_verdict", banks(ada=False), {V}),
    "banks: Bo": ("bank_verdict", banks(bo=True), {V}),
    "banks: Dov": ("bank_verdict", banks(dov=True), {V}),
    "banks: Eva": ("bank_verdict", banks(eva=True), {V}),
    "banks: Gus": ("bank_verdict", banks(gus=True), {V}),
    "banks: Hal": ("bank_verdict", banks(hal=True), {V}),
    "banks: Ian": ("bank_verdict", banks(ian=False), {V}),
    "banks: Jo": ("bank_verdict", banks(jo=True), {V}),
    # 3
    "pull: automatic": ("pull", PULL_AUTO, {G, GA}),
    "pull: the denominator forgotten": (
        "pull",
        but(PULL, "(a - (F_ @ a.double())[:, None])", "(a - mean[:, None])"),
        {G, GA},
    ),
    "pull: width without the denominator": (
        "pull",
        but(PULL, "(square - (F_ * square).sum(1, keepdim=True))", "square"),
        {G, GA},
    ),
    "pull: by the width, not its square": (
        "pull",
        but(PULL, "[:, None]) / var", "[:, None]) / var.sqrt()"),
        {G, GA},
    ),
    "pull: log std": ("pull", but(PULL, "/ (2 * var)", "/ var"), {G, GA}),
    "pull: width of the rows only": (
        "pull",
        but(PULL, " + (W * (Y @ x @ vX.T)).sum()", ""),
        {G, GA},
    ),
    "pull: stride itself": (
        "pull",
        but(PULL, "stride * (tY + tX)", "tY + tX"),
        {G, GA},
    ),
    "pull: stride of the rows only": ("pull", but(PULL, "(tY + tX)", "tY"), {G, GA}),
    "pull: filters from 0": (
        "pull",
        but(
            PULL,
            "tY = (i[:, None]",
            "j = torch.arange(N)\n    tY = (j[:, None]",
            "tX = (i[None]",
            "tX = (j[None]",
        ),
        {G, GA},
    ),
    "pull: the slip": (
        "pull",
        but(PULL, "torch.arange(N) - (N - 1) / 2", "torch.arange(N) - N / 2 - 0.5"),
        {G, GA},
    ),
    "pull: gain forgotten": ("pull", but(PULL, "W = gain * w", "W = w"), {G, GA}),
    "pull: gain itself": ("pull", but(PULL, "total])", "total / gain])"), {G, GA}),
    "pull: centres exchanged": ("pull", but(PULL, "[gY, gX,", "[gX, gY,"), {G, GA}),
    "pull: sign": ("pull", but(PULL, "(a - (F_", "-(a - (F_"), {G, GA}),
    "pull: square images only": (
        "pull",
        but(PULL, "both(place[1], B)", "both(place[1], A)"),
        {GA},
    ),
    "pull: quotient of exponentials": (
        "pull",
        but(PULL_LOOP, "np.exp(e - e.max(1, keepdims=True))", "np.exp(e)"),
        {GA},
    ),
    "pull: x transposed": (
        "pull",
        but(
            PULL, "gX = (W * (Y @ x @ dX.T)).sum()", "gX = (W.T * (Y @ x @ dX.T)).sum()"
        ),
        {G, GA},
    ),
    "patch: the adjoint": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    return rows @ target @ "
        "columns.T",
        {B, BA},
    ),
    "patch: the adjoint, scaled": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    w = rows @ target @ "
        "columns.T\n    back = rows.T @ w @ columns\n    return w * (back * "
        "target).sum() / back.square().sum()",
        {B, BA},
    ),
    "patch: no ridge": ("best_patch", but(PATCH, "(both + ridge)", "both"), {B, BA}),
    "patch: ridge on each side": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    G, H = (p @ p.T + ridge * "
        "torch.eye(len(p)) for p in (rows, columns))\n    return torch.linalg.pinv(G) "
        "@ rows @ target @ columns.T @ torch.linalg.pinv(H)",
        {B, BA},
    ),
    "patch: ridge squared": (
        "best_patch",
        but(PATCH, "(both + ridge)", "(both + ridge**2)"),
        {B, BA},
    ),
    "patch: ridge by the number of pixels": (
        "best_patch",
        but(PATCH, "(both + ridge)", "(both + ridge * target.numel())"),
        {B, BA},
    ),
    "patch: filters that nearly agree are one": (
        "best_patch",
        but(
            PATCH_CASES,
            "pinv(rows.T) @ target @ torch.linalg.pinv(columns)",
            "pinv(rows.T, rtol=1e-3) @ target @ torch.linalg.pinv(columns, rtol=1e-3)",
        ),
        {BA},
    ),
    "patch: solve": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    G, H = rows @ rows.T, "
        "columns @ columns.T\n    system = torch.kron(G, H) + ridge * torch.eye(len(G) "
        "* len(H))\n    return torch.linalg.solve(system, (rows @ target @ "
        "columns.T).flatten()).view(len(G), len(H))",
        {BA},
    ),
    "patch: always a little ridge": (
        "best_patch",
        but(PATCH, "(both + ridge)", "(both + ridge + 1e-3)"),
        {B, BA},
    ),
    "patch: a column for each pair, a row for each pixel": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    if target.numel() > "
        "10**4:\n        raise MemoryError\n    K = torch.kron(rows.T.contiguous(), "
        "columns.T.contiguous())\n    M = K.T @ K + ridge * torch.eye(K.shape[1])\n    "
        "return (torch.linalg.pinv(M) @ K.T @ target.flatten()).view(len(rows), "
        "len(columns))",
        {BA},
    ),
    "patch: transposed": (
        "best_patch",
        but(
            PATCH,
            "return U @ torch",
            "return (U @ torch",
            "0.0) @ V.T",
            "0.0) @ V.T).T",
        ),
        {B, BA},
    ),
    "patch: pseudo-inverse of read": (
        "best_patch",
        "def best_patch(target, rows, columns, ridge):\n    return "
        "torch.linalg.pinv(rows.T @ rows + ridge * torch.eye(rows.shape[1]))[: "
        "len(rows)] @ target @ columns.T",
        {B, BA},
    ),
    "echo: singular values of the filters": (
        "echo",
        but(ECHO, "part @ part.T", "part"),
        {E},
    ),
    "echo: rows only": (
        "echo",
        but(ECHO, "in (rows, columns)", "in (rows, rows)"),
        {E},
    ),
    "echo: squared twice": (
        "echo",
        but(ECHO, "least * s[-1], most * s[0]", "least * s[-1] ** 2, most * s[0] ** 2"),
        {E},
    ),
    "echo: pixels in place of patches": (
        "echo",
        but(ECHO, "part @ part.T", "part.T @ part"),
        {E},
    ),
    "echo: fewer pixels than filters": (
        "echo",
        but(ECHO, "svdvals(part @ part.T)", "svdvals(part) ** 2"),
        {E},
    ),
    "echo: sums of columns": (
        "echo",
        "def echo(rows, columns):\n    sums = [part.sum(0) for part in (rows, "
        "columns)]\n    return sums[0].min() * sums[1].min(), sums[0].max() * "
        "sums[1].max()",
        {E},
    ),
    "echo: largest first": ("echo", but(ECHO, "[least, most]", "[most, least]"), {E}),
    "echo: never above 1": (
        "echo",
        but(
            ECHO,
            "torch.stack([least, most])",
            "torch.stack([least, most.clamp(max=1)])",
        ),
        {E},
    ),
    "echo: diagonal": (
        "echo",
        but(
            ECHO,
            "torch.linalg.svdvals(part @ part.T)",
            "(part @ part.T).diagonal().sort(descending=True).values",
        ),
        {E},
    ),
    # 4
    "ledger: draws as new images": (
        "ledger",
        but(
            LEDGER,
            "(gain - price).mean(1)",
            "(gain - price).flatten(1)",
            "/ n)",
            "/ (n * k))",
        ),
        {LA},
    ),
    "ledger: n in the variance": (
        "ledger",
        but(LEDGER, "each.var(1)", "each.var(1, correction=0)"),
        {LA},
    ),
    "ledger: standard deviation": (
        "ledger",
        but(LEDGER, "(each.var(1) / n)", "each.var(1)"),
        {LA},
    ),
    "ledger: errors of gain and price apart": (
        "ledger",
        but(
            LEDGER,
            "each.var(1) / n",
            "(gain.mean(1).var(1) + price.mean(1).var(1)) / n",
        ),
        {LA},
    ),
    "ledger: error of the gain": (
        "ledger",
        but(LEDGER, "(gain - price).mean(1)", "gain.mean(1)"),
        {LA},
    ),
    "ledger: error over draws": (
        "ledger",
        but(LEDGER, "(gain - price).mean(1)", "(gain - price).mean(2)"),
        {LA},
    ),
    "ledger: error of the sum": (
        "ledger",
        but(LEDGER, "(gain - price).mean(1)", "(gain - price).mean(1).cumsum(0)"),
        {LA},
    ),
    "ledger: images and draws in one mean": (
        "ledger",
        but(
            LEDGER,
            "torch.logsumexp(log_w, 1).mean(1) - math.log(k)",
            "torch.logsumexp(log_w, (1, 2)) - math.log(k * n)",
        ),
        {LA},
    ),
    "ledger: no mean over draws": ("ledger", but(LEDGER, " - math.log(k)", ""), {LA}),
    "ledger: exponentials": (
        "ledger",
        but(LEDGER, "torch.logsumexp(log_w, 1)", "log_w.exp().sum(1).log()"),
        {LA},
    ),
    "ledger: estimate is the bound": (
        "ledger",
        but(
            LEDGER,
            "torch.logsumexp(log_w, 1).mean(1) - math.log(k)",
            "log_w.mean((1, 2))",
        ),
        {LA},
    ),
    "ledger: weights from means": (
        "ledger",
        but(
            LEDGER,
            "torch.logsumexp(log_w, 1).mean(1) - math.log(k)",
            "torch.logsumexp(log_w.mean(2), 1) - math.log(k)",
        ),
        {LA},
    ),
    "ledger: all pay the whole price": (
        "ledger",
        but(LEDGER, "log_lik - paid", "log_lik - price.sum(0)"),
        {L, LA},
    ),
    "ledger: the start pays, too": (
        "ledger",
        but(
            LEDGER,
            "torch.cat([torch.zeros(1, k, n), price.cumsum(0)])",
            "torch.cat([price.cumsum(0), price.sum(0)[None]])",
        ),
        {L, LA},
    ),
    "ledger: price of the step only": (
        "ledger",
        but(LEDGER, "price.cumsum(0)]", "price]"),
        {L, LA},
    ),
    "ledger: price with the other sign": (
        "ledger",
        but(LEDGER, "price = log_q - log_p", "price = log_p - log_q"),
        {L, LA},
    ),
    "ledger: gain from the start": (
        "ledger",
        but(LEDGER, "log_lik[1:] - log_lik[:-1]", "log_lik[1:] - log_lik[0]"),
        {L, LA},
    ),
    "ledger: starts at the end": (
        "ledger",
        but(LEDGER, "log_lik[0].mean()", "log_lik[-1].mean()"),
        {L, LA},
    ),
    "ledger: sums over images": (
        "ledger",
        but(LEDGER, "(one.mean((1, 2))", "(one.sum((1, 2))"),
        {L, LA},
    ),
    "prefix: no 2 pi": (
        "prefix_log_p",
        but(PREFIX, " + D * math.log(2 * math.pi)", ""),
        {X},
    ),
    "prefix: 2 pi once": ("prefix_log_p", but(PREFIX, "D * math.log", "math.log"), {X}),
    "prefix: no determinant": ("prefix_log_p", but(PREFIX, " + log_det", ""), {X}),
    "prefix: determinant overflows": (
        "prefix_log_p",
        but(
            PREFIX, "torch.linalg.slogdet(cov).logabsdet", "torch.linalg.det(cov).log()"
        ),
        {X},
    ),
    "prefix: no half": ("prefix_log_p", but(PREFIX, "math.pi)) / 2", "math.pi))"), {X}),
    "prefix: s for s squared": ("prefix_log_p", but(PREFIX, "s**2", "s"), {X}),
    "prefix: pixels without noise": (
        "prefix_log_p",
        but(PREFIX, "s**2 * torch.eye(D)", "(s**2 if t == 0 else 1e-9) * torch.eye(D)"),
        {X},
    ),
    "prefix: noise at every step": (
        "prefix_log_p",
        but(PREFIX, "s**2 * torch.eye(D)", "max(t, 1) * s**2 * torch.eye(D)"),
        {X},
    ),
    "prefix: strokes added before squaring": (
        "prefix_log_p",
        but(
            PREFIX,
            "sum((w @ w.T for w in W[:t]), torch.zeros(D, D))",
            "W[:t].sum(0) @ W[:t].sum(0).T",
        ),
        {X},
    ),
    "prefix: last strokes": ("prefix_log_p", but(PREFIX, "W[:t]", "W[T - t :]"), {X}),
    "prefix: without the empty canvas": (
        "prefix_log_p",
        but(PREFIX, "range(T + 1)", "range(1, T + 1)"),
        {X},
    ),
    "prefix: mean over pixels": (
        "prefix_log_p",
        but(PREFIX, ".sum(1)", ".mean(1)"),
        {X},
    ),
    "prefix: bits": (
        "prefix_log_p",
        but(PREFIX, "math.pi)) / 2", "math.pi)) / 2 / math.log(2)"),
        {X},
    ),
    "sketch: nats": ("sketch", but(SKETCH, "kl / math.log(2)", "kl"), {S, SA}),
    "sketch: means of the codes": (
        "sketch",
        but(SKETCH, " + torch.trace(B @ C @ B.T)", ""),
        {S, SA},
    ),
    "sketch: codes as if independent": (
        "sketch",
        but(SKETCH, "C.logdet()", "C.diagonal().log().sum()"),
        {S, SA},
    ),
    "sketch: price of the means": (
        "sketch",
        but(
            SKETCH,
            "(C.diagonal().sum() - t * d - C.logdet() + (m**2).sum(1).mean())",
            "(m**2).sum(1).mean()",
        ),
        {S, SA},
    ),
    "sketch: each prefix with its own posterior": (
        "sketch",
        but(
            SKETCH,
            "m, C, B = mean[:, : t * d], cov[: t * d, : t * d], A[:, : t * d]",
            "B = A[:, : t * d]\n        C = torch.linalg.inv(torch.eye(t * d) + B.T @ "
            "B / s**2)\n        m = x @ B @ C / s**2",
        ),
        {S, SA},
    ),
    "sketch: conditionals from the precision": (
        "sketch",
        but(
            SKETCH,
            "cov[: t * d, : t * d], A",
            "torch.linalg.inv(torch.linalg.inv(cov)[: t * d, : t * d]), A",
        ),
        {S, SA},
    ),
    "sketch: later codes at zero": (
        "sketch",
        but(SKETCH, "error + (A[:, t * d :] ** 2).sum()", "error"),
        {SA},
    ),
    "sketch: all codes drawn": (
        "sketch",
        but(SKETCH, "(A[:, t * d :] ** 2).sum()", "(A**2).sum()"),
        {S, SA},
    ),
    "sketch: later codes from the posterior": (
        "sketch",
        but(
            SKETCH,
            "error + (A[:, t * d :] ** 2).sum()",
            "((x - mean @ A.T) ** 2).sum(1).mean() + torch.trace(A @ cov @ A.T)",
        ),
        {SA},
    ),
    "sketch: pixels have noise, too": (
        "sketch",
        but(
            SKETCH,
            "left.append(error)",
            "error = error + D * s**2\n        left.append(error)",
        ),
        {S, SA},
    ),
    "sketch: mean over pixels": (
        "sketch",
        but(SKETCH, "left.append(error)", "left.append(error / D)"),
        {S, SA},
    ),
    "sketch: price of each step": (
        "sketch",
        but(
            SKETCH,
            "torch.stack(bits)",
            "torch.stack(bits).diff(prepend=torch.zeros(1))",
        ),
        {S, SA},
    ),
    "sketch: s for s squared": (
        "sketch",
        but(SKETCH, "A.T @ A / s**2", "A.T @ A / s", "@ cov / s**2", "@ cov / s"),
        {S, SA},
    ),
    "sketch: bits for each pixel": (
        "sketch",
        but(SKETCH, "kl / math.log(2)", "kl / math.log(2) / D"),
        {S, SA},
    ),
    "sketch: all images in a sum": (
        "sketch",
        but(SKETCH, "((x - m @ B.T) ** 2).sum(1).mean()", "((x - m @ B.T) ** 2).sum()"),
        {SA},
    ),
    # 5
    "build: a new canvas each time": (
        "Sketcher",
        but(BUILD, "return h, c + self.brush(h)", "return h, self.brush(h)"),
        {NA},
    ),
    "build: means in place of codes": (
        "Sketcher",
        but(BUILD, "z = mean + log_std.exp() * eps[t]", "z = mean"),
        {N, NA, T, TA},
    ),
    "build: variance for width": (
        "Sketcher",
        but(BUILD, "log_std.exp() * eps[t]", "(log_std / 2).exp() * eps[t]"),
        {N, NA, TA},
    ),
    "build: some noise of its own": (
        "Sketcher",
        but(BUILD, "* eps[t]", "* (eps[t] + 0.3 * torch.randn_like(mean))"),
        {N, NA, TA},
    ),
    "build: noise of the first step": (
        "Sketcher",
        but(BUILD, "eps[t]", "eps[0]"),
        {N, NA, TA},
    ),
    "build: the decoder sees the encoder": (
        "Sketcher",
        but(
            BUILD,
            "h, c = self.draw(z, h, c)\n            canvases.append(c)\n            "
            "means",
            "h, c = self.draw(z, h + 0.1 * e, c)\n            canvases.append(c)\n     "
            "       means",
        ),
        {N, NA, T, TA},
    ),
    "build: no error image": (
        "Sketcher",
        but(BUILD, "x - torch.sigmoid(c)", "x"),
        {NA},
    ),
    "build: an error image of log-odds": (
        "Sketcher",
        but(BUILD, "x - torch.sigmoid(c)", "x - c"),
        {NA, T, TA},
    ),
    "build: the encoder forgets": (
        "Sketcher",
        but(
            BUILD,
            "x - torch.sigmoid(c), h), 1), e)",
            "x - torch.sigmoid(c), 0 * h), 1), 0 * e)",
        ),
        {NA},
    ),
    "build: the encoder sees the error only": (
        "Sketcher",
        but(BUILD, "(x, x - torch", "(0 * x, x - torch"),
        {NA},
    ),
    "build: the encoder is not told the state": (
        "Sketcher",
        but(BUILD, "sigmoid(c), h), 1)", "sigmoid(c), 0 * h), 1)"),
        {NA},
    ),
    "build: no gradient from the state": (
        "Sketcher",
        but(BUILD, "sigmoid(c), h), 1)", "sigmoid(c), h.detach()), 1)"),
        {NA},
    ),
    "build: no gradient from the error": (
        "Sketcher",
        but(BUILD, "torch.sigmoid(c), h)", "torch.sigmoid(c.detach()), h)"),
        {NA},
    ),
    "build: the error of the empty canvas": (
        "Sketcher",
        but(BUILD, "torch.sigmoid(c), h)", "torch.sigmoid(canvases[0]), h)"),
        {NA},
    ),
    "build: the error of the canvas before": (
        "Sketcher",
        but(
            BUILD, "torch.sigmoid(c), h)", "torch.sigmoid(canvases[max(t - 1, 0)]), h)"
        ),
        {NA},
    ),
    "build: the decoder forgets": (
        "Sketcher",
        but(
            BUILD,
            "h = self.writer(z, h)",
            "h = self.writer(z, self.h0.expand(len(z), -1))",
        ),
        {NA},
    ),
    "build: generate forgets": (
        "Sketcher",
        but(
            BUILD,
            "h, c = self.draw(z[t], h, c)",
            "h, c = self.draw(z[t], self.begin(z.shape[1])[0], c)",
        ),
        {N, NA, T, TA},
    ),
    "build: one canvas too few": (
        "Sketcher",
        but(
            BUILD,
            "canvases, means, log_stds = [c], [], []",
            "canvases, means, log_stds = [], [], []",
        ),
        {N, NA},
    ),
    "build: the last canvas only": (
        "Sketcher",
        but(BUILD, "return torch.stack(canvases)", "return canvases[-1]"),
        {N, NA, T, TA},
    ),
    "build: images first": (
        "Sketcher",
        but(BUILD, "return torch.stack(canvases)", "return torch.stack(canvases, 1)"),
        {N, NA, T, TA},
    ),
    "build: a canvas of zeros": (
        "Sketcher",
        but(BUILD, "self.canvas.expand(n, -1)\n", "torch.zeros(n, len(self.canvas))\n"),
        {N, NA},
    ),
    "build: batch statistics": (
        "Sketcher",
        but(
            BUILD,
            "x - torch.sigmoid(c), h",
            "x - torch.sigmoid(c).mean(0), h - h.mean(0)",
        ),
        {NA},
    ),
    "build: probabilities on the canvas": (
        "Sketcher",
        but(
            BUILD,
            "canvases.append(c)\n            means",
            "canvases.append(c.sigmoid())\n            means",
        ),
        {N, NA, T, TA},
    ),
    "build: softer probabilities": (
        "Sketcher",
        but(
            BUILD,
            "canvases.append(c)\n            means",
            "canvases.append(c.clamp(-1, 1))\n            means",
        ),
        {N, NA, T, TA},
    ),
    "build: a fixed width": (
        "Sketcher",
        but(
            BUILD,
            "self.to_mean(e), self.to_log_std(e)",
            "self.to_mean(e), 0 * self.to_log_std(e) - 2",
        ),
        {NA},
    ),
    "build: the decoder sees the canvas": (
        "Sketcher",
        but(
            BUILD,
            "self.writer(z, h)",
            "self.writer(z, h + 0.1 * c.mean(1, keepdim=True))",
        ),
        {NA},
    ),
    "build: detached": (
        "Sketcher",
        but(BUILD, "eps[t]\n", "eps[t]\n            z = z.detach()\n"),
        {NA, T, TA},
    ),
    "cost: mean over pixels": ("cost", but(COST, ".sum(1)", ".mean(1)"), {K, T, TA}),
    "cost: mean over the code": (
        "cost",
        but(COST, "price.sum(2)", "price.mean(2)"),
        {K},
    ),
    "cost: mean over steps": (
        "cost",
        but(COST, "sum(2).sum(0)", "sum(2).mean(0)"),
        {K},
    ),
    "cost: constant of one latent": (
        "cost",
        but(COST_SIGNS, "T * d / 2", "T / 2"),
        {K},
    ),
    "cost: no constant": ("cost", but(COST_SIGNS, " - T * d / 2", ""), {K}),
    "cost: the bound itself": (
        "cost",
        but(COST, "price.sum(2).sum(0) - fit", "fit - price.sum(2).sum(0)"),
        {K, T, TA},
    ),
    "cost: the first canvas": (
        "cost",
        but(COST, "canvas[-1]", "canvas[0]"),
        {K, T, TA},
    ),
    "cost: all canvases": (
        "cost",
        but(COST_SIGNS, "trace.canvas[-1]).sum(-1)", "trace.canvas).sum(-1).sum(0)"),
        {K},
    ),
    "cost: sum over images": (
        "cost",
        but(COST, "sum(0) - fit", "sum(0).sum() - fit.sum()"),
        {K},
    ),
    "cost: logarithms of probabilities": (
        "cost",
        but(
            COST,
            "-F.binary_cross_entropy_with_logits(canvas[-1], x, "
            'reduction="none").sum(1)',
            "(x * canvas[-1].sigmoid().log() + (1 - x) * (1 - "
            "canvas[-1].sigmoid()).log()).sum(1)",
        ),
        {K},
    ),
    "cost: kept from zero": (
        "cost",
        but(
            COST,
            "-F.binary_cross_entropy_with_logits(canvas[-1], x, "
            'reduction="none").sum(1)',
            "-F.binary_cross_entropy(canvas[-1].sigmoid().clamp(1e-7, 1 - 1e-7), x, "
            "reduction='none').sum(1)",
        ),
        {K},
    ),
    "cost: log variance": (
        "cost",
        but(
            COST, "(2 * log_std).exp() - 1 - 2 * log_std", "log_std.exp() - 1 - log_std"
        ),
        {K},
    ),
    "cost: last step's price": (
        "cost",
        but(COST, "price.sum(2).sum(0)", "price.sum(2)[-1]"),
        {K, T, TA},
    ),
    "cost: free price": (
        "cost",
        but(COST, "price.sum(2).sum(0)", "price.detach().sum(2).sum(0)"),
        {K, T, TA},
    ),
    "trained: not at all": (
        "trained",
        but(TRAINED_THREE, "range(180)", "range(0)"),
        {T, TA},
    ),
    "trained: one step": (
        "trained",
        but(TRAINED_THREE, "2, 3)", "2, 1)", "torch.randn(3,", "torch.randn(1,"),
        {T},
    ),
    "trained: too many latents": (
        "trained",
        but(TRAINED_THREE, "16, 2, 3)", "16, 6, 3)", "len(x), 2)", "len(x), 6)"),
        {T},
    ),
    "trained: very small steps": (
        "trained",
        but(TRAINED_THREE, "lr=0.03", "lr=1e-4", "range(180)", "range(60)"),
        {T, TA},
    ),
    "trained: uphill": (
        "trained",
        but(
            TRAINED_THREE,
            "loss.backward()",
            "(-loss).backward()",
            "range(180)",
            "range(60)",
        ),
        {T, TA},
    ),
    "trained: without noise": (
        "trained",
        but(TRAINED_THREE, "torch.randn(3, len(x), 2)", "torch.zeros(3, len(x), 2)"),
        {T, TA},
    ),
    "trained: on one image": (
        "trained",
        but(TRAINED_THREE, "cost(model, x, ", "cost(model, x[:1].expand_as(x), "),
        {T, TA},
    ),
    "diagnosis: Ada": ("diagnosis", diagnosis(ada="idle"), {D}),
    "diagnosis: Bo": ("diagnosis", diagnosis(bo="well"), {D}),
    "diagnosis: Cai": ("diagnosis", diagnosis(cai="collapse"), {D}),
    "diagnosis: Dov": ("diagnosis", diagnosis(dov="overfit"), {D}),
    "diagnosis: Fay": ("diagnosis", diagnosis(fay="leak"), {D}),
    "diagnosis: Gus": ("diagnosis", diagnosis(gus="well"), {D}),
    "diagnosis: Hal": ("diagnosis", diagnosis(hal="idle"), {D}),
    "diagnosis: Jo": ("diagnosis", diagnosis(jo="cheap"), {D}),
    "diagnosis: other words": ("diagnosis", diagnosis(ada="fine"), {D}),
}
RIGHT = {
    "price: by the formula": ("price", PRICE),
    "price: a series": ("price", PRICE_SERIES),
    "price: numpy": ("price", PRICE_NUMPY),
    "price: sinh, a loop": ("price", PRICE_SINH),
    "price: torch's laws": ("price", PRICE_LAWS),
    "chain: conditionals, numpy": ("chain", CHAIN),
    "chain: from the whole backwards": ("chain", CHAIN_CUMULATIVE),
    "chain: over all sequences": ("chain", CHAIN_LOOP),
    "reports: by hand": ("report_verdict", reports()),
    "reports: ones and zeros": (
        "report_verdict",
        reports(ada=1, bo=0, cai=1, dov=1, eva=1, fay=0, gus=0, hal=1, ian=0, jo=1),
    ),
    "bank: softmax by hand": ("filterbank", BANK),
    "bank: loops, numpy, a list": ("filterbank", BANK_LOOP),
    "aim: a list": ("aim", AIM),
    "aim: tensors": ("aim", AIM_TENSOR),
    "ripple: two regimes": ("ripple", RIPPLE),
    "ripple: a tensor": ("ripple", RIPPLE_PRODUCT),
    "banks: by hand": ("bank_verdict", banks()),
    "pull: term by term": ("pull", PULL),
    "pull: numpy": ("pull", PULL_LOOP),
    "patch: eigenvectors": ("best_patch", PATCH),
    "patch: one system": ("best_patch", PATCH_PINV),
    "patch: two cases": ("best_patch", PATCH_CASES),
    "echo: singular values": ("echo", ECHO),
    "echo: of the filters, squared": ("echo", ECHO_SHORT),
    "ledger: by the definitions": ("ledger", LEDGER),
    "ledger: numpy, a tuple": ("ledger", LEDGER_NUMPY),
    "prefix: solve": ("prefix_log_p", PREFIX),
    "prefix: a law of low rank": ("prefix_log_p", PREFIX_LAW),
    "prefix: eigenvalues": ("prefix_log_p", PREFIX_EIGEN),
    "sketch: marginals of the posterior": ("sketch", SKETCH),
    "sketch: step by step": ("sketch", SKETCH_STEPS),
    "build: GRU": ("Sketcher", BUILD),
    "build: tanh": ("Sketcher", BUILD_PLAIN),
    "build: an LSTM of layers": ("Sketcher", BUILD_LSTM),
    "cost: cross-entropy": ("cost", COST),
    "cost: signs": ("cost", COST_SIGNS),
    "cost: torch's laws": ("cost", COST_LAWS),
    "trained: fit": ("trained", TRAINED),
    "trained: three steps": ("trained", TRAINED_THREE),
    "diagnosis: by hand": ("diagnosis", diagnosis()),
}
