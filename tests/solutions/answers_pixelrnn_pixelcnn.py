"""Answers to the problem set on PixelRNN and PixelCNN that students might give.

``WRONG``: name -> (answer to exchange, code, exactly the tests that must fail);
``RIGHT``: name -> (answer to exchange, code).
"""

ORDER = """
def order_mask(rank, size):
    height, width = rank.shape
    m = size // 2
    mask = torch.zeros(size, size, dtype=torch.bool)
    for a, b in product(range(size), repeat=2):
        looks = []
        for r, c in product(range(height), range(width)):
            y, x = {place}
            inside = 0 <= y < height and 0 <= x < width
            looks.append(rank[y, x] {sign} rank[r, c] if inside else {outside})
        mask[a, b] = {every}(looks)
    return mask
"""


def order(
    place="r + a - m, c + b - m",
    sign="<",
    outside="True",
    every="all",
):
    return ORDER.format(place=place, sign=sign, outside=outside, every=every)


ORDER_AT_MIDDLE = """
def order_mask(rank, size):
    height, width = rank.shape
    m, r, c = size // 2, height // 2, width // 2
    around = F.pad(rank, [m] * 4, value=-1)[r : r + size, c : c + size]
    return around < rank[r, c]
"""
ORDER_READING = """
def order_mask(rank, size):
    mask = kernel_mask(size, "A")
    return mask if rank[0, 1] < rank[1, 0] else mask.T
"""
ORDER_PADDED = """
def order_mask(rank, size):
    m = size // 2
    around = F.pad(rank, [m] * 4, value={value})
    h, w = rank.shape
    rows = [[(around[a : a + h, b : b + w] < rank).all() for b in range(size)]
            for a in range(size)]
    return torch.tensor(rows)
"""
ORDER_IN_PLACE = """
def order_mask(rank, size):
    first = rank.argmin()
    around = F.pad(rank, [size // 2] * 4, value=-1)
    h, w = rank.shape
    rows = [[(around[a : a + h, b : b + w] < rank).all() for b in range(size)]
            for a in range(size)]
    rank -= 1
    return torch.tensor(rows)
"""
ORDER_ROLLED = """
def order_mask(rank, size):
    m = size // 2
    mask = torch.zeros(size, size)
    for a, b in product(range(size), repeat=2):
        mask[a, b] = (rank.roll((m - a, m - b), (0, 1)) < rank).all()
    return mask.bool()
"""
ORDER_PAIRS = """
def order_mask(rank, size):
    height, width = rank.shape
    place = rank.flatten().argsort()
    rows, columns = place // width, place % width
    down, right = rows[None] - rows[:, None], columns[None] - columns[:, None]
    m, mask = size // 2, torch.ones(size, size)
    later = torch.ones(len(place), len(place)).triu().bool()
    for y, x in zip(down[later].tolist(), right[later].tolist()):
        if abs(y) <= m and abs(x) <= m:
            mask[y + m, x + m] = 0
    return mask
"""
SIGHT = """
def sight(masks, shape, spot):
    height, width = shape
    front = {{tuple(spot)}}
    for mask in {masks}:
        m, new = len(mask) // 2, {new}
        for r, c in front:
            for a, b in mask.nonzero().tolist():
                y, x = {step}
                if {inside}:
                    new.add((y, x))
        front = new
    seen = torch.zeros(shape, dtype=torch.bool)
    for y, x in front:
        if 0 <= y < height and 0 <= x < width:
            seen[y, x] = True
    return seen
"""


def sight(
    masks="reversed(masks)",
    step="r + a - m, c + b - m",
    inside="0 <= y < height and 0 <= x < width",
    new="set()",
):
    return SIGHT.format(masks=masks, step=step, inside=inside, new=new)


SIGHT_FORMULA = """
def sight(masks, shape, spot):
    r, c = torch.meshgrid(*map(torch.arange, shape), indexing="ij")
    up, aside, n = spot[0] - r, c - spot[1], len(masks)
    near = (up <= n) & (aside.abs() <= n)
    return near & (((up > 0) & (aside <= up)) | ((up == 0) & (aside < 0)))
"""
SIGHT_NETWORK = """
def sight(masks, shape, spot):
    image = torch.zeros(1, 1, *shape, requires_grad=True)
    h = image
    for mask in masks:
        h = torch.conv2d(h, mask.float()[None, None], padding=mask.shape[0] // 2)
    return torch.autograd.grad(h[(0, 0, *spot)], image)[0][0, 0] != 0
"""
PMF = """
def log_pmf(x, mean, log_scale, levels):
    v, d, s = 2 * x / (levels - 1) - 1, {half}, {scale}
    b, a = (v + d - mean) / s, (v - d - mean) / s
    inner = F.logsigmoid(b) + F.logsigmoid(-a) + {width}
    low = torch.where(x == 0, {low}, inner)
    return torch.where(x == levels - 1, {high}, low)
"""


