"""Answers to the problem set on variational autoencoders that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

KL = """
def kl_between(mean_q, cov_q, mean_p, cov_p):
    P = {precision}
    d = mean_p - mean_q
    trace, far = {trace}, {far}
    size = {size}
    return {value}
"""


def kl(
    precision="torch.linalg.inv(cov_p)",
    trace="(P @ cov_q).trace()",
    far="d @ P @ d",
    size="cov_p.logdet() - cov_q.logdet()",
    value="(trace + far - len(d) + size) / 2",
):
    return KL.format(precision=precision, trace=trace, far=far, size=size, value=value)


KL_TORCH = """
def kl_between(mean_q, cov_q, mean_p, cov_p):
    return kl_divergence(
        MultivariateNormal(mean_q, cov_q), MultivariateNormal(mean_p, cov_p)
    )
"""
KL_NUMPY = """
def kl_between(mean_q, cov_q, mean_p, cov_p):
    mq, cq, mp, cp = (a.numpy() for a in (mean_q, cov_q, mean_p, cov_p))
    ratio = np.linalg.solve(cp, cq)
    off = mp - mq
    far = off @ np.linalg.solve(cp, off)
    log_det = np.linalg.slogdet(cp)[1] - np.linalg.slogdet(cq)[1]
    return 0.5 * (np.trace(ratio) + far - len(off) + log_det)
"""
KL_DIAGONAL = """
def kl_between(mean_q, cov_q, mean_p, cov_p):
    q, p = Normal(mean_q, cov_q.diag().sqrt()), Normal(mean_p, cov_p.diag().sqrt())
    return kl_divergence(q, p).sum()
"""
KL_SAMPLED = """
def kl_between(mean_q, cov_q, mean_p, cov_p):
    q, p = MultivariateNormal(mean_q, cov_q), MultivariateNormal(mean_p, cov_p)
    z = q.sample((2000,))
    return (q.log_prob(z) - p.log_prob(z)).mean()
"""
REPORT = """
def report(x, w, sigma, mean, std, power):
    spread = {spread}
    error = {error}
    fit = -error / {scale} - {constant}
    price = {price}
    return {value}
"""


def report(
    spread="std**power",
    error="((x - torch.outer(mean, w)) ** 2).sum(1) + (w**2).sum() * spread**2",
    scale="(2 * sigma**2)",
    constant="len(w) * (math.log(sigma) + math.log(2 * math.pi) / 2)",
    price="gaussian_kl(mean[:, None], std.log()[:, None])",
    value="fit - price",
):
    return REPORT.format(
        spread=spread,
        error=error,
        scale=scale,
        constant=constant,
        price=price,
        value=value,
    )


REPORT_LOOP = """
def report(x, w, sigma, mean, std, power):
    found = []
    for row, m, s in zip(x.tolist(), mean.tolist(), std.tolist()):
        total = 0.0
        for pixel, weight in zip(row, w.tolist()):
            second = (pixel - weight * m) ** 2 + (weight * s**power) ** 2
            total -= second / (2 * sigma**2)
            total -= 0.5 * math.log(2 * math.pi * sigma**2)
        found.append(total - (m * m + s * s - 1) / 2 + math.log(s))
    return found
"""
REPORT_NODES = """
def report(x, w, sigma, mean, std, power):
    node, weight = gauss_hermite(3)
    z = mean[:, None] + std[:, None] ** power * node
    lik = Normal(z[..., None] * w, sigma).log_prob(x[:, None]).sum(-1)
    return lik @ weight - kl_divergence(Normal(mean, std), Normal(0.0, 1.0))
"""
REPORT_SAMPLED = """
def report(x, w, sigma, mean, std, power):
    z = mean + std**power * torch.randn(500, len(mean))
    lik = Normal(z[..., None] * w, sigma).log_prob(x).sum(2).mean(0)
    return lik - kl_divergence(Normal(mean, std), Normal(0.0, 1.0))
"""
BEST = """
def best_std(snr, power):
    if power == 1:
        return {one}
    return {two}
"""


def best(one="1 / torch.sqrt(1 + snr)", two="(2 / (1 + (1 + 8 * snr) ** 0.5)) ** 0.5"):
    return BEST.format(one=one, two=two)


BEST_BISECTION = """
def best_std(snr, power):
    low, high = torch.zeros_like(snr), torch.ones_like(snr)
    for _ in range(80):
        s = (low + high) / 2
        rising = power * snr * s ** (2 * power) + s**2 < 1
        low, high = torch.where(rising, s, low), torch.where(rising, high, s)
    return (low + high) / 2
"""
LAW = """
def laplace_law(mean, log_scale, v, top=16):
    scale = log_scale.exp()
    low = (torch.where(v == 0, -{far}, v - 0.5) - mean) / scale
    high = (torch.where(v == top, {far}, v + 0.5) - mean) / scale
    flip = low + high > 0
    a, b = torch.where(flip, -high, low), torch.where(flip, -low, high)
    below = {below}
    across = {across}
    return torch.where(b <= 0, below, across) - math.log(2)
"""


def law(
    far="1e7",
    below="b.clamp(max=0) + torch.log1p(-torch.exp((a - b).clamp(min=-300)))",
    across="torch.log(2 - a.exp() - (-b.clamp(min=0)).exp())",
):
    return LAW.format(far=far, below=below, across=across)


LAW_CDF = """
def laplace_law(mean, log_scale, v, top=16):
    law = Laplace(mean, log_scale.exp())
    low = torch.where(v == 0, 0.0, law.cdf(v - 0.5))
    high = torch.where(v == top, 1.0, law.cdf(v + 0.5))
    return (high - low){clamp}.log()
