"""Answers to the problem set on variational inference that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

ACCOUNTS = """
def accounts(log_prior, log_lik, log_q):
    q = log_q.exp()

    def mean(values):
        return {mean}

    joint = log_prior + log_lik
    fit, entropy = {fit}, {entropy}
    price = {price}
    energy, elbo = {energy}, {elbo}
    return Accounts(fit, price, energy, entropy, elbo, {log_p} - elbo)
"""


def accounts(
    mean="torch.where(q > 0, q * values, 0).sum(1)",
    fit="mean(log_lik)",
    price="mean(log_q - log_prior)",
    energy="-mean(joint)",
    entropy="-mean(log_q)",
    elbo="fit - price",
    log_p="torch.logsumexp(joint, 1)",
):
    return ACCOUNTS.format(
        mean=mean,
        fit=fit,
        price=price,
        energy=energy,
        entropy=entropy,
        elbo=elbo,
        log_p=log_p,
    )


ACCOUNTS_TORCH = """
def accounts(log_prior, log_lik, log_q):
    rows = []
    for lik, row in zip(log_lik, log_q):
        keep = row > -torch.inf
        q, lq, lp, ll = row[keep].exp(), row[keep], log_prior[keep], lik[keep]
        energy, entropy = -(q * (lp + ll)).sum(), -(q * lq).sum()
        elbo = entropy - energy
        log_p = (log_prior + lik).logsumexp(0)
        price = (q * (lq - lp)).sum()
        rows.append(torch.stack([(q * ll).sum(), price, energy, entropy, elbo,
                                 log_p - elbo]))
    return Accounts(*torch.stack(rows, 1))
"""
SEVERAL = """
def several(log_joint, log_q, draws):
    m = log_q.shape[1]
    total = 0
    for z in {outcomes}:
        z = list(z)
        log_w = log_joint[:, z] - log_q[:, z]
        total = total + {chance} * {value}
    return total
"""


def several(
    outcomes="product(range(m), repeat=draws)",
    chance="log_q[:, z].sum(1).exp()",
    value="(log_w.logsumexp(1) - math.log(draws))",
):
    return SEVERAL.format(outcomes=outcomes, chance=chance, value=value)


SEVERAL_PAIRS = """
def several(log_joint, log_q, draws):
    log_w = log_joint - log_q
    if draws == 1:
        return (log_q.exp() * log_w).sum(1)
    pairs = (log_w[:, :, None].logaddexp(log_w[:, None]) - math.log(2)).flatten(1)
    chance = (log_q[:, :, None] + log_q[:, None]).flatten(1).exp()
    two = (chance * pairs).sum(1)
    return two + (log_joint.logsumexp(1) - two) * (draws - 2) / draws
"""
SEVERAL_SAMPLED = """
def several(log_joint, log_q, draws):
    z = torch.multinomial(log_q.exp(), 20000 * draws, True)
    log_w = (log_joint - log_q).gather(1, z).view(len(z), -1, draws)
    return (log_w.logsumexp(2) - math.log(draws)).mean(1)
"""
SEVERAL_COUNTS = """
def several(log_joint, log_q, draws):
    from itertools import combinations_with_replacement
    from math import factorial

    log_w, total = log_joint - log_q, 0
    for chosen in combinations_with_replacement(range(log_q.shape[1]), draws):
        ways = factorial(draws)
        for z in set(chosen):
            ways //= factorial(chosen.count(z))
        index = list(chosen)
        mean = log_w[:, index].logsumexp(1) - math.log(draws)
        total = total + ways * log_q[:, index].sum(1).exp() * mean
    return total
"""
UPDATE = """
def update(causes, x, mu, j):
    W, a, s = causes
    others = {others}
    w = W[:, j]
    gain = (w @ (x - W @ others){size}) / {noise}
    return ({prior} + gain).sigmoid()
"""


def update(
    others="torch.where(torch.arange(len(mu)) == j, 0, mu)",
    size=" - w @ w / 2",
    noise="s**2",
    prior="a[j]",
):
    return UPDATE.format(others=others, size=size, noise=noise, prior=prior)


UPDATE_IN_PLACE = """
def update(causes, x, mu, j):
    mu[j] = 0
    w = causes.weight[:, j]
    gain = (w @ (x - causes.weight @ mu) - w @ w / 2) / causes.std**2
    mu[j] = (causes.log_odds[j] + gain).sigmoid()
    return mu[j].clone()