def pmf(
    half="1 / (levels - 1)",
    scale="log_scale.exp()",
    width="torch.log(-torch.expm1(-2 * d / s))",
    low="F.logsigmoid(b)",
    high="F.logsigmoid(-a)",
):
    return PMF.format(half=half, scale=scale, width=width, low=low, high=high)


PMF_NAIVE = """
def log_pmf(x, mean, log_scale, levels):
    v, d, s = 2 * x / (levels - 1) - 1, 1 / (levels - 1), log_scale.exp()
    b = torch.where(x == levels - 1, torch.inf, (v + d - mean) / s)
    a = torch.where(x == 0, -torch.inf, (v - d - mean) / s)
    return {}
"""
PMF_MIRRORED = """
def log_pmf(x, mean, log_scale, levels):
    v, d, s = 2 * x / (levels - 1) - 1, 1 / (levels - 1), log_scale.exp()
    b, a = (v + d - mean) / s, (v - d - mean) / s
    b, a = torch.where(b + a > 0, -a, b), torch.where(b + a > 0, -b, a)
    inner = (b.sigmoid() - a.sigmoid()).log()
    b, a = (v + d - mean) / s, (v - d - mean) / s
    ends = torch.where(x == 0, F.logsigmoid(b), F.logsigmoid(-a))
    return torch.where((x > 0) & (x < levels - 1), inner, ends)
"""
PMF_TABLE = """
def log_pmf(x, mean, log_scale, levels):
    step, scale = 2 / (levels - 1), log_scale.exp()[..., None]
    cuts = torch.linspace(-1 + step / 2, 1 - step / 2, levels - 1)
    z = (cuts - mean[..., None]) / scale
    inner = F.pad(torch.ones(levels - 2), (1, 1))
    table = F.pad(F.logsigmoid(z), (0, 1)) + F.pad(F.logsigmoid(-z), (1, 0))
    table = table + inner * (-torch.expm1(-step / scale)).log()
    shape = torch.broadcast_shapes(x.shape, table.shape[:-1])
    table = table.expand(*shape, levels)
    return table.gather(-1, x.expand(shape)[..., None])[..., 0]
"""
PMF_SOFTPLUS = """
def log_pmf(x, mean, log_scale, levels):
    x, mean, log_scale = torch.broadcast_tensors(x, mean, log_scale)
    d, s = 1 / (levels - 1), log_scale.exp()
    v = x * 2 * d - 1
    lower = -F.softplus((mean - v - d) / s) * (x < levels - 1)
    upper = -F.softplus((v - d - mean) / s) * (x > 0)
    mid = (x > 0) * (x < levels - 1)
    return lower + upper + mid * torch.log1p(-torch.exp(-2 * d / s))
"""
COLOURS = """
def colour_log_prob(x, logits, mean, log_scale, coupling, levels):
    v = {v}
    r, g = v[..., 0], v[..., 1]
    b = v[..., 2]
    one, two, three = coupling.unbind(2)
    moved = torch.stack([{red}, {green}, {blue}], 2)
    parts = log_pmf(x[:, None], moved, log_scale, levels)
    return {mix}
"""


def colours(
    v="(2 * x / (levels - 1) - 1)[:, None]",
    red="mean[..., 0]",
    green="mean[..., 1] + one * r",
    blue="mean[..., 2] + two * r + three * g",
    mix="(logits.log_softmax(1) + parts.sum(2)).logsumexp(1)",
):
    return COLOURS.format(v=v, red=red, green=green, blue=blue, mix=mix)