"""
LAW_ENDS = """
def laplace_law(mean, log_scale, v, top=16):
    law = Laplace(mean, log_scale.exp())
    return (law.cdf(v + 0.5) - law.cdf(v - 0.5)).log()
"""
LAW_DENSITY = """
def laplace_law(mean, log_scale, v, top=16):
    return Laplace(mean, log_scale.exp()).log_prob(v)
"""
LAW_SOFTMAX = """
def laplace_law(mean, log_scale, v, top=16):
    levels = torch.arange(top + 1)
    table = -(levels - mean[..., None]).abs() / log_scale.exp()[..., None]
    log_mass = -(v - mean).abs() / log_scale.exp()
    return log_mass - table.logsumexp(-1)
"""
LAW_LOGISTIC = """
def laplace_law(mean, log_scale, v, top=16):
    low = (torch.where(v == 0, -1e6, v - 0.5) - mean) / log_scale.exp()
    high = (torch.where(v == top, 1e6, v + 0.5) - mean) / log_scale.exp()
    both = torch.nn.functional.logsigmoid(high) + torch.nn.functional.logsigmoid(-low)
    return both + (-torch.expm1(low - high)).log()
"""
# Values by Python's floats, pixel by pixel; gradients by autograd all the same.
LAW_LOOP = """
def laplace_law(mean, log_scale, v, top=16):
    mean, log_scale, v = torch.broadcast_tensors(mean, log_scale, v)
    found = []
    for m, t, k in zip(mean.flatten(), log_scale.flatten(), v.flatten().tolist()):
        scale = t.exp()
        low, high = (k - 0.5 - m) / scale, (k + 0.5 - m) / scale
        if k == 0:
            mass = log_tail(high)
        elif k == top:
            mass = log_tail(-low)
        elif high <= 0:
            mass = high + torch.log(-torch.expm1(low - high)) - math.log(2)
        elif low >= 0:
            mass = -low + torch.log(-torch.expm1(low - high)) - math.log(2)
        else:
            mass = torch.log(1 - low.exp() / 2 - (-high).exp() / 2)
        found.append(mass)
    return torch.stack(found).view(v.shape)


def log_tail(u):
    return u - math.log(2) if u <= 0 else torch.log1p(-(-u).exp() / 2)
"""
LAW_TAILS = """
def laplace_law(mean, log_scale, v, top=16):
    def tail(u):  # log F(u)
        low = u.clamp(max=0) - math.log(2)
        return torch.where(u < 0, low, torch.log1p(-(-u.clamp(min=0)).exp() / 2))

    rate = torch.exp(-log_scale)
    low, high = (v - 0.5 - mean) * rate, (v + 0.5 - mean) * rate
    a = torch.where(low + high > 0, -high, low)
    b = torch.where(low + high > 0, -low, high)
    inner = tail(b) + torch.log(-torch.expm1((tail(a) - tail(b)).clamp(max=-1e-9)))
    return torch.where(v == 0, tail(high), torch.where(v == top, tail(-low), inner))
"""
VERDICT = """
verdict = {{
    "Ada": {ada!r}, "Bo": {bo!r}, "Cai": {cai!r}, "Dov": {dov!r}, "Eva": {eva!r},
    "Fay": {fay!r},
}}
"""


def verdict(
    ada="too little",
    bo="too little",
    cai="law",
    dov="too much",
    eva="either",
    fay="law",
):
    return VERDICT.format(ada=ada, bo=bo, cai=cai, dov=dov, eva=eva, fay=fay)


SIGMA = """
def best_sigma_loss(x, mean, price):
    variance = {variance}
    return {value}
"""


def sigma(
    variance="((x - mean) ** 2).mean()",
    value="x.shape[1] * (variance.log() + math.log(2 * math.pi) + 1) / 2 "
    "+ price.mean()",
):
    return SIGMA.format(variance=variance, value=value)


SIGMA_DETACHED = """
def best_sigma_loss(x, mean, price):
    best = (x - mean).square().mean().sqrt().detach()
    return (price - Normal(mean, best).log_prob(x).sum(1)).mean()
"""
POSTERIOR = """
def posterior(W, sigma, x):
    M = {M}
    inverse = torch.linalg.inv(M)
    return {mean}, {cov}
"""


def posterior(
    M="W.T @ W + sigma**2 * torch.eye(W.shape[1])",
    mean="torch.einsum('ij,pj,np->ni', inverse, W, x)",
    cov="sigma**2 * inverse",
):
    return POSTERIOR.format(M=M, mean=mean, cov=cov)


POSTERIOR_PIXELS = """
def posterior(W, sigma, x):
    C = W @ W.T + sigma**2 * torch.eye(len(W))
    gain = torch.linalg.solve(C, W).T
    return x @ gain.T, torch.eye(W.shape[1]) - gain @ W
"""
POSTERIOR_SINGLE = """
def posterior(W, sigma, x):
    W, x = W.float(), x.float()
    P = torch.eye(W.shape[1], dtype=torch.float32) + W.T @ W / sigma**2
    return torch.linalg.solve(P, W.T @ x.T / sigma**2).T, P.inverse()
"""
GAP = """
def mean_gap(W, sigma, V, s, S):
    M = {M}
    P = M / sigma**2
    best = {best}
    off = V - best
    widths = {widths}
    means = {means}
    return {value}
