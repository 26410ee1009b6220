"""Answers to the problem set on autoregressive models that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

GREY = """
class GreyFVSBN(nn.Module):
    def __init__(self, dim, levels):
        super().__init__()
        self.dim, self.levels = dim, levels
        mask = {mask}
        self.layer = MaskedLinear(dim, dim * levels, mask)

    def logits(self, x):
        x = {enter}
        return {leave}

    def log_prob(self, x):
        return categorical_log_prob(self.logits(x), x)
"""
ROWS = "torch.ones(dim, dim).tril({}).repeat_interleave(levels, 0)"
SCALED = "x / (self.levels - 1)"
SPLIT = "self.layer(x).view(len(x), self.dim, self.levels)"


BEFORE = ROWS.format(-1)


def grey(mask=BEFORE, enter=SCALED, leave=SPLIT):
    return GREY.format(mask=mask, enter=enter, leave=leave)


SHARED = """
class GreyFVSBN(nn.Module):
    def __init__(self, dim, levels):
        super().__init__()
        self.past = MaskedLinear(dim, dim, torch.ones(dim, dim).tril(-1))
        self.b = nn.Parameter(torch.zeros(dim, levels))

    def logits(self, x):
        return self.past(x.float())[..., None] + self.b

    def log_prob(self, x):
        return categorical_log_prob(self.logits(x), x)
"""
ONE_HOT = """
class GreyFVSBN(nn.Module):
    def __init__(self, dim, levels):
        super().__init__()
        self.dim, self.levels = dim, levels
        earlier = torch.ones(dim, dim).tril(-1)
        block = torch.ones(levels, levels)
        mask = torch.kron(earlier, block)
        self.layer = MaskedLinear(dim * levels, dim * levels, mask)

    def logits(self, x):
        code = F.one_hot(x, self.levels).flatten(1).float()
        return self.layer(code).view(-1, self.dim, self.levels)

    def log_prob(self, x):
        return categorical_log_prob(self.logits(x), x)
"""
LAYERS = """
class GreyFVSBN(nn.Module):
    def __init__(self, dim, levels):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(max(i, 1), levels) for i in range(dim)])

    def logits(self, x):
        x = x.float()
        first = self.layers[0](torch.zeros(len(x), 1))
        rest = [f(x[:, :i]) for i, f in enumerate(self.layers) if i]
        return torch.stack([first, *rest], 1)

    def log_prob(self, x):
        return categorical_log_prob(self.logits(x), x)
"""
PARAMETERS = """
class GreyFVSBN(nn.Module):
    def __init__(self, dim, levels):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(dim, levels, dim))
        self.b = nn.Parameter(torch.zeros(dim, levels))
        self.mask = nn.Parameter(torch.ones(dim, dim).tril(-1), requires_grad=False)

    def logits(self, x):
        past = self.W * self.mask[:, None]
        return torch.einsum("igj,nj->nig", past, x.float()) + self.b

    def log_prob(self, x):
        return categorical_log_prob(self.logits(x), x)
"""
TABLE = """
def level_table(x, levels, threshold):
    counts = F.one_hot(x, levels).sum(0).float() + {half}
    bit = torch.arange(levels) > {split}
    totals = torch.where(bit, {above}, {below})
    return (counts / totals).log()


def two_stage_log_prob(binary, table, x, threshold):
    bits = {bits}
    return binary.log_prob(bits) + table[torch.arange(x.shape[1]), {level}].sum(1)
"""
ABOVE = "(counts * bit).sum(1, keepdim=True)"
BELOW = "(counts * ~bit).sum(1, keepdim=True)"


def two_stage(
    half="0.5",
    split="threshold",
    above=ABOVE,
    below=BELOW,
    bits="(x > threshold).float()",
    level="x",
):
    return TABLE.format(
        half=half, split=split, above=above, below=below, bits=bits, level=level
    )


COUNTED = """
def level_table(x, levels, threshold):
    rows = []
    for pixel in x.T.tolist():
        count = [pixel.count(g) + 0.5 for g in range(levels)]
        low = sum(c for g, c in enumerate(count) if g <= threshold)
        high = sum(count) - low
        p = [c / (high if g > threshold else low) for g, c in enumerate(count)]
        rows.append([math.log(v) for v in p])
    return torch.tensor(rows)