"""
UPDATE_ENUMERATED = """
def update(causes, x, mu, j):
    h, chance = all_chances(mu)
    on, off = h.clone(), h.clone()
    on[:, j], off[:, j] = 1, 0
    return (chance @ (causes.log_joint(x, on) - causes.log_joint(x, off))).sigmoid()
"""
UPDATE_TWO = """
def update(causes, x, mu, j):
    value = []
    for on in (0.0, 1.0):
        trial = mu.clone()
        trial[j] = on
        off = (x - causes.weight @ trial).square().sum()
        value.append(-off / (2 * causes.std**2) + on * causes.log_odds[j])
    return torch.stack(value).softmax(0)[1].item()
"""
UPDATE_SLOPE = """
def update(causes, x, mu, j):
    def energy(m):
        off = (x - causes.weight @ m).square().sum()
        off = off + causes.weight.square().sum(0) @ (m * (1 - m))
        return m @ causes.log_odds - off / (2 * causes.std**2)

    return torch.func.grad(energy)(mu)[j].sigmoid()
"""
ELBO = """
def causes_elbo(causes, x, mu):
    W, a, s = causes
    off = (x - W @ mu).square().sum() + {variance}
    fit = -off / (2 * s**2) - {pixels} * math.log({scale})
    prior = {prior}
    return fit + prior + ({entropy}).sum()
"""


def elbo(
    variance="(W**2).sum(0) @ (mu - mu**2)",
    pixels="len(x)",
    scale="(2 * math.pi) ** 0.5 * s",
    prior="(mu * F.logsigmoid(a) + (1 - mu) * F.logsigmoid(-a)).sum()",
    entropy="-torch.xlogy(mu, mu) - torch.xlogy(1 - mu, 1 - mu)",
):
    return ELBO.format(
        variance=variance, pixels=pixels, scale=scale, prior=prior, entropy=entropy
    )


ELBO_SLOW = """
def causes_elbo(causes, x, mu):
    h, chance = all_chances(mu)
    return (chance * causes.log_joint(x, h)).sum() + torch.special.entr(chance).sum()
"""
ELBO_TORCH = """
def causes_elbo(causes, x, mu):
    W, a, s = causes
    flip = torch.distributions.Bernoulli(probs=mu, validate_args=False)
    price = torch.distributions.kl_divergence(
        flip, torch.distributions.Bernoulli(logits=a)
    )
    middle = Normal(W @ mu, s).log_prob(x).sum()
    return middle - (W**2 @ (mu * (1 - mu))).sum() / (2 * s**2) - price.sum()
"""
LOO = """
def loo_gradient(logits, h, f):
    n = f.shape[1]
    baseline = {baseline}
    score = {score}
    return ((f - baseline)[..., None] * score).{reduce}
"""


def loo(
    baseline="(f.sum(1, keepdim=True) - f) / (n - 1)",
    score="h - torch.sigmoid(logits)",
    reduce="mean(1)",
):
    return LOO.format(baseline=baseline, score=score, reduce=reduce)


LOO_CENTRED = """
def loo_gradient(logits, h, f):
    centred = f - f.mean(1, keepdim=True)
    return torch.einsum("bn,bnm->bm", centred, h - logits.sigmoid()) / (f.shape[1] - 1)
"""
LOO_AUTOGRAD = """
def loo_gradient(logits, h, f):
    n = f.shape[1]
    own = torch.eye(n, dtype=torch.bool)
    others = f[:, None].expand(-1, n, -1).masked_fill(own, 0).sum(2) / (n - 1)
    rows = logits.expand(len(f), 1, len(logits)).clone().requires_grad_()
    log_q = (h * rows - F.softplus(rows)).sum(2)
    return torch.autograd.grad(((f - others) * log_q).mean(1).sum(), rows)[0][:, 0]