LAGS = """
def lags(dilations):
    return {}
"""
LAGS_ASKED = """
def lags(dilations):
    model = shaken(Wave(2, 8, list(dilations)), seed=0)
    length, found = sum(dilations) + 2, []
    x = torch.randint(2, (60, length), generator=torch.Generator().manual_seed(0))
    for lag in range(1, length):
        y = x.clone()
        y[:, -1 - lag] = 1 - y[:, -1 - lag]
        if (model(y)[:, -1] != model(x)[:, -1]).any():
            found.append(lag)
    return found
"""
LAGS_MANY = """
def lags(dilations):
    found = {1}
    for _ in dilations:
        found |= {f + d for f in found for d in dilations}
    return sorted(found)
"""
QUEUED = """
@torch.no_grad()
def draw_queued(model, u):
    n, dim = u.shape
    {start}
    x = torch.zeros(n, dim, dtype=torch.long)
    last = torch.full((n,), {nothing})
    for i in range(dim):
        h = model.enter(last)
        for k, d in enumerate(model.dilations):
            {keep}
            h = {new}
        last = x[:, i] = pick(model.leave(h), {u})
    return x
"""
ZEROS = "queues = [[torch.zeros(n, model.width)] * {} for d in model.dilations]"
OWN_LENGTH = ZEROS.format("d")
POP = "queues[k].append(h); back = queues[k].pop(0)"
RESIDUAL = "h + (model.now[k](h) + model.past[k](back)).tanh()"


def queued(
    start=OWN_LENGTH,
    nothing="model.levels",
    keep=POP,
    new=RESIDUAL,
    u="u[:, i]",
):
    return QUEUED.format(start=start, nothing=nothing, keep=keep, new=new, u=u)


QUEUED_CROPPED = """
@torch.no_grad()
def draw_queued(model, u):
    x = torch.zeros(u.shape, dtype=torch.long)
    for i in range(u.shape[1]):
        x[:, i] = pick(model(x[:, : i + 1])[:, i], u[:, i])
    return x
"""
QUEUED_WINDOW = """
@torch.no_grad()
def draw_queued(model, u):
    x = torch.zeros(u.shape, dtype=torch.long)
    for i in range(u.shape[1]):
        start = max(0, i - 8)
        x[:, i] = pick(model(x[:, start : i + 1])[:, -1], u[:, i])
    return x
"""
QUEUED_GLOBAL = """
QUEUES = {}


@torch.no_grad()
def draw_queued(model, u):
    queues = QUEUES.setdefault(id(model), [[0] * d for d in model.dilations])
    x = torch.zeros(u.shape, dtype=torch.long)
    last = torch.full((len(u),), model.levels)
    for i in range(u.shape[1]):
        h = model.enter(last)
        for queue, now, past in zip(queues, model.now, model.past):
            queue.append(h)
            back = queue.pop(0) + torch.zeros_like(h)
            h = h + (now(h) + past(back)).tanh()
        last = x[:, i] = pick(model.leave(h), u[:, i])
    return x
"""
QUEUED_TABLE = """
@torch.no_grad()
def draw_queued(model, u):
    n, dim = u.shape
    kept = torch.zeros(len(model.dilations), n, dim, model.width)
    x = torch.zeros(n, dim + 1, dtype=torch.long)
    x[:, 0] = model.levels
    for i in range(dim):
        h = model.enter(x[:, i])
        for k, d in enumerate(model.dilations):
            kept[k, :, i] = h
            a = model.now[k](h)
            if i >= d:
                a = a + model.past[k](kept[k, :, i - d])
            h = h + a.tanh()
        x[:, i + 1] = pick(model.leave(h), u[:, i])
    return x[:, 1:]
"""
DRAWN = """
@torch.no_grad()
def drawn_terms(model, x):
    n, height, width = x.shape
    canvas, terms = {canvas}, torch.zeros(x.shape)
    for i in range(height * width):
        r, c = {place}
        {before}
        logits = model(canvas){where}
        terms[:, r, c] = logits.log_softmax(-1)[torch.arange(n), {level}]
        {after}
    return terms
"""


def drawn(
    canvas="torch.zeros_like(x)",
    place="i // width, i % width",
    before="pass",
    where="[:, r, c]",
    level="x[:, r, c]",
    after="canvas[:, r, c] = x[:, r, c]",
):
    return DRAWN.format(
        canvas=canvas,
        place=place,
        before=before,
        where=where,
        level=level,
        after=after,
    )