"""


def gap(
    M="W.T @ W + sigma**2 * torch.eye(len(s))",
    best="torch.linalg.inv(M) @ W.T",
    widths="(P.diag() * s**2 - 1 - 2 * s.log()).sum() - P.logdet()",
    means="torch.trace(off.T @ P @ off @ S)",
    value="0.5 * (widths + means)",
):
    return GAP.format(M=M, best=best, widths=widths, means=means, value=value)


GAP_DIFFERENCE = """
def mean_gap(W, sigma, V, s, S):
    pixels = len(S)
    rest = torch.eye(pixels) - W @ V
    error = (rest @ S @ rest.T).trace() + (W**2).sum(0) @ s**2
    constant = pixels * math.log(sigma * math.sqrt(2 * math.pi))
    price = ((V @ S @ V.T).diag() + s**2 - 1).sum() / 2 - s.log().sum()
    elbo = -error / (2 * sigma**2) - constant - price
    C = W @ W.T + sigma**2 * torch.eye(pixels)
    log_p = -0.5 * (pixels * math.log(2 * math.pi) + C.logdet()
                    + torch.linalg.solve(C, S).trace())
    return log_p - elbo
"""
GAP_BASIS = """
def mean_gap(W, sigma, V, s, S):
    # The KL at the mean image, and at data along the axes of S.
    values, axes = torch.linalg.eigh(S)
    mean, cov = torch.zeros(len(s)), torch.diag(s**2)
    P = torch.eye(len(s)) + W.T @ W / sigma**2
    exact = MultivariateNormal(mean, precision_matrix=P)
    total = kl_divergence(MultivariateNormal(mean, cov), exact)
    for value, axis in zip(values, axes.T):
        u = V @ axis - P.inverse() @ W.T @ axis / sigma**2
        total = total + value * (u @ P @ u) / 2
    return total.item()
"""
PRINCIPAL = """
def principal(W):
    values, R = torch.linalg.eigh(W.T @ W)
    return {}
"""
PRINCIPAL_QR = """
def principal(W):
    Q, R = torch.linalg.qr(W)
    return Q * R.norm(dim=0)
"""
PRINCIPAL_SVD = """
def principal(W):
    U, s, Vh = np.linalg.svd(W.numpy(), full_matrices=False)
    return {}
"""
PRINCIPAL_COV = """
def principal(W):
    values, axes = torch.linalg.eigh(W @ W.T)
    k = W.shape[1]
    top = values.flip(0)[:k].clamp(min=0)
    return axes.flip(1)[:, :k] * top.sqrt()
"""
DIMENSION = """
def per_dimension(mean, log_std):
    z = {grid}
    rate = {rate}
    mismatch = []
    for m, t in zip(mean.T, log_std.T):
        log_q = Normal(m[:, None], t[:, None].exp()).log_prob(z)
        q = {mixture}
        log_p = Normal(0, 1).log_prob(z)
        mismatch.append((torch.xlogy(q, q) - q * log_p).sum() * (z[1] - z[0]))
    mismatch = torch.stack(mismatch)
    return Dimensions(rate, {information}, mismatch)
"""


def dimension(
    grid="torch.linspace(-16, 16, 6401)",
    rate="((mean**2 + (2 * log_std).exp() - 1) / 2 - log_std).mean(0)",
    mixture="log_q.exp().mean(0)",
    information="rate - mismatch",
):
    return DIMENSION.format(
        grid=grid, rate=rate, mixture=mixture, information=information
    )


DIMENSION_MOMENTS = """
def per_dimension(mean, log_std):
    rate = gaussian_kl(mean[..., None], log_std[..., None]).mean(0)
    variance = mean.var(0, correction=0) + (2 * log_std).exp().mean(0)
    centre = mean.mean(0)
    mismatch = (variance + centre**2 - 1 - variance.log()) / 2
    return Dimensions(rate, rate - mismatch, mismatch)
"""
DIMENSION_SPREAD = """
def per_dimension(mean, log_std):
    rate = gaussian_kl(mean[..., None], log_std[..., None]).mean(0)
    noise = (2 * log_std).exp().mean(0)
    information = torch.log1p(mean.var(0) / noise) / 2
    return Dimensions(rate, information, rate - information)
"""
DIMENSION_SAMPLED = """
def per_dimension(mean, log_std):
    rate = gaussian_kl(mean[..., None], log_std[..., None]).mean(0)
    z = mean + log_std.exp() * torch.randn_like(mean)
    log_q = Normal(mean[None], log_std.exp()[None]).log_prob(z[:, None])
    own = log_q.diagonal().T
    information = (own - log_mean_exp(log_q, 1)).mean(0)
    return Dimensions(rate, information, rate - information)
"""
DIMENSION_QUADRATURE = """
def per_dimension(mean, log_std):
    rate = gaussian_kl(mean[..., None], log_std[..., None]).mean(0)
    nodes, weights = gauss_hermite(40)
    information = []
    for m, s in zip(mean.T, log_std.exp().T):
        z = m[:, None] + s[:, None] * nodes
        log_q = Normal(m[:, None, None], s[:, None, None]).log_prob(z[None])
        own = log_q.diagonal(dim1=0, dim2=1).T
        inside = (own - log_mean_exp(log_q, 0)) @ weights
        information.append(inside.mean())
    information = torch.stack(information)
    return Dimensions(rate, information, rate - information)