def two_stage_log_prob(binary, table, x, threshold):
    bits = torch.where(x > threshold, 1.0, 0.0)
    picked = table.expand(len(x), -1, -1).gather(2, x[:, :, None])
    return binary.log_prob(bits) + picked.squeeze(2).sum(1)
"""
COLD = """
def cold(model, x, T):
    l = model.logits(x)
    log_z = torch.logaddexp(F.logsigmoid(l) / T, F.logsigmoid(-l) / T).sum(1)
    return {}, {}
"""
Q = "bernoulli_log_prob(l / T, x)"
COLD_BY_BATCH = """
def cold(model, x, T):
    power = bernoulli_log_prob(model.logits(x), x) / T
    log_z = power.logsumexp(0)
    return power - log_z, log_z.expand(len(x))
"""
COLD_BY_POWERS = """
def cold(model, x, T):
    p = model.logits(x).sigmoid()
    ink, paper = p ** (1 / T), (1 - p) ** (1 / T)
    taken = torch.where(x == 1, ink, paper)
    return (taken / (ink + paper)).log().sum(1), (ink + paper).log().sum(1)
"""
COLD_STACKED = """
def cold(model, x, T):
    l = model.logits(x)
    both = torch.stack([torch.zeros_like(l), l], -1).log_softmax(-1) / T
    taken = both.gather(-1, x.long()[..., None])[..., 0]
    z = both.logsumexp(-1)
    return (taken - z).sum(-1), z.sum(-1)
"""
TRAP = """
def trap(dim):
    model = FVSBN({dim}).requires_grad_(False)
    model.past.bias[0] = {fork}
    model.past.bias[1:] = {bias}
    model.past.weight[1:, 0] = {weight}
    return model
"""


def trap(fork, bias, weight, dim="dim"):
    return TRAP.format(fork=fork, bias=bias, weight=weight, dim=dim)


EXPERTS = """
def responsibilities(terms):
    evidence = F.pad(terms.cumsum(2), (1, 0))
    return {r}


def mixture_logits(experts, x):
    l = torch.stack([e.logits(x) for e in experts])
    log_r = responsibilities(F.logsigmoid((2 * x - 1) * l)){place}
    ink, paper = F.logsigmoid(l), F.logsigmoid(-l)
    return {mix}
"""
BAYES = "(log_r + ink).logsumexp(0) - (log_r + paper).logsumexp(0)"


def experts(r="evidence.log_softmax(0)", place="[:, :, :-1]", mix=BAYES):
    return EXPERTS.format(r=r, place=place, mix=mix)


EXPERTS_STEPWISE = """
def responsibilities(terms):
    count, n, dim = terms.shape
    r = [torch.full((count, n), -math.log(count))]
    for i in range(dim):
        new = r[-1] + terms[:, :, i]
        r.append(new - new.logsumexp(0, keepdim=True))
    return torch.stack(r, 2)


def mixture_logits(experts, x):
    columns = []
    for i in range(x.shape[1]):
        sides = []
        for value in (1.0, 0.0):
            pinned = x.clone()
            pinned[:, i] = value
            votes = []
            for e in experts:
                signs = 2 * pinned - 1
                votes.append(F.logsigmoid(signs * e.logits(pinned))[:, : i + 1].sum(1))
            sides.append(torch.stack(votes).logsumexp(0))
        columns.append(sides[0] - sides[1])
    return torch.stack(columns, 1)