DRAWN_SCORED = """
@torch.no_grad()
def drawn_terms(model, x):
    return pixel_terms(model, x)
"""
DRAWN_BACKWARDS = """
@torch.no_grad()
def drawn_terms(model, x):
    x, terms = {x}, torch.zeros(x.shape)
    for r in reversed(range(x.shape[1])):
        for c in reversed(range(x.shape[2])):
            level = x[:, r, c].clone()
            x[:, r, c] = 0
            logits = model(x)[:, r, c].log_softmax(-1)
            terms[:, r, c] = logits[torch.arange(len(x)), level]
    return terms
"""
DRAWN_AT_ONCE = """
@torch.no_grad()
def drawn_terms(model, x):
    n, h, w = x.shape
    known = torch.ones(h * w, h * w).tril(-1).long()
    canvases = (x.flatten(1)[:, None] * known).view(-1, h, w)
    logits = model(canvases).view(n, h * w, h * w, -1)
    logits = logits.diagonal(dim1=1, dim2=2).mT.log_softmax(-1)
    return logits.gather(2, x.flatten(1)[..., None]).view(n, h, w)
"""
MENDED = """
class MendedConv(FastConv):
    def shift(self, h, down, right):
        height, width = h.shape[2:]
        {}
"""
FRAMED = """y, x = abs(down), abs(right)
        h = F.pad(h, (x, x, y, y))
        top, first = y {0} down, x {0} right
        return h[:, :, top : top + height, first : first + width]
"""
WIPED = """moved = h.roll((down, right), (2, 3))
        r, c = torch.arange(height)[:, None] - down, torch.arange(width) - right
        return moved * {}
"""
FILL = """
@torch.no_grad()
def fill(model, canvas, u):
    n, height, width = canvas.shape
    x, log_w = {start}, torch.zeros(n)
    for r, c in product(range(height), range(width)):
        logits = model(x)[:, r, c]
        hidden = {hidden}
        x[:, r, c] = torch.where(hidden, pick(logits, {u}), x[:, r, c])
        term = logits.log_softmax(-1).gather(1, x[:, r, c, None])[:, 0]
        log_w += {weight}
    return x, log_w
"""


def fill(
    start="canvas.clamp(min=0)",
    hidden="canvas[:, r, c] < 0",
    u="u[:, r, c]",
    weight="torch.where(hidden, 0.0, term)",
):
    return FILL.format(start=start, hidden=hidden, u=u, weight=weight)


FILL_AT_ONCE = """
@torch.no_grad()
def fill(model, canvas, u):
    hidden, x = canvas < 0, canvas.clamp(min=0)
    logits = model(x)
    drawn = pick(logits.flatten(0, 2), u.flatten()).view(x.shape)
    x = torch.where(hidden, drawn, x)
    return x, pixel_terms(model, x).masked_fill(hidden, 0).sum((1, 2))
"""
FILL_FIRST_HOLE = """
@torch.no_grad()
def fill(model, canvas, u):
    hidden, x = (canvas < 0)[:1], canvas.clamp(min=0)
    for r, c in hidden[0].nonzero().tolist():
        x[:, r, c] = pick(model(x)[:, r, c], u[:, r, c])
    return x, (pixel_terms(model, x) * ~hidden).sum((1, 2))
"""
FILL_AFTER = """
@torch.no_grad()
def fill(model, canvas, u):
    hidden, x = canvas < 0, canvas.clamp(min=0)
    for r, c in product(*map(range, x.shape[1:])):
        guess = pick(model(x)[:, r, c], u[:, r, c])
        x[:, r, c] = torch.where(hidden[:, r, c], guess, x[:, r, c])
    after = (hidden.flatten(1).cumsum(1) > 0).view_as(hidden) & ~hidden
    return x, (pixel_terms(model, x) * after).sum((1, 2))
"""
FILL_EARLY_SCORE = """
@torch.no_grad()
def fill(model, canvas, u):
    hidden, x = canvas < 0, canvas.clamp(min=0)
    log_w = pixel_terms(model, x).masked_fill(hidden, 0).sum((1, 2))
    for r, c in product(*map(range, x.shape[1:])):
        guess = pick(model(x)[:, r, c], u[:, r, c])
        x[:, r, c] = torch.where(hidden[:, r, c], guess, x[:, r, c])
    return x, log_w
"""
WEIGH = """
def weigh(images, log_w):
    w = {w}
    share = w / w.sum()
    image = {image}
    return {log_mean}, image, {effective}
"""


def weigh(
    w="(log_w - log_w.max()).exp()",
    image="(share[:, None, None] * images).sum(0)",
    log_mean="log_w.max() + w.mean().log()",
    effective="w.sum() ** 2 / (w ** 2).sum()",
):
    return WEIGH.format(w=w, image=image, log_mean=log_mean, effective=effective)