"""
DIMENSION_NODES = """
def per_dimension(mean, log_std):
    n, latents = mean.shape
    std, information = log_std.exp(), []
    rate = gaussian_kl(mean[..., None], log_std[..., None]).mean(0)
    edges = 20 * torch.linspace(-1, 1, 12_001)
    for j in range(latents):
        m, s = mean[:, j, None], std[:, j, None]
        mass = torch.special.ndtr((edges[1:] - m) / s)
        mass = mass - torch.special.ndtr((edges[:-1] - m) / s)
        total = mass.mean(0)
        inside = torch.xlogy(mass, mass) - torch.xlogy(mass, total)
        information.append(inside.sum(1).mean())
    information = torch.stack(information)
    return Dimensions(rate, information, rate - information)
"""
FREE = """
def free_loss(fit, kl, free):
    return {}
"""
LINEAR = """
def best_linear(eigenvalues, sigma, beta, latents):
    variance = eigenvalues[:latents]
    rates = {rates}
    left = {left}
    rest = {rest}
    constant = {constant}
    return rates, {distortion}
"""


def linear(
    rates="torch.clamp(0.5 * torch.log(variance / (beta * sigma**2)), min=0)",
    left="torch.minimum(variance, torch.tensor(beta * sigma**2))",
    rest="eigenvalues[latents:].sum()",
    constant="len(eigenvalues) * (math.log(sigma) + math.log(2 * math.pi) / 2)",
    distortion="(left.sum() + rest) / (2 * sigma**2) + constant",
):
    return LINEAR.format(
        rates=rates, left=left, rest=rest, constant=constant, distortion=distortion
    )


LINEAR_LOOP = """
def best_linear(eigenvalues, sigma, beta, latents):
    rates, distortion = [], 0.0
    for j, variance in enumerate(eigenvalues.tolist()):
        rate = 0.0
        if j < latents and variance > beta * sigma**2:
            rate = math.log(variance / beta) / 2 - math.log(sigma)
        if j < latents:
            rates.append(rate)
        distortion += variance * math.exp(-2 * rate) / (2 * sigma**2)
        distortion += 0.5 * math.log(2 * math.pi * sigma**2)
    return torch.tensor(rates), torch.tensor(distortion)
"""
NESTED = """
def nested(log_w, sizes):
    K, n = log_w.shape
    rows = []
    for k in {order}:
        blocks = {blocks}
        rows.append({value})
    return torch.stack(rows)
"""


def nested(
    order="sizes",
    blocks="log_w.reshape(K // k, k, n)",
    value="(blocks.logsumexp(1) - math.log(k)).mean(0)",
):
    return NESTED.format(order=order, blocks=blocks, value=value)


NESTED_TOP = """
def nested(log_w, sizes):
    w = log_w.numpy()
    found = []
    for k in sizes:
        block_values = []
        for start in range(0, len(w), k):
            block = w[start : start + k]
            top = block.max(0)
            block_values.append(top + np.log(np.exp(block - top).mean(0)))
        found.append(np.mean(block_values, axis=0))
    return np.stack(found)
"""
SCORES = """
def scores(log_w):
    K, n = log_w.shape
    values = {values}
    elbo, effective = {elbo}, {effective}
    return Scores(
        elbo.mean(), {elbo_stderr}, values.mean(), {stderr}, {noise}, effective
    )
"""


def scores(
    values="log_w.logsumexp(0) - math.log(K)",
    elbo="log_w.mean(0)",
    effective="(2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0)).exp()",
    elbo_stderr="elbo.std() / n**0.5",
    stderr="values.std() / n**0.5",
    noise="((1 / effective - 1 / K).sum().clamp(min=0)) ** 0.5 / n",
):
    return SCORES.format(
        values=values,
        elbo=elbo,
        effective=effective,
        elbo_stderr=elbo_stderr,
        stderr=stderr,
        noise=noise,
    )


SCORES_LOOP = """
def scores(log_w):
    K, n = log_w.shape
    values, sizes, noise = [], [], 0.0
    for column in log_w.T.tolist():
        top = max(column)
        w = [math.exp(a - top) for a in column]
        values.append(top + math.log(sum(w) / K))
        sizes.append(sum(w) ** 2 / sum(a * a for a in w))
        noise += max(0.0, 1 / sizes[-1] - 1 / K)
    elbo = mean_and_stderr(log_w.mean(0))
    estimate = mean_and_stderr(torch.tensor(values))
    noise = math.sqrt(noise) / n
    return Scores(*elbo, *estimate, noise, torch.tensor(sizes))
"""
UPPER = """
def upper(log_w, log_w_star):
    K = len(log_w)
    return {}
