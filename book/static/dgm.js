// Small repairs of the finished page. Without this script it reads the same, a little
// less comfortably.

// What upstream leaves for a screen reader to stumble over: labels that differ from the
// text on the button, a logo outside every landmark, a list whose items are no items.
function nameParts() {
  document.querySelectorAll("details > summary").forEach((summary) => {
    if (summary.textContent.trim()) return summary.removeAttribute("aria-label");
    const page = summary.closest("li")?.querySelector("a")?.textContent.trim();
    summary.setAttribute("aria-label", page ? `Pages below ${page}` : "More");
  });
  document.querySelectorAll(".search-button-field").forEach((button) => {
    button.removeAttribute("aria-label");
    button.querySelectorAll(".search-button__kbd-shortcut").forEach((keys) =>
      keys.setAttribute("aria-hidden", "true"));
  });
  document.querySelectorAll(".theme-switch").forEach((icon) => {
    icon.removeAttribute("title");
    icon.querySelector("title")?.remove();
    icon.removeAttribute("aria-labelledby");
    icon.setAttribute("aria-hidden", "true");
  });
  const logo = document.querySelector(".sidebar-primary-item:has(> .navbar-brand)");
  logo?.setAttribute("role", "navigation");
  logo?.setAttribute("aria-label", "Home");
  document.querySelectorAll(".citation-list > .citation").forEach((entry) =>
    entry.setAttribute("role", "listitem"));
}

// sphinx-proof gives every proof the same id and no mark of its own.
function markProofs() {
  document.querySelectorAll("div.proof > section#proof-content").forEach((section) =>
    section.removeAttribute("id"));
  document.querySelectorAll("div.proof#proof").forEach((proof) => {
    proof.removeAttribute("id");
    proof.classList.add("bare");
    const first = proof.querySelector("p")?.firstChild;
    if (first?.nodeType !== Node.TEXT_NODE || !first.data.startsWith("Proof.")) return;
    const label = document.createElement("em");
    label.textContent = "Proof.";
    first.data = first.data.slice("Proof.".length);
    first.before(label);
  });
}

// Lines of output in which a check reports that it holds, or that it does not.
const VERDICTS = { "✓": "holds", "✗": "fails" };

function markChecks() {
  document.querySelectorAll(".cell_output .stream pre").forEach((pre) => {
    const lines = pre.textContent.split("\n");
    if (pre.querySelector("span[class]") || !lines.some((l) => VERDICTS[l[0]])) return;
    pre.replaceChildren(...lines.flatMap((line, k) => {
      const end = k + 1 < lines.length ? ["\n"] : [];
      if (!VERDICTS[line[0]]) return [line, ...end];
      const verdict = document.createElement("span");
      verdict.className = VERDICTS[line[0]];
      verdict.textContent = line;
      return [verdict, ...end];
    }));
  });
}

// Browsers break a line between a formula and the comma after it, and after "--".
function keepTogether() {
  document.querySelectorAll("code.literal").forEach((code) =>
    code.classList.toggle("short", code.textContent.length <= 24));
  document.querySelectorAll("span.math").forEach((span) => {
    const [before, after] = [span.previousSibling, span.nextSibling];
    const opening = before?.nodeType === Node.TEXT_NODE && /[([“‘]+$/.exec(before.data)?.[0];
    const closing = after?.nodeType === Node.TEXT_NODE &&
      /^[.,;:!?)\]’”'"-]+/.exec(after.data)?.[0];
    if (!opening && !closing) return;
    const together = document.createElement("span");
    together.className = "with-formula";
    span.before(together);
    together.append(opening || "", span, closing || "");
    if (opening) before.data = before.data.slice(0, -opening.length);
    if (closing) after.data = after.data.slice(closing.length);
  });
}

// A formula wider than its paragraph is set smaller. One that would become too small gets
// a box that scrolls instead; what scrolls can be reached with the keyboard.
const SMALLEST = 0.65;

function boxWideMath() {
  document.querySelectorAll("span.math").forEach((span) => {
    span.classList.remove("wide");
    const math = span.querySelector("mjx-container");
    const kept = span.parentElement.matches(".with-formula") ? span.parentElement : span;
    const room = (span.closest("p, li, dd, td, th, div")?.clientWidth ?? 0)
      - (math ? kept.getBoundingClientRect().width - math.offsetWidth : 0);
    if (math) fit(math, room, () => math.offsetWidth);
    span.classList.toggle("wide", !!math && room > 0 && math.offsetWidth > room);
    reach(span);
  });
  document.querySelectorAll("div.math mjx-container").forEach((box) => {
    fit(box, box.clientWidth, () => box.scrollWidth);
    reach(box);
  });
  document.querySelectorAll(".pst-scrollable-table-container").forEach((box) => {
    tellMore(box);
    box.onscroll = () => tellMore(box);
  });
}

function fit(math, room, width) {
  math.dataset.size ??= math.style.fontSize || "100%";
  math.style.fontSize = math.dataset.size;
  const share = room / width();
  if (share >= 1 || share < SMALLEST) return;
  math.style.fontSize = `calc(${math.dataset.size} * ${share - 0.01})`;
}

function reach(box) {
  if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0) {
    box.tabIndex = 0;
  } else {
    box.removeAttribute("tabindex");
  }
  tellMore(box);
  box.onscroll = () => tellMore(box);
}

// The right end of a formula fades as long as there is more of it.
function tellMore(box) {
  const hidden = box.scrollWidth - box.clientWidth - box.scrollLeft;
  box.classList.toggle("more", box.clientWidth > 0 && hidden > 2);
}

// The theme means to put the cursor into the field of the search page, but takes the one
// in its closed dialogue. On a phone a keyboard would cover what was found.
function focusSearch() {
  const asked = new URLSearchParams(location.search).get("q");
  if (asked && !matchMedia("(hover: hover)").matches) return;
  document.querySelector(".bd-search-container input[name=q]")?.focus();
}

function start() {
  nameParts();
  markProofs();
  markChecks();
  keepTogether();
  const typeset = window.MathJax?.startup?.promise ?? Promise.resolve();
  typeset.then(boxWideMath);
  let waiting = null;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(boxWideMath, 200);
  });
  document.addEventListener("click", () => setTimeout(boxWideMath, 350));
}

focusSearch();
// The theme draws its icons at a time of its own.
document.querySelectorAll(".theme-switch-button").forEach((button) =>
  new MutationObserver(nameParts).observe(button, { childList: true }));
if (document.readyState === "complete") start();
else window.addEventListener("load", start);