"""
BOUND = """
def bound_gradient(logits, h, log_w):
    K = log_w.shape[1]
    bound = log_w.logsumexp(1, keepdim=True) - math.log(K)
    own = torch.eye(K, dtype=torch.bool)
    others = log_w[:, None].expand(-1, K, -1)
    baseline = {baseline}
    signal = {signal}
    return (signal[..., None] * (h - logits.sigmoid())).{reduce}
"""


def bound(
    baseline="others.masked_fill(own, -torch.inf).logsumexp(2) - math.log(K - 1)",
    signal="bound - baseline - log_w.softmax(1)",
    reduce="sum(1)",
):
    return BOUND.format(baseline=baseline, signal=signal, reduce=reduce)


# Each weight is replaced by the geometric mean of the others.
BOUND_GEOMETRIC = bound(
    baseline="torch.where(own, (others.masked_fill(own, 0).sum(2) / (K - 1))[..., None]"
    ", others).logsumexp(2) - math.log(K)"
)
BOUND_MEAN = bound(baseline="others.masked_fill(own, 0).sum(2) / (K - 1)")
BOUND_MAX = bound(baseline="others.masked_fill(own, -torch.inf).amax(2)")
LANGEVIN = """
def langevin_log_ratio(log_prob, z, new, step):
    here, there = {here}, {there}
    out = (new - z - {half} * here) / {width}
    back = {back} / {width}
    move = {move}
    return {ratio}
"""


def langevin(
    here="gradient(log_prob, z)",
    there="gradient(log_prob, new)",
    half="step**2 / 2",
    width="step",
    back="(z - new - {half} * there)",
    move="(out**2 - back**2).sum(1) / 2",
    ratio="log_prob(new) - log_prob(z) + move",
):
    back = back.format(half=half)
    return LANGEVIN.format(
        here=here,
        there=there,
        half=half,
        width=width,
        back=back,
        move=move,
        ratio=ratio,
    )


LANGEVIN_LEAPFROG = """
def langevin_log_ratio(log_prob, z, new, step):
    first = (new - z) / step - step / 2 * gradient(log_prob, z)
    half_way = first + step / 2 * gradient(log_prob, z)
    last = half_way + step / 2 * gradient(log_prob, new)
    return (first**2 - last**2).sum(1) / 2 + log_prob(new) - log_prob(z)
"""
LANGEVIN_EXPANDED = """
def langevin_log_ratio(log_prob, z, new, step):
    g, k = gradient(log_prob, z), gradient(log_prob, new)
    trapezium = ((new - z) * (g + k)).sum(1) / 2
    bend = (step**2 * (k**2 - g**2)).sum(1) / 8
    return log_prob(new) - log_prob(z) - trapezium - bend
"""
DEPARTURE = """
def departure(kernel, z, statistics):
    before, after = statistics(z), {after}
    n = len(z)
    change = {change}
    error = {error}
    return {result}
"""


def departure(
    after="statistics(kernel(z))",
    change="after - before",
    error="change.std(0) / n**0.5",
    result="(change.mean(0) / error).nan_to_num(0)",
):
    return DEPARTURE.format(after=after, change=change, error=error, result=result)


DEPARTURE_LOOP = """
def departure(kernel, z, statistics):
    moved, scores = kernel(z), []
    for b, a in zip(statistics(z).T, statistics(moved).T):
        d = (a - b).numpy()
        scores.append(0.0 if (d == 0).all() else d.mean() / (d.std() / len(d) ** 0.5))
    return torch.tensor(scores)
"""
VERDICT = """
verdict = dict.fromkeys(samplers, True)
verdict.update({changes})
"""


def verdict(*broken):
    return VERDICT.format(changes=dict.fromkeys(broken, False))


SECOND = """
def log_second_moment(cov_p, cov_q):
    P, Q = torch.linalg.inv(cov_p), torch.linalg.inv(cov_q)
    rest = {rest}
    if {bad}:
        return torch.tensor(torch.inf)
    return {value}
"""


def second(
    rest="2 * P - Q",
    bad="torch.linalg.cholesky_ex(rest).info > 0",
    value="P.logdet() - Q.logdet() / 2 - rest.logdet() / 2",
):
    return SECOND.format(rest=rest, bad=bad, value=value)


SECOND_DIAGONAL = """
def log_second_moment(cov_p, cov_q):
    p, q = 1 / cov_p.diagonal(), 1 / cov_q.diagonal()
    rest = 2 * p - q
    if (rest <= 0).any():
        return torch.tensor(torch.inf)
    return (p.log() - q.log() / 2 - rest.log() / 2).sum()