"""
PIXELS = """
after = responsibilities(digit_terms).argmax(0)
share = (after == valid_class[:, None]).float().mean(0)
pixels_needed = {}
"""
SEES = """
@torch.no_grad()
def sees(logits, x):
    out = []
    for j in range(x.shape[1]):
        y = {copy}
        y[:, j] = {flip}
        out.append({moved})
    return torch.stack(out, {axis})
"""


def sees(
    copy="x.clone()",
    flip="1 - y[:, j]",
    moved="((logits(y) - logits(x)).abs() > 1e-5).any(0)",
    axis="1",
):
    return SEES.format(copy=copy, flip=flip, moved=moved, axis=axis)


SEES_SLOPES = """
def sees(logits, x):
    J = torch.stack([torch.func.jacrev(lambda v: logits(v[None])[0])(v) for v in x])
    return J.abs().amax(0) > 1e-5
"""
SEES_AT_ONCE = """
@torch.no_grad()
def sees(logits, x):
    n, dim = x.shape
    flips = (x[None] - torch.eye(dim)[:, None]).abs()  # pixel, image, place
    moved = logits(flips.reshape(-1, dim)).view(dim, n, dim) - logits(x)
    return (moved.abs().amax(1) > 1e-5).T.float()
"""
MENDED = """
class MendedTally(Tally):
    def logits(self, x):
        ink = x.cumsum(-1)
        return self.past(x) + {}
"""


def mended(count):
    return MENDED.format(f"self.tally[torch.arange(self.dim), ({count}).long()]")


CODER = """
def encode(model, image):
    low, width = {zero}, {one}
    for i, pixel in enumerate(image):
        p = {chance}
        low, width = (low + width * (1 - p), width * p) if pixel else {keep}
    {word}


def decode(model, code):
    number = {zero} + {read}
    image, low, width = [], {zero}, {one}
    for i in range(model.dim):
        p = {chance}
        ink = number {over} low + width * (1 - p)
        low, width = (low + width * (1 - p), width * p) if ink else {keep}
        image.append(int(ink))
    return image
"""
SHORTEST = """n = 0
    while math.ceil(low * 2**n) + {room} > (low + width) * 2**n:
        n += 1
    return f"{{math.ceil(low * 2**n):0{{n}}b}}" """
CUT = """n = 0
    while 2**n * width < {least}:
        n += 1
    return f"{{math.floor((low + width / 2) * 2**n):0{{n}}b}}" """
WHOLE = SHORTEST.format(room=1)
NUMBER = 'Fraction(int(code or "0", 2), 2 ** len(code))'


def coder(
    word=WHOLE,
    zero="Fraction(0)",
    one="Fraction(1)",
    chance="chance(model, image[:i])",
    keep="(low, width * (1 - p))",
    read=NUMBER,
    over=">=",
):
    return CODER.format(
        word=word, zero=zero, one=one, chance=chance, keep=keep, read=read, over=over
    )


RAW = """
def encode(model, image):
    return "".join(map(str, image))


def decode(model, code):
    return [int(b) for b in code[: model.dim].ljust(model.dim, "0")]
"""
INK_FIRST = """
def parts(model, image):
    low, width = Fraction(0), Fraction(1)
    for i, pixel in enumerate(image):
        p = chance(model, image[:i])
        low, width = (low, width * p) if pixel else (low + width * p, width * (1 - p))
    return low, width


def encode(model, image):
    low, width = parts(model, image)
    n = 1
    while Fraction(2, 2**n) > width:
        n += 1
    return format(math.floor((low + width / 2) * 2**n), f"0{n}b")


def decode(model, code):
    u = sum(Fraction(int(b), 2 ** (k + 1)) for k, b in enumerate(code))
    image = []
    while len(image) < model.dim:
        low, width = parts(model, image)
        image.append(1 if u < low + width * chance(model, image) else 0)
    return image
