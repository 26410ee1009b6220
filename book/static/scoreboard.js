// Predict, then reveal: the reader puts the models of a scoreboard in order before the
// table shows. Without this script, and in print, everything is simply there.

// Set before the page is drawn, so that the table does not flash up (see pages.css).
const page = document.documentElement;
page.classList.add("dgm-predicts");

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function button(text, label, act) {
  const made = make("button", { type: "button", textContent: text });
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

// Pairs of models that a list has in the right order; equal scores make no pair.
function agreement(list, value) {
  let [right, pairs] = [0, 0];
  list.forEach((first, k) => list.slice(k + 1).forEach((second) => {
    if (value.get(first) === value.get(second)) return;
    pairs += 1;
    right += value.get(first) < value.get(second) ? 1 : 0;
  }));
  return { right, pairs };
}

function verdict(list, truth, value) {
  const { right, pairs } = agreement(list, value);
  if (right === pairs) return `You put all ${pairs} pairs of models in the right order.`;
  const tau = ((2 * right - pairs) / pairs).toFixed(2).replace("-", "−");
  const said = right
    ? `You put ${right} of the ${pairs} pairs of models in the right order`
    : `You put none of the ${pairs} pairs of models in the right order`;
  const miss = (model) => Math.abs(list.indexOf(model) - truth.indexOf(model));
  const worst = truth.reduce((a, b) => (miss(b) > miss(a) ? b : a));
  return `${said} (Kendall’s τ = ${tau}); a guess gets ${pairs / 2} on average. ` +
    `Furthest off: ${worst}, place ${list.indexOf(worst) + 1} in your list and ` +
    `${truth.indexOf(worst) + 1} in the table.`;
}

class Board {
  constructor(element) {
    this.element = element;
    this.table = element.querySelector("table.dgm-scores");
    this.rows = new Map([...this.table.tBodies[0].rows].map((row) =>
      [row.querySelector(".name").textContent, row]));
    this.value = new Map([...this.rows].map(([model, row]) =>
      [model, Number(row.querySelector(".score data").value)]));
    this.truth = [...this.rows.keys()]; // the table is sorted
    this.quantity = this.table.dataset.quantity;
    const kept = history.state?.[element.id];
    if (kept) this.show(kept);
    else this.ask();
  }

  ask() {
    const alphabetical = [...this.truth].sort((a, b) => a.localeCompare(b, "en"));
    const name = `${this.element.id}-question`;
    this.said = make("p", { className: "dgm-said" });
    this.said.setAttribute("role", "status");
    this.list = make("ol", {}, ...alphabetical.map((model) => this.item(model)));
    this.form = make("div", { className: "dgm-predict" },
      make("p", { id: name, className: "question" },
        "Before you look: put the models in order, the one with the lowest " +
        `${this.quantity} (the best) on top.`),
      this.list, this.said,
      make("p", { className: "actions" },
        button("Reveal", "", () => this.reveal(this.order())),
        button("Show the table at once", "", () => this.reveal([]))));
    this.form.setAttribute("role", "group");
    this.form.setAttribute("aria-labelledby", name);
    this.element.prepend(this.form);
    this.mark();
  }

  item(model) {
    const item = make("li", {}, make("span", { className: "name", textContent: model }),
      button("↑", `Move ${model} up`, (event) => this.move(item, -1, event)),
      button("↓", `Move ${model} down`, (event) => this.move(item, 1, event)));
    return item;
  }

  order() {
    return [...this.list.children].map((item) => item.querySelector(".name").textContent);
  }

  move(item, step, event) {
    const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
    const pressed = event.currentTarget;
    if (other) {
      if (step < 0) other.before(item);
      else other.after(item);
      pressed.focus(); // an element that moves loses it
      this.mark();
    }
    const place = [...this.list.children].indexOf(item) + 1;
    this.said.textContent = `${item.querySelector(".name").textContent}: place ${place} ` +
      `of ${this.list.children.length}.`;
  }

  // The first cannot go up and the last not down; they keep the focus and say so.
  mark() {
    const items = [...this.list.children];
    items.forEach((item, k) => item.querySelectorAll("button").forEach((arrow, down) =>
      arrow.setAttribute("aria-disabled", k === (down ? items.length - 1 : 0))));
  }

  reveal(list) {
    history.replaceState({ ...history.state, [this.element.id]: list }, "");
    this.form.remove();
    this.show(list).focus();
  }

  // The table; with a prediction, a sentence on it and its places beside the true ones.
  show(list) {
    this.element.classList.add("shown");
    const known = list.length === this.truth.length && list.every((m) => this.rows.has(m));
    if (!known) return Object.assign(this.table, { tabIndex: -1 });
    this.element.classList.add("predicted");
    list.forEach((model, k) => this.rows.get(model).querySelector(".rank").append(
      make("small", { className: "guess", textContent: `you: ${k + 1}` })));
    const result = make("p", { className: "dgm-verdict", tabIndex: -1,
      textContent: verdict(list, this.truth, this.value) });
    this.element.prepend(result);
    return result;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  try {
    document.querySelectorAll(".dgm-board:has(table.dgm-scores)").forEach((element) =>
      new Board(element));
  } catch (error) {
    page.classList.remove("dgm-predicts"); // better without the question than without
    throw error;
  }
});