"""
UPPER_ALL = "torch.cat([log_w, log_w_star[None]])"

K, KA = "test_kl", "test_kl_any"
R, RA = "test_report", "test_report_any"
B = "test_best_std"
L, LF = "test_law", "test_law_far"
V = "test_verdict"
S, SA = "test_sigma", "test_sigma_any"
P, PA = "test_posterior", "test_posterior_any"
G, GA = "test_gap", "test_gap_any"
W = "test_principal"
D, DA = "test_dimensions", "test_dimensions_any"
F = "test_free"
E, EA = "test_linear", "test_linear_any"
N, NA = "test_nested", "test_nested_any"
C, CA = "test_scores", "test_scores_any"
U, UA = "test_upper", "test_upper_any"

WRONG = {
    # 1
    "kl: q and p exchanged": (
        "kl_between",
        kl(
            precision="torch.linalg.inv(cov_q)",
            trace="(P @ cov_p).trace()",
            size="cov_q.logdet() - cov_p.logdet()",
        ),
        {K, KA},
    ),
    "kl: sign of the determinants": (
        "kl_between",
        kl(size="cov_q.logdet() - cov_p.logdet()"),
        {K, KA},
    ),
    "kl: dimensions forgotten": (
        "kl_between",
        kl(value="(trace + far + size) / 2"),
        {K, KA},
    ),
    "kl: no half": ("kl_between", kl(value="trace + far - len(d) + size"), {K, KA}),
    "kl: distance in units of q": (
        "kl_between",
        kl(far="d @ torch.linalg.inv(cov_q) @ d"),
        {K, KA},
    ),
    "kl: distance not squared": ("kl_between", kl(far="(P @ d).sum()"), {K, KA}),
    "kl: determinants that underflow": (
        "kl_between",
        kl(size="(cov_p.det() / cov_q.det()).log()"),
        {KA},
    ),
    "kl: elementwise product": ("kl_between", kl(trace="(P * cov_q).trace()"), {KA}),
    "kl: diagonals only": ("kl_between", KL_DIAGONAL, {KA}),
    "kl: sampled": ("kl_between", KL_SAMPLED, {K, KA}),
    "report: std squared in the price": (
        "report",
        report(price="gaussian_kl(mean[:, None], (2 * std.log())[:, None])"),
        {R, RA},
    ),
    "report: honest program for power 2": (
        "report",
        report(price="gaussian_kl(mean[:, None], spread.log()[:, None])"),
        {R, RA},
    ),
    "report: power ignored": ("report", report(spread="std"), {R, RA}),
    "report: power of the variance": (
        "report",
        report(spread="std**(power / 2)"),
        {R, RA},
    ),
    "report: fit at the mean": (
        "report",
        report(error="((x - torch.outer(mean, w)) ** 2).sum(1)"),
        {R, RA},
    ),
    "report: no constant": ("report", report(constant="0"), {R, RA}),
    "report: constant once": (
        "report",
        report(constant="(math.log(sigma) + math.log(2 * math.pi) / 2)"),
        {R, RA},
    ),
    "report: sigma for its square": ("report", report(scale="(2 * sigma)"), {R, RA}),
    "report: plus price": ("report", report(value="fit + price"), {R, RA}),
    "report: mean over images": (
        "report",
        report(value="(fit - price).mean()"),
        {R, RA},
    ),
    "report: mean over pixels": (
        "report",
        report(error="((x - torch.outer(mean, w)) ** 2).mean(1) + w @ w * spread**2"),
        {R, RA},
    ),
    "report: sampled": ("report", REPORT_SAMPLED, {R, RA}),
    "best: variance": ("best_std", best(one="1 / (1 + snr)"), {B}),
    "best: no prior": (
        "best_std",
        best(one="snr**-0.5", two="(2 * snr) ** -0.25"),
        {B},
    ),
    "best: slip as if right": ("best_std", best(two="(1 + snr) ** -0.25"), {B}),
    "best: drawn width": (
        "best_std",
        best(two="2 / (1 + (1 + 8 * snr) ** 0.5)"),
        {B},
    ),
    "best: cancellation": (
        "best_std",
        best(two="(((1 + 8 * snr) ** 0.5 - 1) / (4 * snr)) ** 0.5"),
        {B},
    ),
    # 2
    "law: difference of cdfs": ("laplace_law", LAW_CDF.format(clamp=""), {LF}),
    "law: difference, clamped": (
        "laplace_law",
        LAW_CDF.format(clamp=".clamp(min=1e-30)"),
        {LF},
    ),
    "law: ends cut off": ("laplace_law", LAW_ENDS, {L, LF}),
    "law: density": ("laplace_law", LAW_DENSITY, {L, LF}),
    "law: softmax of the density": ("laplace_law", LAW_SOFTMAX, {L, LF}),
    "law: logistic": ("laplace_law", LAW_LOGISTIC, {L, LF}),
    "law: infinite edges": ("laplace_law", law(far="math.inf"), {LF}),
    "law: gradient of the branch not taken": (
        "laplace_law",
        law(
            below="b + torch.log1p(-torch.exp(a - b))",
            across="(2 - a.exp() - (-b).exp()).log()",
        ),
        {LF},
    ),
    "law: middle forgotten": ("laplace_law", law(across="a * 0"), {L, LF}),
    "law: top is always 16": (
        "laplace_law",
        law().replace("v == top", "v == 16"),
        {LF},
    ),
    "verdict: Fay no law": ("verdict", verdict(fay="too little"), {V}),
    "verdict: Cai no law": ("verdict", verdict(cai="too little"), {V}),
    "verdict: Bo a law": ("verdict", verdict(bo="law"), {V}),
    "verdict: Dov a law": ("verdict", verdict(dov="law"), {V}),
    "verdict: Eva too much": ("verdict", verdict(eva="too much"), {V}),
    "verdict: Ada a law": ("verdict", verdict(ada="law"), {V}),
    "verdict: other words": ("verdict", verdict(cai="fine", fay="fine"), {V}),
    "sigma: squared error": (
        "best_sigma_loss",
        sigma(value="x.shape[1] * variance + price.mean()"),
        {S, SA},
    ),
    "sigma: one forgotten": (
        "best_sigma_loss",
        sigma(value="x.shape[1] * (variance * 2 * math.pi).log() / 2 + price.mean()"),
        {S, SA},
    ),
    "sigma: per pixel": (
        "best_sigma_loss",
        sigma(value="(variance * 2 * math.pi * math.e).log() / 2 + price.mean()"),
        {S, SA},
    ),
    "sigma: an own sigma for each image": (
        "best_sigma_loss",
        sigma(
            variance="((x - mean) ** 2).mean(1)",
            value="(x.shape[1] * (variance * 2 * math.pi * math.e).log() / 2).mean() "
            "+ price.mean()",
        ),
        {S, SA},
    ),
    "sigma: an own sigma for each pixel": (
        "best_sigma_loss",
        sigma(
            variance="((x - mean) ** 2).mean(0)",
            value="((variance * 2 * math.pi * math.e).log() / 2).sum() + price.mean()",
        ),
        {S, SA},
    ),
    "sigma: residuals' own mean taken off": (
        "best_sigma_loss",
        sigma(variance="(x - mean).var()"),
        {S, SA},
    ),
    "sigma: sum of prices": (
        "best_sigma_loss",
        sigma().replace("price.mean()", "price.sum()"),
        {S, SA},
    ),
    "sigma: no gradient": (
        "best_sigma_loss",
        sigma(variance="((x - mean) ** 2).mean().detach()"),
        {SA},
    ),
    # 3
    "posterior: noise forgotten": (
        "posterior",
        posterior(M="W.T @ W + torch.eye(W.shape[1])"),
        {P, PA},
    ),
    "posterior: noise not squared": (
        "posterior",
        posterior(M="W.T @ W + sigma * torch.eye(W.shape[1])", cov="sigma * inverse"),
        {P, PA},
    ),
    "posterior: M itself": ("posterior", posterior(cov="inverse"), {P, PA}),
    "posterior: precision": ("posterior", posterior(cov="M / sigma**2"), {P, PA}),
    "posterior: diagonal": (
        "posterior",
        posterior(cov="torch.diag(sigma**2 / M.diag())"),
        {P, PA},
    ),
    "posterior: sigma to the fourth": (
        "posterior",
        posterior(cov="sigma**4 * inverse"),
        {P, PA},
    ),
    "posterior: of one image": (
        "posterior",
        posterior(mean="(x @ W @ inverse).mean(0)"),
        {P, PA},
    ),
    "posterior: least squares": (
        "posterior",
        posterior(mean="x @ torch.linalg.pinv(W).T"),
        {P, PA},
    ),
    "gap: means forgotten": ("mean_gap", gap(value="widths / 2"), {G, GA}),
    "gap: widths forgotten": ("mean_gap", gap(value="means / 2"), {G, GA}),
    "gap: the best encoder's": (
        "mean_gap",
        gap(value="(M.diag().log().sum() - M.logdet()) / 2"),
        {G, GA},
    ),
    "gap: no half": ("mean_gap", gap(value="widths + means"), {G, GA}),
    "gap: M in place of P": (
        "mean_gap",
        gap(means="torch.trace(off.T @ M @ off @ S)"),
        {G, GA},
    ),
    "gap: white data": (
        "mean_gap",
        gap(means="torch.trace(off.T @ P @ off)"),
        {G, GA},
    ),
    "gap: best encoder is W'": ("mean_gap", gap(best="W.T"), {G, GA}),
    "gap: diagonal posterior": (
        "mean_gap",
        gap(widths="(P.diag() * s**2 - 1 - 2 * s.log() - P.diag().log()).sum()"),
        {G, GA},
    ),
    "gap: s for its square": (
        "mean_gap",
        gap(widths="(P.diag() * s - 1 - s.log()).sum() - P.logdet()"),
        {G, GA},
    ),
    "gap: to the prior": (
        "mean_gap",
        gap(
            widths="(s**2 - 1 - 2 * s.log()).sum()",
            means="torch.trace(V @ S @ V.T)",
        ),
        {G, GA},
    ),
    "principal: shortest first": (
        "principal",
        PRINCIPAL.format("W @ R"),
        {W},
    ),
    "principal: QR": ("principal", PRINCIPAL_QR, {W}),
    "principal: lengths forgotten": ("principal", PRINCIPAL_SVD.format("U"), {W}),
    "principal: turned back": ("principal", PRINCIPAL_SVD.format("U * s @ Vh"), {W}),
    "principal: R'": ("principal", PRINCIPAL.format("W @ R.flip(1).T"), {W}),
    # 4
    "dimensions: moments of the aggregate": (
        "per_dimension",
        DIMENSION_MOMENTS,
        {D, DA},
    ),
    "dimensions: a Gaussian channel": ("per_dimension", DIMENSION_SPREAD, {D, DA}),
    "dimensions: 40 nodes": ("per_dimension", DIMENSION_QUADRATURE, {DA}),
    "dimensions: one draw": ("per_dimension", DIMENSION_SAMPLED, {DA}),
    "dimensions: lattice too short": (
        "per_dimension",
        dimension(grid="torch.linspace(-5, 5, 4001)"),
        {DA},
    ),
    "dimensions: lattice too coarse": (
        "per_dimension",
        dimension(grid="torch.linspace(-16, 16, 201)"),
        {DA},
    ),
    "dimensions: density underflows to the product": (
        "per_dimension",
        dimension(mixture="log_q.mean(0).exp()"),
        {D, DA},
    ),
    "dimensions: sum over images": (
        "per_dimension",
        dimension(rate="gaussian_kl(mean[..., None], log_std[..., None]).sum(0)"),
        {D, DA},
    ),
    "dimensions: information is the rate": (
        "per_dimension",
        dimension(information="rate"),
        {D, DA},
    ),
    "dimensions: summed over latents": (
        "per_dimension",
        dimension(rate="gaussian_kl(mean, log_std)"),
        {D, DA},
    ),
    "free: each image clamped": (
        "free_loss",
        FREE.format("kl.clamp(min=free).mean(0).sum() - fit.mean()"),
        {F},
    ),
    "free: the sum clamped": (
        "free_loss",
        FREE.format("kl.mean(0).sum().clamp(min=free * kl.shape[1]) - fit.mean()"),
        {F},
    ),
    "free: only the excess": (
        "free_loss",
        FREE.format("(kl.mean(0) - free).clamp(min=0).sum() - fit.mean()"),
        {F},
    ),
    "free: clamped from above": (
        "free_loss",
        FREE.format("kl.mean(0).clamp(max=free).sum() - fit.mean()"),
        {F},
    ),
    "free: sign": (
        "free_loss",
        FREE.format("fit.mean() - kl.mean(0).clamp(min=free).sum()"),
        {F},
    ),
    "free: mean over dimensions": (
        "free_loss",
        FREE.format("kl.mean(0).clamp(min=free).mean() - fit.mean()"),
        {F},
    ),
    "free: axes exchanged": (
        "free_loss",
        FREE.format("kl.mean(1).clamp(min=free).sum() - fit.mean()"),
        {F},
    ),
    "linear: no half": (
        "best_linear",
        linear(rates="torch.log(variance / (beta * sigma**2)).clamp(min=0)"),
        {E, EA},
    ),
    "linear: beta ignored": (
        "best_linear",
        linear(rates="torch.log(variance / sigma**2).clamp(min=0) / 2"),
        {E, EA},
    ),
    "linear: beta the wrong way": (
        "best_linear",
        linear(
            rates="torch.log(variance * beta / sigma**2).clamp(min=0) / 2",
            left="torch.minimum(variance, torch.tensor(sigma**2 / beta))",
        ),
        {E, EA},
    ),
    "linear: negative rates": (
        "best_linear",
        linear(rates="torch.log(variance / (beta * sigma**2)) / 2"),
        {E, EA},
    ),
    "linear: uncoded axes forgotten": ("best_linear", linear(rest="0"), {EA}),
    "linear: constant for latents only": (
        "best_linear",
        linear(constant="latents * math.log(sigma * (2 * math.pi) ** 0.5)"),
        {EA},
    ),
    "linear: no constant": ("best_linear", linear(constant="0"), {E, EA}),
    "linear: error for distortion": (
        "best_linear",
        linear(distortion="left.sum() + rest + constant"),
        {E, EA},
    ),
    "linear: error e^(-r)": (
        "best_linear",
        linear(left="variance * (-rates).exp()"),
        {E, EA},
    ),
    "linear: signal to noise plus one": (
        "best_linear",
        linear(rates="torch.log1p(variance / (beta * sigma**2)) / 2"),
        {E, EA},
    ),
    # 5
    "nested: mean of the logarithms": (
        "nested",
        nested(value="blocks.mean((0, 1))"),
        {N, NA},
    ),
    "nested: sum of the weights": (
        "nested",
        nested(value="blocks.logsumexp(1).mean(0)"),
        {N, NA},
    ),
    "nested: first block only": (
        "nested",
        nested(value="blocks[0].logsumexp(0) - math.log(k)"),
        {N, NA},
    ),
    "nested: every k-th draw": (
        "nested",
        nested(value="(blocks.logsumexp(0) - math.log(K // k)).mean(0)"),
        {N, NA},
    ),
    "nested: blocks not of neighbours": (
        "nested",
        nested(blocks="log_w.reshape(k, K // k, n).transpose(0, 1)"),
        {NA},
    ),
    "nested: sorted": ("nested", nested(order="sorted(sizes)"), {NA}),
    "nested: underflow": (
        "nested",
        nested(value="blocks.exp().mean(1).log().mean(0)"),
        {NA},
    ),
    "nested: images mixed": (
        "nested",
        nested(blocks="log_w.T.reshape(K // k, k, n)"),
        {N, NA},
    ),
    "scores: estimate is the elbo": ("scores", scores(values="log_w.mean(0)"), {CA}),
    "scores: mean over all weights": (
        "scores",
        scores(values="(log_w.flatten().logsumexp(0) - math.log(K * n)).expand(n)"),
        {C, CA},
    ),
    "scores: errors over all draws": (
        "scores",
        scores(elbo_stderr="log_w.std() / (K * n) ** 0.5"),
        {C, CA},
    ),
    "scores: divisor n": (
        "scores",
        scores(elbo_stderr="elbo.std(correction=0) / n**0.5"),
        {CA},
    ),
    "scores: standard deviation": ("scores", scores(stderr="values.std()"), {CA}),
    "scores: no 1 / K": (
        "scores",
        scores(noise="(1 / effective).sum().sqrt() / n"),
        {C, CA},
    ),
    "scores: noise over the root of n": (
        "scores",
        scores(noise="(1 / effective - 1 / K).clamp(min=0).sum().sqrt() / n**0.5"),
        {C, CA},
    ),
    "scores: variance for error": (
        "scores",
        scores(noise="(1 / effective - 1 / K).clamp(min=0).sum() / n"),
        {C, CA},
    ),
    "scores: share of draws": (
        "scores",
        scores(effective="1 / log_w.softmax(0).square().sum(0) / K"),
        {C, CA},
    ),
    "scores: one size for all": (
        "scores",
        scores(effective="1 / log_w.softmax(0).square().sum()"),
        {C, CA},
    ),
    "scores: underflow": (
        "scores",
        scores(effective="log_w.exp().sum(0) ** 2 / log_w.exp().square().sum(0)"),
        {CA},
    ),
    "upper: star forgotten": (
        "upper",
        UPPER.format("log_w.logsumexp(0) - math.log(max(K, 1))"),
        {U, UA},
    ),
    "upper: star alone": ("upper", UPPER.format("log_w_star"), {U, UA}),
    "upper: divided by K": (
        "upper",
        UPPER.format(f"{UPPER_ALL}.logsumexp(0) - math.log(max(K, 1))"),
        {U, UA},
    ),
    "upper: mean of the logarithms": (
        "upper",
        UPPER.format(f"{UPPER_ALL}.mean(0)"),
        {U, UA},
    ),
    "upper: in place of a draw": (
        "upper",
        UPPER.format(
            "torch.cat([log_w[: K - 1], log_w_star[None]]).logsumexp(0) "
            "- math.log(max(K, 1))"
        ),
        {U, UA},
    ),
    "upper: underflow": (
        "upper",
        UPPER.format(f"{UPPER_ALL}.exp().mean(0).log()"),
        {UA},
    ),
    "upper: the other way round": (
        "upper",
        UPPER.format("log_w_star - log_w.logsumexp(0) + math.log(K + 1)"),
        {U, UA},
    ),
    "upper: the largest": ("upper", UPPER.format(f"{UPPER_ALL}.amax(0)"), {U, UA}),
    "upper: star half": (
        "upper",
        UPPER.format(
            "torch.logaddexp(log_w_star, log_mean_exp(log_w, 0)) - math.log(2)"
            " if K else log_w_star"
        ),
        {U, UA},
    ),
}

RIGHT = {
    "kl: the formula": ("kl_between", kl()),
    "kl: torch.distributions": ("kl_between", KL_TORCH),
    "kl: numpy": ("kl_between", KL_NUMPY),
    "kl: a matrix of one number": (
        "kl_between",
        kl(far="d[None] @ P @ d[:, None]"),
    ),
    "report: outer product": ("report", report()),
    "report: a loop, and a list": ("report", REPORT_LOOP),
    "report: three nodes are exact": ("report", REPORT_NODES),
    "report: single precision": (
        "report",
        report(value="(fit - price).float()"),
    ),
    "best: powers": ("best_std", best()),
    "best: bisection": ("best_std", BEST_BISECTION),
    "law: exp for expm1": ("laplace_law", law()),
    "law: the lecture's far edges": ("laplace_law", law(far="1e4")),
    "law: pixel by pixel": ("laplace_law", LAW_LOOP),
    "law: logarithms of the distribution function": ("laplace_law", LAW_TAILS),
    "verdict: by hand": ("verdict", verdict()),
    "sigma: three logarithms": ("best_sigma_loss", sigma()),
    "sigma: held fixed": ("best_sigma_loss", SIGMA_DETACHED),
    "posterior: einsum": ("posterior", posterior()),
    "posterior: by pixels": ("posterior", POSTERIOR_PIXELS),
    "posterior: single precision": ("posterior", POSTERIOR_SINGLE),
    "gap: trace": ("mean_gap", gap()),
    "gap: log p less elbo": ("mean_gap", GAP_DIFFERENCE),
    "gap: along the axes of S": ("mean_gap", GAP_BASIS),
    "principal: eigenvectors": ("principal", PRINCIPAL.format("W @ R.flip(1)")),
    "principal: numpy": ("principal", PRINCIPAL_SVD.format("U * s")),
    "principal: other signs": ("principal", PRINCIPAL_SVD.format("-U * s")),
    "principal: of W W'": ("principal", PRINCIPAL_COV),
    "dimensions: mismatch first": ("per_dimension", dimension()),
    "dimensions: cells of the line": ("per_dimension", DIMENSION_NODES),
    "free: maximum": (
        "free_loss",
        FREE.format(
            "torch.clamp(torch.mean(kl, dim=0), free, None).sum() - fit.mean()"
        ),
    ),
    "free: where": (
        "free_loss",
        FREE.format(
            "sum(k.mean() if k.mean() > free else free for k in kl.T) - fit.mean()"
        ),
    ),
    "linear: water filling": ("best_linear", linear()),
    "linear: a loop": ("best_linear", LINEAR_LOOP),
    "nested: reshape": ("nested", nested()),
    "nested: numpy": ("nested", NESTED_TOP),
    "scores: logarithms": ("scores", scores()),
    "scores: a loop": ("scores", SCORES_LOOP),
    "scores: nothing clamped": (
        "scores",
        scores(noise="(1 / effective - 1 / K).sum() ** 0.5 / n"),
    ),
    "scores: mean of squares": (
        "scores",
        scores(noise="(log_w.softmax(0).var(0, correction=0) * K).sum().sqrt() / n"),
    ),
    "upper: cat": ("upper", UPPER.format(f"log_mean_exp({UPPER_ALL}, dim=0)")),
    "upper: logaddexp": (
        "upper",
        UPPER.format(
            "torch.logaddexp(log_w.logsumexp(0), log_w_star) - math.log(K + 1)"
        ),
    ),
}