"""
TOTAL, PAST = "test_grey_total", "test_grey_past"
LEVELS, STAGES = "test_level_table", "test_two_stage"
COLDER, FAR = "test_cold", "test_cold_far"
PANEL, SURE = "test_experts", "test_experts_sure"
SIGHT, SIGHTS = "test_sees", "test_sees_all"
HONEST, COUNTS = "test_mended", "test_mended_counts"
CODES, STREAM, LONG = "test_coder", "test_coder_stream", "test_coder_long"

WRONG = {
    "grey: rows of the mask in the wrong order": (
        "grey",
        grey("torch.ones(dim, dim).tril(-1).repeat(levels, 1)"),
        {TOTAL, PAST},
    ),
    "grey: sees its own pixel": ("grey", grey(ROWS.format(0)), {TOTAL, PAST}),
    "grey: misses the pixel before": ("grey", grey(ROWS.format(-2)), {PAST}),
    "grey: no mask upside down": ("grey", grey(ROWS.format(-99)), {PAST}),
    "grey: one weight for all levels": ("grey", SHARED, {PAST}),
    "grey: only bits enter": ("grey", grey(enter="(x > 0).float()"), {PAST}),
    "grey: levels and pixels exchanged": (
        "grey",
        grey(leave="self.layer(x).view(len(x), self.levels, self.dim).mT"),
        {TOTAL, PAST},
    ),
    "grey: softmax over pixels": (
        "grey",
        grey(leave=SPLIT + ".softmax(1)"),
        {TOTAL, PAST},
    ),
    "table: not conditional": (
        "two_stage",
        two_stage(above="counts.sum(1, True)", below="counts.sum(1, True)"),
        {LEVELS, STAGES},
    ),
    "table: nothing added": ("two_stage", two_stage(half="0"), {LEVELS, STAGES}),
    "table: a whole count added": ("two_stage", two_stage(half="1"), {STAGES}),
    "table: always cut at 7.5": ("two_stage", two_stage(split="7.5"), {STAGES}),
    "table: sums over pixels": (
        "two_stage",
        two_stage(above="counts.sum(0)", below="counts.sum(0)"),
        {LEVELS, STAGES},
    ),
    "two stages: bits exchanged": (
        "two_stage",
        two_stage(bits="(x < threshold).float()"),
        {STAGES},
    ),
    "two stages: grey levels as bits": (
        "two_stage",
        two_stage(bits="x.float()"),
        {STAGES},
    ),
    "two stages: looks up the bit": (
        "two_stage",
        two_stage(level="(x > threshold).long()"),
        {STAGES},
    ),
    "cold: not normalised": (
        "cold",
        COLD.format("bernoulli_log_prob(l, x) / T", "torch.zeros(len(x))"),
        {COLDER, FAR},
    ),
    "cold: times T": (
        "cold",
        COLD.format("bernoulli_log_prob(l * T, x)", "log_z"),
        {COLDER, FAR},
    ),
    "cold: weight turned over": ("cold", COLD.format(Q, "-log_z"), {COLDER, FAR}),
    "cold: one weight": ("cold", COLD.format(Q, "log_z.sum()"), {COLDER, FAR}),
    "cold: normalised over the batch": ("cold", COLD_BY_BATCH, {FAR}),
    "cold: powers of probabilities": ("cold", COLD_BY_POWERS, {FAR}),
    "trap: all fair coins": ("trap", trap(0, 0, 0), {"test_trap"}),
    "trap: likelier value is right": ("trap", trap(-0.01, -20, 20), {"test_trap"}),
    "trap: not sure enough": ("trap", trap(0.01, -3, 3.01), {"test_trap"}),
    "trap: the fork too uneven": ("trap", trap(0.5, -20, 20.01), {"test_trap"}),
    "trap: four pixels only": ("trap", trap(0.01, -20, 20.01, "4"), {"test_trap"}),
    "experts: mean of conditionals": (
        "experts",
        experts(mix="ink.exp().mean(0).logit()"),
        {PANEL, SURE},
    ),
    "experts: mean of log-odds": ("experts", experts(mix="l.mean(0)"), {PANEL, SURE}),
    "experts: know the pixel they predict": (
        "experts",
        experts(place="[:, :, 1:]"),
        {PANEL, SURE},
    ),
    "experts: know all pixels": (
        "experts",
        experts(place="[:, :, -1:]"),
        {PANEL, SURE},
    ),
    "experts: not normalised": ("experts", experts("evidence"), {PANEL, SURE}),
    "experts: wrong axis": (
        "experts",
        experts("evidence.log_softmax(2)"),
        {PANEL, SURE},
    ),
    "experts: never believe anyone more": (
        "experts",
        experts("0 * evidence - math.log(len(terms))"),
        {PANEL, SURE},
    ),
    "experts: products underflow": (
        "experts",
        experts("(evidence.exp() / evidence.exp().sum(0)).log()"),
        {SURE},
    ),
    "experts: probabilities round to 1": (
        "experts",
        experts(mix="(log_r.exp() * l.sigmoid()).sum(0).logit()"),
        {SURE},
    ),
    "pixels: off by one": (
        "pixels_needed",
        PIXELS.format("int((share[1:] >= 0.8).nonzero()[0])"),
        {"test_pixels_needed"},
    ),
    "pixels: all": ("pixels_needed", "pixels_needed = 64", {"test_pixels_needed"}),
    "pixels: best term": (
        "pixels_needed",
        "pixels_needed = int(digit_terms.sum(0).mean(0).argmin())",
        {"test_pixels_needed"},
    ),
    "sees: transposed": ("sees", sees(axis="0"), {SIGHT, SIGHTS}),
    "sees: slopes": ("sees", SEES_SLOPES, {SIGHTS}),
    "sees: the first image only": (
        "sees",
        sees(moved="((logits(y) - logits(x)).abs() > 1e-5)[0]"),
        {SIGHTS},
    ),
    "sees: on average": (
        "sees",
        sees(moved="(logits(y) - logits(x)).mean(0).abs() > 1e-5"),
        {SIGHT, SIGHTS},
    ),
    "sees: all images must change": (
        "sees",
        sees(moved="((logits(y) - logits(x)).abs() > 1e-5).all(0)"),
        {SIGHTS},
    ),
    "sees: sets to ink": ("sees", sees(flip="1.0"), {SIGHTS}),
    "sees: spoils the images": ("sees", sees(copy="x"), {SIGHT, SIGHTS}),
    "sees: spoils them and compares": (
        "sees",
        sees(
            copy="x",
            flip="x[:, j]; before = logits(x); x[:, j] = 1 - x[:, j]",
            moved="((logits(x) - before).abs() > 1e-5).any(0)",
        ),
        {SIGHTS},
    ),
    "mended: rolled": ("mended", mended("ink.roll(1, -1)"), {HONEST, COUNTS}),
    "mended: one less": ("mended", mended("(ink - 1).clamp(min=0)"), {HONEST, COUNTS}),
    "mended: as it was": ("mended", mended("ink"), {HONEST, COUNTS}),
    "mended: the idea thrown away": ("mended", MENDED.format("0"), {COUNTS}),
    "mended: misses a pixel": (
        "mended",
        mended("F.pad(ink, (2, 0))[..., :-2]"),
        {COUNTS},
    ),
    "mended: only the pixel before": (
        "mended",
        mended("F.pad(x, (1, 0))[..., :-1]"),
        {COUNTS},
    ),
    "coder: floats": (
        "coder",
        coder(zero="0.0", one="1.0", chance="float(chance(model, image[:i]))"),
        {LONG},
    ),
    "coder: a float at the end": (
        "coder",
        coder(read='int(code or "0", 2) / 2 ** len(code)'),
        {LONG},
    ),
    "coder: lower end only": (
        "coder",
        coder(word=SHORTEST.format(room="Fraction(1, 2**999)")),
        {STREAM},
    ),
    "coder: one bit short": (
        "coder",
        coder(word=CUT.format(least=1)),
        {CODES, STREAM, LONG},
    ),
    "coder: one bit long": ("coder", coder(word=CUT.format(least=4)), {CODES, LONG}),
    "coder: no model": ("coder", RAW, {CODES, STREAM, LONG}),
    "coder: parts exchanged": (
        "coder",
        coder(chance="1 - chance(model, image[:i])"),
        {CODES, STREAM, LONG},
    ),
    "coder: boundary": ("coder", coder(over=">"), {STREAM}),
    "coder: not the empty string": (
        "coder",
        coder(read="Fraction(int(code, 2), 2 ** len(code))"),
        {STREAM},
    ),
    "coder: forgets what it has seen": (
        "coder",
        coder(chance="chance(model, [0] * i)"),
        {CODES, STREAM, LONG},
    ),
}

RIGHT = {
    "grey: the same in one line": ("grey", grey()),
    "grey: not scaled": ("grey", grey(enter="x.float()")),
    "grey: levels before pixels": (
        "grey",
        grey(
            "torch.ones(dim, dim).tril(-1).repeat(levels, 1)",
            leave="self.layer(x).view(len(x), self.levels, self.dim).transpose(1, 2)",
        ),
    ),
    "grey: normalised already": ("grey", grey(leave=SPLIT + ".log_softmax(-1)")),
    "grey: one weight for each level": ("grey", ONE_HOT),
    "grey: a layer for each pixel": ("grey", LAYERS),
    "grey: parameters and einsum": ("grey", PARAMETERS),
    "two stages: sums and a quotient": ("two_stage", two_stage()),
    "two stages: plain loops": ("two_stage", COUNTED),
    "two stages: double precision": (
        "two_stage",
        COUNTED.replace("tensor(rows)", "tensor(rows, dtype=torch.double)"),
    ),
    "cold: stacked": ("cold", COLD_STACKED),
    "cold: double precision": (
        "cold",
        COLD.format(Q, "log_z").replace("(x)", "(x).double()"),
    ),
    "cold: from p, q and nothing else": (
        "cold",
        COLD.format(Q, f"bernoulli_log_prob(l, x) / T - {Q}"),
    ),
    "trap: no ink first": ("trap", trap(-0.01, -0.01, 25)),
    "trap: a tie": ("trap", trap(0, 0, 25)),
    "trap: ends in ink": ("trap", trap(0.01, 20, -19.99)),
    "experts: pixel by pixel": ("experts", EXPERTS_STEPWISE),
    "experts: double precision": (
        "experts",
        experts(r="evidence.double().log_softmax(0)"),
    ),
    "experts: unnormalised inside": (
        "experts",
        experts(r="evidence - evidence.logsumexp(0)", place="[..., :-1] + 3.0"),
    ),
    "pixels: a tensor": (
        "pixels_needed",
        PIXELS.format("(share >= 0.8).nonzero()[0, 0]"),
    ),
    "pixels: a loop": (
        "pixels_needed",
        PIXELS.format("min(i for i in range(65) if share[i] >= 0.8)"),
    ),
    "sees: booleans": ("sees", sees()),
    "sees: all flips at once, floats": ("sees", SEES_AT_ONCE),
    "mended: shifted": ("mended", mended("F.pad(ink, (1, 0))[..., :-1]")),
    "mended: minus itself": ("mended", mended("ink - x")),
    "mended: a matrix": (
        "mended",
        mended("(x @ torch.ones(self.dim, self.dim).triu(1))"),
    ),
    "coder: shortest word": ("coder", coder()),
    "coder: middle, cut off": ("coder", coder(word=CUT.format(least=2))),
    "coder: ink below paper": ("coder", INK_FIRST),
}