"""
SECOND_SAMPLED = """
def log_second_moment(cov_p, cov_q):
    zero = torch.zeros(len(cov_p))
    p, q = MultivariateNormal(zero, cov_p), MultivariateNormal(zero, cov_q)
    z = q.sample((200_000,))
    return (2 * (p.log_prob(z) - q.log_prob(z))).logsumexp(0) - math.log(200_000)
"""
SECOND_RATIO = """
def log_second_moment(cov_p, cov_q):
    # In coordinates in which p is standard and q is diagonal.
    root = torch.linalg.inv(torch.linalg.cholesky(cov_p))
    c = torch.linalg.eigvalsh(root @ cov_q @ root.T)
    if (c <= 0.5).any():
        return math.inf
    return (c.log() - torch.log(2 * c - 1) / 2).sum().item()
"""
SECOND_TORCH = """
def log_second_moment(cov_p, cov_q):
    P, Q = cov_p.inverse(), cov_q.inverse()
    rest = 2 * P - Q
    zero = torch.zeros(len(P))
    try:
        shape = MultivariateNormal(zero, precision_matrix=(rest + rest.T) / 2)
    except ValueError:
        return torch.tensor(math.inf)
    at = [MultivariateNormal(zero, c).log_prob(zero) for c in (cov_p, cov_q)]
    return 2 * at[0] - at[1] - shape.log_prob(zero)
"""
SELF = """
def self_normalised(log_w, f):
    n = len(f)
    share = {share}
    estimate = {estimate}
    return estimate, {error}
"""


def self_normalised(
    share="(log_w - log_w.logsumexp(0)).exp()",
    estimate="(share * f).sum()",
    error="(share**2 * (f - estimate) ** 2).sum().sqrt()",
):
    return SELF.format(share=share, estimate=estimate, error=error)


DEFENSIVE = """
def defensive_log_w(log_p, log_q, log_wide, alpha):
    return {}
"""
DEFENSIVE_CASES = """
def defensive_log_w(log_p, log_q, log_wide, alpha):
    if alpha == 0:
        return log_p - log_q
    if alpha == 1:
        return log_p - log_wide
    both = torch.stack([log_wide + math.log(alpha), log_q + math.log(1 - alpha)])
    return log_p - both.logsumexp(0)
"""
DEFENSIVE_TOP = """
def defensive_log_w(log_p, log_q, log_wide, alpha):
    top = torch.maximum(log_q, log_wide)
    scaled = alpha * (log_wide - top).exp() + (1 - alpha) * (log_q - top).exp()
    return log_p - top - scaled.log()