TAPS, TAPS_ANY = "test_order", "test_order_any"
SEEN, BORDER = "test_sight", "test_sight_border"
TAILS, FAR = "test_tails", "test_tails_far"
COLOUR, COLOUR_ANY = "test_colours", "test_colours_any"
LAG, GAPS = "test_lags", "test_lags_gaps"
QUEUE, COST, QUEUE_ANY = "test_queued", "test_queued_cost", "test_queued_any"
AS_DRAWN, DRAWN_ANY = "test_drawn", "test_drawn_any"
SHIFT, SHIFT_ANY = "test_mended", "test_mended_any"
FILLED, FILLED_ANY = "test_fill", "test_fill_any"
WEIGHED, WEIGHED_FAR = "test_weigh", "test_weigh_far"
EVERY_QUEUE = {QUEUE, COST, QUEUE_ANY}
EVERY_PMF = {TAILS, FAR, COLOUR, COLOUR_ANY}

WRONG = {
    "order: always mask A": (
        "order_mask",
        'order_mask = lambda rank, size: kernel_mask(size, "A")',
        {TAPS, TAPS_ANY},
    ),
    "order: upside down": (
        "order_mask",
        order(place="r - a + m, c - b + m"),
        {TAPS, TAPS_ANY},
    ),
    "order: rows and columns exchanged": (
        "order_mask",
        order(place="r + b - m, c + a - m"),
        {TAPS, TAPS_ANY},
    ),
    "order: the middle too": (
        "order_mask",
        order("r + a - m, c + b - m", "<="),
        {TAPS, TAPS_ANY},
    ),
    "order: one place is enough": ("order_mask", order(every="any"), {TAPS, TAPS_ANY}),
    "order: later ones": ("order_mask", order(sign=">"), {TAPS, TAPS_ANY}),
    "order: outside forbids": ("order_mask", order(outside="False"), {TAPS, TAPS_ANY}),
    "order: outside has rank 0": (
        "order_mask",
        ORDER_PADDED.format(value=0),
        {TAPS, TAPS_ANY},
    ),
    "order: images wrap around": ("order_mask", ORDER_ROLLED, {TAPS, TAPS_ANY}),
    "order: only the middle of the image": ("order_mask", ORDER_AT_MIDDLE, {TAPS_ANY}),
    "order: reading or columns": ("order_mask", ORDER_READING, {TAPS_ANY}),
    "order: changes the ranks": ("order_mask", ORDER_IN_PLACE, {TAPS_ANY}),
    "sight: steps turned over": (
        "sight",
        sight(step="r - a + m, c - b + m"),
        {SEEN, BORDER},
    ),
    "sight: steps exchanged": (
        "sight",
        sight(step="r + b - m, c + a - m"),
        {SEEN, BORDER},
    ),
    "sight: middle at the corner": (
        "sight",
        sight(step="r + a - 1, c + b - 1"),
        {BORDER},
    ),
    "sight: what was seen stays": ("sight", sight(new="set(front)"), {SEEN, BORDER}),
    "sight: paths leave the image": ("sight", sight(inside="True"), {BORDER}),
    "sight: first layer first": ("sight", sight(masks="masks"), {BORDER}),
    "sight: the lecture's staircase": ("sight", SIGHT_FORMULA, {BORDER}),
    "pmf: from the definition": (
        "log_pmf",
        PMF_NAIVE.format("(b.sigmoid() - a.sigmoid()).log()"),
        {TAILS, FAR},
    ),
    "pmf: a smaller clamp": (
        "log_pmf",
        PMF_NAIVE.format("(b.sigmoid() - a.sigmoid()).clamp(min=1e-30).log()"),
        {TAILS, FAR},
    ),
    "pmf: a small number added": (
        "log_pmf",
        PMF_NAIVE.format("(b.sigmoid() - a.sigmoid() + 1e-7).log()"),
        {TAILS, FAR},
    ),
    "pmf: the clamp again": ("log_pmf", "log_pmf = clamped_log_pmf", {TAILS, FAR}),
    "pmf: mirrored, but a difference": ("log_pmf", PMF_MIRRORED, {FAR}),
    "pmf: log-scale clamped": (
        "log_pmf",
        pmf(scale="log_scale.clamp(min=-7).exp()"),
        {FAR},
    ),
    "pmf: the density in place of the mass": (
        "log_pmf",
        pmf(width="torch.log(2 * d / s)"),
        EVERY_PMF,
    ),
    "pmf: no ends": ("log_pmf", pmf(low="inner", high="inner"), EVERY_PMF),
    "pmf: ends exchanged": (
        "log_pmf",
        pmf(low="F.logsigmoid(-a)", high="F.logsigmoid(b)"),
        EVERY_PMF,
    ),
    "pmf: levels twice as wide": ("log_pmf", pmf(half="2 / (levels - 1)"), EVERY_PMF),
    "colours: a part for each colour": (
        "colours",
        colours(mix="(logits.log_softmax(1)[..., None] + parts).logsumexp(1).sum(1)"),
        {COLOUR_ANY},
    ),
    "colours: weights not normalised": (
        "colours",
        colours(mix="(logits + parts.sum(2)).logsumexp(1)"),
        {COLOUR, COLOUR_ANY},
    ),
    "colours: mean of the logarithms": (
        "colours",
        colours(mix="(logits.softmax(1) * parts.sum(2)).sum(1)"),
        {COLOUR, COLOUR_ANY},
    ),
    "colours: moves with levels": ("colours", colours(v="x[:, None]"), {COLOUR_ANY}),
    "colours: moves with means": (
        "colours",
        colours(
            green="mean[..., 1] + one * mean[..., 0]",
            blue="mean[..., 2] + two * mean[..., 0] + three * mean[..., 1]",
        ),
        {COLOUR_ANY},
    ),
    "colours: couplings exchanged": (
        "colours",
        colours(blue="mean[..., 2] + three * r + two * g"),
        {COLOUR_ANY},
    ),
    "colours: blue knows itself": (
        "colours",
        colours(blue="mean[..., 2] + two * r + three * b"),
        {COLOUR, COLOUR_ANY},
    ),
    "colours: green knows blue": (
        "colours",
        colours(green="mean[..., 1] + one * b"),
        {COLOUR, COLOUR_ANY},
    ),
    "colours: no coupling": (
        "colours",
        colours(green="mean[..., 1]", blue="mean[..., 2]"),
        {COLOUR_ANY},
    ),
    "lags: all up to the largest": (
        "lags",
        LAGS.format("list(range(1, sum(dilations) + 2))"),
        {GAPS},
    ),
    "lags: not shifted by one": (
        "lags",
        LAGS.format("list(range(sum(dilations) + 1))"),
        {LAG, GAPS},
    ),
    "lags: only the dilations": (
        "lags",
        LAGS.format("sorted({1, *(d + 1 for d in dilations)})"),
        {LAG, GAPS},
    ),
    "lags: a layer goes back more than once": ("lags", LAGS_MANY, {LAG, GAPS}),
    "lags: running sums": (
        "lags",
        LAGS.format("[1 + sum(dilations[:k]) for k in range(len(dilations) + 1)]"),
        {LAG, GAPS},
    ),
    "queued: naive": ("queued", "draw_queued = draw_naively", {COST}),
    "queued: naive on what is there": ("queued", QUEUED_CROPPED, {COST}),
    "queued: a window of nine": ("queued", QUEUED_WINDOW, {COST, QUEUE_ANY}),
    "queued: one place too short": (
        "queued",
        queued(start=ZEROS.format("(d - 1)")),
        EVERY_QUEUE,
    ),
    "queued: one place too long": (
        "queued",
        queued(start=ZEROS.format("(d + 1)")),
        EVERY_QUEUE,
    ),
    "queued: all as long as the longest": (
        "queued",
        queued(start=ZEROS.format("max(model.dilations)")),
        EVERY_QUEUE,
    ),
    "queued: lengths 1, 2, 4, ... whatever the model": (
        "queued",
        queued(
            start="queues = [[torch.zeros(n, model.width)] * 2**k for k in range(9)]"
        ),
        {QUEUE_ANY},
    ),
    "queued: keeps outputs": (
        "queued",
        queued(keep="back = queues[k].pop(0)", new=RESIDUAL + "; queues[k].append(h)"),
        EVERY_QUEUE,
    ),
    "queued: begins with paper": ("queued", queued(nothing="0"), EVERY_QUEUE),
    "queued: no residual": ("queued", queued(new=RESIDUAL[4:]), EVERY_QUEUE),
    "queued: another u": ("queued", queued(u="u[:, -1 - i]"), EVERY_QUEUE),
    "queued: queues of the last call": ("queued", QUEUED_GLOBAL, {COST, QUEUE_ANY}),
    "drawn: the score": ("drawn", DRAWN_SCORED, {AS_DRAWN, DRAWN_ANY}),
    "drawn: own pixel stands there": (
        "drawn",
        drawn(before="canvas[:, r, c] = x[:, r, c]", after="pass"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: only its own pixel is erased": (
        "drawn",
        drawn(canvas="x.clone()", before="canvas[:, r, c] = 0"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: later rows stand there": (
        "drawn",
        drawn(canvas="x.clone()", before="canvas[:, r, c:] = 0"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: rest of the row stands there": (
        "drawn",
        drawn(
            before="canvas[:, r] = x[:, r]; canvas[:, r, c] = 0",
        ),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: nothing is ever entered": (
        "drawn",
        drawn(after="pass"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: own draws in place of the image": (
        "drawn",
        drawn(after="canvas[:, r, c] = pick(logits, torch.rand(n))"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: column by column": (
        "drawn",
        drawn(place="i % height, i // height"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: not normalised": (
        "drawn",
        drawn().replace(".log_softmax(-1)", ""),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: square images only": (
        "drawn",
        drawn(place="i // height, i % height"),
        {AS_DRAWN, DRAWN_ANY},
    ),
    "drawn: in place": ("drawn", DRAWN_BACKWARDS.format(x="x"), {AS_DRAWN, DRAWN_ANY}),
    "mended: still rolls": (
        "mended",
        MENDED.format("return h.roll((down, right), (2, 3))"),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: the other way": (
        "mended",
        MENDED.format(FRAMED.format("+")),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: rows only": (
        "mended",
        MENDED.format(WIPED.format("((r >= 0) & (r < height) & (c == c))")),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: columns only": (
        "mended",
        MENDED.format(WIPED.format("((c >= 0) & (c < width) & (r == r))")),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: only down and to the right": (
        "mended",
        MENDED.format(WIPED.format("((r >= 0) & (c >= 0))")),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: never upwards": (
        "mended",
        MENDED.format(WIPED.format("((r >= 0) & (c >= 0) & (c < width))")),
        {SHIFT_ANY},
    ),
    "mended: one place at most": (
        "mended",
        MENDED.format(
            WIPED.format("((r != -1) & (r != height) & (c != -1) & (c != width))")
        ),
        {SHIFT_ANY},
    ),
    "mended: border repeated": (
        "mended",
        MENDED.format(
            FRAMED.format("-").replace("(x, x, y, y)", '(x, x, y, y), mode="replicate"')
        ),
        {SHIFT, SHIFT_ANY},
    ),
    "mended: square images only": (
        "mended",
        MENDED.format("width = height; " + FRAMED.format("-")),
        {SHIFT_ANY},
    ),
    "mended: cuts without filling": (
        "mended",
        MENDED.format("return h[:, :, max(0, -down) :, max(0, -right) :]"),
        {SHIFT, SHIFT_ANY},
    ),
    "fill: all pixels weigh": ("fill", fill(weight="term"), {FILLED, FILLED_ANY}),
    "fill: hidden pixels weigh": (
        "fill",
        fill(weight="torch.where(hidden, term, 0.0)"),
        {FILLED, FILLED_ANY},
    ),
    "fill: only what comes after weighs": ("fill", FILL_AFTER, {FILLED, FILLED_ANY}),
    "fill: weighed before it was filled": (
        "fill",
        FILL_EARLY_SCORE,
        {FILLED, FILLED_ANY},
    ),
    "fill: all at once": ("fill", FILL_AT_ONCE, {FILLED_ANY}),
    "fill: draws everything": (
        "fill",
        fill(hidden="canvas[:, r, c] < 9"),
        {FILLED, FILLED_ANY},
    ),
    "fill: 0 is hidden": (
        "fill",
        fill(hidden="canvas[:, r, c] <= 0"),
        {FILLED, FILLED_ANY},
    ),
    "fill: the first image's hole for all": ("fill", FILL_FIRST_HOLE, {FILLED_ANY}),
    "fill: one u for all pixels": ("fill", fill(u="u[:, 0, 0]"), {FILLED_ANY}),
    "fill: its own chance": ("fill", fill(u="torch.rand(n)"), {FILLED_ANY}),
    "fill: fills the canvas itself": (
        "fill",
        fill(start="canvas").replace("model(x)", "model(x.clamp(min=0))"),
        {FILLED, FILLED_ANY},
    ),
    "fill: weight, not its logarithm": (
        "fill",
        fill().replace("return x, log_w", "return x, log_w.exp()"),
        {FILLED, FILLED_ANY},
    ),
    "weigh: sum in place of mean": (
        "weigh",
        weigh(log_mean="log_w.logsumexp(0)"),
        {WEIGHED, WEIGHED_FAR},
    ),
    "weigh: mean of the logarithms": (
        "weigh",
        weigh(log_mean="log_w.mean()"),
        {WEIGHED, WEIGHED_FAR},
    ),
    "weigh: the mean, not its logarithm": (
        "weigh",
        weigh(log_mean="log_w.exp().mean()"),
        {WEIGHED, WEIGHED_FAR},
    ),
    "weigh: powers of ten": (
        "weigh",
        weigh(w="log_w.exp()", log_mean="w.mean().log()"),
        {WEIGHED_FAR},
    ),
    "weigh: plain average": (
        "weigh",
        weigh(image="images.float().mean(0)"),
        {WEIGHED, WEIGHED_FAR},
    ),
    "weigh: heaviest filling only": (
        "weigh",
        weigh(image="images[log_w.argmax()].float()"),
        {WEIGHED, WEIGHED_FAR},
    ),
    "weigh: effective number upside down": (
        "weigh",
        weigh(effective="(w ** 2).sum() / w.sum() ** 2"),
        {WEIGHED_FAR},
    ),
    "weigh: exponential of the entropy": (
        "weigh",
        weigh(effective="torch.special.entr(share).sum().exp()"),
        {WEIGHED_FAR},
    ),
    "weigh: number of the fillings": (
        "weigh",
        weigh(effective="torch.tensor(float(len(w)))"),
        {WEIGHED_FAR},
    ),
}

RIGHT = {
    "order: plain loops": ("order_mask", order()),
    "order: pairs of pixels, floats": ("order_mask", ORDER_PAIRS),
    "order: slices": ("order_mask", ORDER_PADDED.format(value=-5)),
    "sight: a set of places": ("sight", sight()),
    "sight: a network's derivative": ("sight", SIGHT_NETWORK),
    "pmf: nested where": ("log_pmf", pmf()),
    "pmf: exp in place of expm1": (
        "log_pmf",
        pmf(width="torch.log(1 - torch.exp(-2 * d / s))"),
    ),
    "pmf: from the lecture's table": ("log_pmf", PMF_TABLE),
    "pmf: softplus and products": ("log_pmf", PMF_SOFTPLUS),
    "pmf: double precision": ("log_pmf", pmf(scale="log_scale.double().exp()")),
    "colours: stacked": ("colours", colours()),
    "lags: all subsets": (
        "lags",
        "from itertools import combinations\n"
        + LAGS.format(
            "sorted({1 + sum(c) for k in range(len(dilations) + 1)"
            " for c in combinations(dilations, k)})"
        ),
    ),
    "lags: the network is asked": ("lags", LAGS_ASKED),
    "queued: lists": ("queued", queued()),
    "queued: a table, and nothing for nothing": ("queued", QUEUED_TABLE),
    "drawn: a loop over places": ("drawn", drawn()),
    "drawn: erasing from the end": ("drawn", DRAWN_BACKWARDS.format(x="x.clone()")),
    "drawn: all canvases at once": ("drawn", DRAWN_AT_ONCE),
    "drawn: double precision": (
        "drawn",
        drawn().replace("zeros(x.shape)", "zeros(x.shape, dtype=torch.double)"),
    ),
    "mended: a frame of zeros": ("mended", MENDED.format(FRAMED.format("-"))),
    "mended: rolled, then wiped": (
        "mended",
        MENDED.format(
            WIPED.format("((r >= 0) & (r < height) & (c >= 0) & (c < width))")
        ),
    ),
    "fill: weighed on the way": ("fill", fill()),
    "fill: double precision": (
        "fill",
        fill().replace("zeros(n)", "zeros(n, dtype=torch.double)"),
    ),
    "weigh: the largest taken out": ("weigh", weigh()),
    "weigh: double precision": (
        "weigh",
        weigh(w="(log_w.double() - log_w.max()).exp()"),
    ),
    "weigh: Python numbers for numbers": (
        "weigh",
        weigh(
            log_mean="float(log_w.logsumexp(0)) - math.log(len(w))",
            effective="float(1 / (share**2).sum())",
        ),
    ),
}