"""
A, A0 = "test_accounts", "test_accounts_zeros"
S, SA = "test_several", "test_several_any"
U, UA = "test_update", "test_update_any"
E, EF = "test_elbo", "test_elbo_far"
L, LA = "test_loo", "test_loo_any"
B, BA = "test_bound", "test_bound_any"
G, GA = "test_langevin", "test_langevin_any"
D, DA = "test_departure", "test_departure_any"
V = "test_verdict"
M, MA = "test_second", "test_second_any"
N, NA = "test_self", "test_self_any"
W = "test_defensive"

WRONG = {
    # 1
    "accounts: 0 log 0": ("accounts", accounts(mean="(q * values).sum(1)"), {A0}),
    "accounts: 0 log 0 patched by nan_to_num": (
        "accounts",
        accounts(mean="(q * values.nan_to_num(0, 0, 0)).sum(1)"),
        {A0},
    ),
    "accounts: clamped": (
        "accounts",
        accounts(mean="(q * values.clamp(-1e4, 1e4)).sum(1)"),
        {A0},
    ),
    "accounts: fit plus price": ("accounts", accounts(elbo="fit + price"), {A, A0}),
    "accounts: KL the other way": (
        "accounts",
        accounts(price="(log_prior.exp() * (log_prior - log_q)).sum(1)"),
        {A, A0},
    ),
    "accounts: price to the posterior": (
        "accounts",
        accounts(price="mean(log_q - joint.log_softmax(1))"),
        {A, A0},
    ),
    "accounts: energy with its sign lost": (
        "accounts",
        accounts(energy="mean(joint)"),
        {A, A0},
    ),
    "accounts: energy without the prior": (
        "accounts",
        accounts(energy="-mean(log_lik)"),
        {A, A0},
    ),
    "accounts: fit by the prior": (
        "accounts",
        accounts(fit="(log_prior.exp() * log_lik).sum(1)"),
        {A, A0},
    ),
    "accounts: gap to log p(x | z)": (
        "accounts",
        accounts(log_p="log_lik.logsumexp(1)"),
        {A, A0},
    ),
    "accounts: no logarithms": (
        "accounts",
        accounts(log_p="joint.exp().sum(1).log()"),
        {A0},
    ),
    "several: sum instead of mean": (
        "several",
        several(value="log_w.logsumexp(1)"),
        {S, SA},
    ),
    "several: mean of the logarithms": (
        "several",
        several(value="log_w.mean(1)"),
        {SA},
    ),
    "several: no value twice": (
        "several",
        several(outcomes="__import__('itertools').permutations(range(m), draws)"),
        {S, SA},
    ),
    "several: outcomes without order": (
        "several",
        several(
            outcomes="__import__('itertools').combinations_with_replacement("
            "range(m), draws)"
        ),
        {S, SA},
    ),
    "several: outcomes alike": (
        "several",
        several(chance="m**-draws"),
        {S, SA},
    ),
    "several: underflow": (
        "several",
        several(value="log_w.exp().mean(1).log()"),
        {SA},
    ),
    "several: guessed beyond the lecture's pairs": ("several", SEVERAL_PAIRS, {SA}),
    "several: sampled": ("several", SEVERAL_SAMPLED, {S, SA}),
    # 2
    "update: variance forgotten": (
        "update",
        update(size=" - w @ w * (0.5 - mu[j])"),
        {U, UA},
    ),
    "update: own size forgotten": ("update", update(size=""), {U, UA}),
    "update: own share kept": ("update", update(others="mu"), {U, UA}),
    "update: own size twice": ("update", update(size=" - w @ w"), {U, UA}),
    "update: standard deviation for variance": ("update", update(noise="s"), {U, UA}),
    "update: no noise": ("update", update(noise="1"), {U, UA}),
    "update: no prior": ("update", update(prior="0"), {U, UA}),
    "update: prior as a probability": (
        "update",
        update(prior="a[j].sigmoid().log()"),
        {U, UA},
    ),
    "update: others rounded": (
        "update",
        update(others="torch.where(torch.arange(len(mu)) == j, 0, mu.round())"),
        {U, UA},
    ),
    "update: in place": ("update", UPDATE_IN_PLACE, {UA}),
    "update: enumerated": ("update", UPDATE_ENUMERATED, {UA}),
    "elbo: no variance": ("causes_elbo", elbo(variance="0"), {E, EF}),
    "elbo: second moment for variance": (
        "causes_elbo",
        elbo(variance="(W**2).sum(0) @ mu"),
        {E, EF},
    ),
    "elbo: normaliser once": ("causes_elbo", elbo(pixels="1"), {E, EF}),
    "elbo: normaliser forgotten": ("causes_elbo", elbo(pixels="0"), {E, EF}),
    "elbo: normaliser without the noise": (
        "causes_elbo",
        elbo(scale="(2 * math.pi) ** 0.5"),
        {E, EF},
    ),
    "elbo: prior without its normaliser": (
        "causes_elbo",
        elbo(prior="(mu * a).sum()"),
        {E, EF},
    ),
    "elbo: half of the entropy": (
        "causes_elbo",
        elbo(entropy="-torch.xlogy(mu, mu)"),
        {E, EF},
    ),
    "elbo: entropy's sign": (
        "causes_elbo",
        elbo(entropy="torch.xlogy(mu, mu) + torch.xlogy(1 - mu, 1 - mu)"),
        {E, EF},
    ),
    "elbo: 0 log 0": (
        "causes_elbo",
        elbo(entropy="-mu * mu.log() - (1 - mu) * (1 - mu).log()"),
        {EF},
    ),
    "elbo: clamped": (
        "causes_elbo",
        elbo(entropy="-(mu * (mu + 1e-4).log() + (1 - mu) * (1 - mu + 1e-4).log())"),
        {E, EF},
    ),
    "elbo: enumerated": ("causes_elbo", ELBO_SLOW, {EF}),
    # 3
    "loo: no baseline": ("loo", loo(baseline="0"), {LA}),
    "loo: everyone": ("loo", loo(baseline="f.mean(1, keepdim=True)"), {L, LA}),
    "loo: mean over the batch": ("loo", loo(baseline="f.mean()"), {LA}),
    "loo: one other": ("loo", loo(baseline="f.roll(1, 1)"), {LA}),
    "loo: divided by n": (
        "loo",
        loo(baseline="(f.sum(1, keepdim=True) - f) / n"),
        {LA},
    ),
    "loo: its own value": ("loo", loo(baseline="f"), {L, LA}),
    "loo: sum over draws": ("loo", loo(reduce="sum(1)"), {L, LA}),
    "loo: over n - 1": ("loo", loo(reduce="sum(1) / (n - 1)"), {L, LA}),
    "loo: one row a draw": ("loo", loo(reduce="mean(0)"), {L, LA}),
    "loo: the other sign": ("loo", loo(score="logits.sigmoid() - h"), {L, LA}),
    "loo: derivative by the probability": (
        "loo",
        loo(score="(h - logits.sigmoid()) / (logits.sigmoid() * (-logits).sigmoid())"),
        {L, LA},
    ),
    "loo: scaled by the spread": (
        "loo",
        loo().replace("(f - baseline)", "((f - baseline) / f.std(1, keepdim=True))"),
        {L, LA},
    ),
    "bound: second term forgotten": (
        "bound_gradient",
        bound(signal="bound - baseline"),
        {B, BA},
    ),
    "bound: second term's sign": (
        "bound_gradient",
        bound(signal="bound - baseline + log_w.softmax(1)"),
        {B, BA},
    ),
    "bound: second term with equal shares": (
        "bound_gradient",
        bound(signal="bound - baseline - 1 / K"),
        {B, BA},
    ),
    "bound: the ELBO's gradient": (
        "bound_gradient",
        bound(
            baseline="others.masked_fill(own, 0).sum(2) / (K - 1)",
            signal="log_w - baseline",
            reduce="mean(1)",
        ),
        {B, BA},
    ),
    "bound: no baseline": ("bound_gradient", bound(baseline="0"), {BA}),
    "bound: baseline is the bound": (
        "bound_gradient",
        bound(baseline="bound"),
        {B, BA},
    ),
    "bound: averaged": ("bound_gradient", bound(reduce="mean(1)"), {B, BA}),
    "bound: baseline over the batch": (
        "bound_gradient",
        bound(baseline="bound.mean()"),
        {BA},
    ),
    "bound: underflow": (
        "bound_gradient",
        bound(signal="bound - baseline - log_w.exp() / log_w.exp().sum(1, True)"),
        {BA},
    ),
    # 4
    "langevin: as if symmetric": ("langevin", langevin(move="0"), {G, GA}),
    "langevin: moves exchanged": (
        "langevin",
        langevin(move="(back**2 - out**2).sum(1) / 2"),
        {G, GA},
    ),
    "langevin: one gradient": (
        "langevin",
        langevin(there="gradient(log_prob, z)"),
        {G, GA},
    ),
    "langevin: back with the drift of the way out": (
        "langevin",
        langevin(back="(z - new + {half} * there)"),
        {G, GA},
    ),
    "langevin: whole drift": ("langevin", langevin(half="step**2"), {G, GA}),
    "langevin: drift by the step": ("langevin", langevin(half="step / 2"), {G, GA}),
    "langevin: variance for width": ("langevin", langevin(width="step**2"), {G, GA}),
    "langevin: root of two": (
        "langevin",
        langevin(width="(2**0.5 * step)"),
        {G, GA},
    ),
    "langevin: one step size for all": (
        "langevin",
        langevin().replace("here, there", "step = step.mean()\n    here, there", 1),
        {GA},
    ),
    "langevin: target forgotten": ("langevin", langevin(ratio="move"), {G, GA}),
    "langevin: clamped to a probability": (
        "langevin",
        langevin(ratio="(log_prob(new) - log_prob(z) + move).clamp(max=0)"),
        {G, GA},
    ),
    "langevin: sign": (
        "langevin",
        langevin(ratio="log_prob(z) - log_prob(new) - move"),
        {G, GA},
    ),
    "departure: as if independent": (
        "departure",
        departure(error="((before.var(0) + after.var(0)) / n).sqrt()"),
        {D, DA, V},
    ),
    "departure: no root of n": (
        "departure",
        departure(error="change.std(0)"),
        {D, DA, V},
    ),
    "departure: 0 / 0": (
        "departure",
        departure(result="change.mean(0) / error"),
        {DA},
    ),
    "departure: without sign": (
        "departure",
        departure(result="(change.mean(0) / error).nan_to_num(0).abs()"),
        {DA},
    ),
    "departure: before minus after": (
        "departure",
        departure(change="before - after"),
        {D, DA},
    ),
    "departure: statistics of the change": (
        "departure",
        departure(change="statistics(kernel(z) - z)"),
        {D, DA, V},
    ),
    "departure: moved twice": (
        "departure",
        departure(after="statistics(kernel(kernel(z)))"),
        {DA},
    ),
    "departure: one number": (
        "departure",
        departure(error="change.std() / n**0.5"),
        {DA},
    ),
    "verdict: borrowed condemned": (
        "verdict",
        verdict("borrowed", "whole_kicks", "stubborn", "careful"),
        {V},
    ),
    "verdict: all fine": ("verdict", verdict(), {V}),
    "verdict: dots": ("verdict", "verdict = dict.fromkeys(samplers, ...)", {V}),
    "verdict: careful let off": ("verdict", verdict("whole_kicks", "stubborn"), {V}),
    "verdict: dice condemned": (
        "verdict",
        verdict("dice", "whole_kicks", "stubborn", "careful"),
        {V},
    ),
    # 5
    "second: determinant's sign": ("second", second(bad="rest.det() <= 0"), {MA}),
    "second: never infinite": ("second", second(bad="False"), {M, MA}),
    "second: only the diagonal looked at": (
        "second",
        second(bad="(rest.diagonal() <= 0).any()"),
        {MA},
    ),
    "second: covariances for precisions": (
        "second",
        second(rest="2 * cov_p - cov_q"),
        {M, MA},
    ),
    "second: p and q exchanged": ("second", second(rest="2 * Q - P"), {M, MA}),
    "second: determinant of p once": (
        "second",
        second(value="P.logdet() / 2 - Q.logdet() / 2 - rest.logdet() / 2"),
        {MA},
    ),
    "second: last determinant forgotten": (
        "second",
        second(value="P.logdet() - Q.logdet() / 2"),
        {M, MA},
    ),
    "second: no roots": (
        "second",
        second(value="2 * P.logdet() - Q.logdet() - rest.logdet()"),
        {M, MA},
    ),
    "second: not the logarithm": (
        "second",
        second(value="(P.logdet() - Q.logdet() / 2 - rest.logdet() / 2).exp()"),
        {M, MA},
    ),
    "second: determinants that overflow": (
        "second",
        second(value="(P.det() / (Q.det() * rest.det()).sqrt()).log()"),
        {MA},
    ),
    "second: diagonals only": ("second", SECOND_DIAGONAL, {MA}),
    "second: sampled": ("second", SECOND_SAMPLED, {M, MA}),
    "self: shares not squared": (
        "self_normalised",
        self_normalised(error="(share * (f - estimate) ** 2).sum().sqrt()"),
        {N, NA},
    ),
    "self: weighted spread over the root of n": (
        "self_normalised",
        self_normalised(error="((share * (f - estimate) ** 2).sum() / n).sqrt()"),
        {NA},
    ),
    "self: plain mean": (
        "self_normalised",
        self_normalised(error="(share**2 * (f - f.mean()) ** 2).sum().sqrt()"),
        {N, NA},
    ),
    "self: plain spread": (
        "self_normalised",
        self_normalised(error="f.std() / n**0.5"),
        {N, NA},
    ),
    "self: variance": (
        "self_normalised",
        self_normalised(error="(share**2 * (f - estimate) ** 2).sum()"),
        {N, NA},
    ),
    "self: not normalised": (
        "self_normalised",
        self_normalised(share="log_w.exp() / n"),
        {N, NA},
    ),
    "self: underflow": (
        "self_normalised",
        self_normalised(share="log_w.exp() / log_w.exp().sum()"),
        {NA},
    ),
    "self: shares of the logarithms": (
        "self_normalised",
        self_normalised(share="log_w / log_w.sum()"),
        {N, NA},
    ),
    "defensive: shares exchanged": (
        "defensive",
        DEFENSIVE_CASES.replace("log_wide + m", "log_q + m").replace(
            "log_q + math.log(1", "log_wide + math.log(1"
        ),
        {W},
    ),
    "defensive: mean of the logarithms": (
        "defensive",
        DEFENSIVE.format("log_p - alpha * log_wide - (1 - alpha) * log_q"),
        {W},
    ),
    "defensive: mean of the weights": (
        "defensive",
        DEFENSIVE.format(
            "(alpha * (log_p - log_wide).exp() + (1 - alpha) * (log_p - log_q).exp())"
            ".log()"
        ),
        {W},
    ),
    "defensive: underflow": (
        "defensive",
        DEFENSIVE.format(
            "log_p - (alpha * log_wide.exp() + (1 - alpha) * log_q.exp()).log()"
        ),
        {W},
    ),
    "defensive: math.log of 0": (
        "defensive",
        DEFENSIVE.format(
            "log_p - torch.logaddexp(log_wide + math.log(alpha), "
            "log_q + math.log(1 - alpha))"
        ),
        {W},
    ),
}

RIGHT = {
    "accounts: torch.where": ("accounts", accounts()),
    "accounts: row by row": ("accounts", ACCOUNTS_TORCH),
    "accounts: nansum": (
        "accounts",
        accounts(mean="torch.where(q == 0, 0, values).mul(q).sum(1)"),
    ),
    "several: itertools": ("several", several()),
    "several: multinomial counts": ("several", SEVERAL_COUNTS),
    "update: others set to 0": ("update", update()),
    "update: two log-joints": ("update", UPDATE_TWO),
    "update: the slope": ("update", UPDATE_SLOPE),
    "elbo: xlogy": ("causes_elbo", elbo()),
    "elbo: fit minus price": ("causes_elbo", ELBO_TORCH),
    "loo: as the formula says": ("loo", loo()),
    "loo: centred over n - 1": ("loo", LOO_CENTRED),
    "loo: autograd": ("loo", LOO_AUTOGRAD),
    # The weights of one row sum to zero, so a constant in the score cancels.
    "loo: only what varies of the score": ("loo", loo(score="h")),
    "bound: geometric mean of the others": ("bound_gradient", BOUND_GEOMETRIC),
    "bound: mean logarithm of the others": ("bound_gradient", BOUND_MEAN),
    "bound: largest of the others": ("bound_gradient", BOUND_MAX),
    "langevin: two moves": ("langevin", langevin()),
    "langevin: a leapfrog step": ("langevin", LANGEVIN_LEAPFROG),
    "langevin: multiplied out": ("langevin", LANGEVIN_EXPANDED),
    "departure: nan_to_num": ("departure", departure()),
    "departure: numpy": ("departure", DEPARTURE_LOOP),
    "verdict: by hand": ("verdict", verdict("whole_kicks", "stubborn", "careful")),
    "verdict: as comparisons of tensors give it": (
        "verdict",
        'fine = {"borrowed", "dice"}\n'
        "verdict = {name: torch.tensor(name in fine) for name in samplers}",
    ),
    "second: Cholesky": ("second", second()),
    "second: eigenvalues": ("second", SECOND_RATIO),
    "second: torch's densities": ("second", SECOND_TORCH),
    "self: logsumexp": ("self_normalised", self_normalised()),
    "self: largest weight first": (
        "self_normalised",
        self_normalised(
            share="(log_w - log_w.max()).exp() / (log_w - log_w.max()).exp().sum()"
        ),
    ),
    "defensive: by cases": ("defensive", DEFENSIVE_CASES),
    "defensive: largest first": ("defensive", DEFENSIVE_TOP),
}
