// Less work for axe, with the same verdict. It would judge the same colours on the same
// ground thousands of times: here the elements that look the same in all that contrast
// depends on are found, and the first, the middle and the last of each look get a mark.
(() => {
  const PAINTS = ["backgroundImage", "mixBlendMode", "filter", "clip", "clipPath"];
  const WRITES = ["color", "fontSize", "fontWeight", "textShadow", "visibility",
    "webkitTextFillColor", "webkitTextStrokeWidth", "webkitTextStrokeColor"];
  const SKIPPED = "label, [disabled], [aria-disabled='true'], mjx-assistive-mml";
  const CLEAR = /^rgba\(.*, 0\)$/;

  // What an element and its ancestors paint behind its text.
  function grounds() {
    const known = new Map();
    return function ground(element) {
      if (!element) return "";
      if (!known.has(element)) {
        const style = getComputedStyle(element);
        const own = [CLEAR.test(style.backgroundColor) ? "" : style.backgroundColor,
          style.opacity, ...PAINTS.map((name) => style[name]),
          element.matches(SKIPPED), style.overflow === "hidden"].join();
        const above = ground(element.parentElement);
        known.set(element, above.endsWith(`|${own}`) ? above : `${above}|${own}`);
      }
      return known.get(element);
    };
  }

  // Boxes that something is painted in, and that may lie under a text beside them.
  function painted() {
    return [...document.querySelectorAll("body *")].filter((element) => {
      const { backgroundColor, backgroundImage } = getComputedStyle(element);
      return !CLEAR.test(backgroundColor) || backgroundImage !== "none"
        || element.matches("img, svg, canvas, video");
    }).map((element) => [element, element.getBoundingClientRect()]);
  }

  function crossed(element, boxes) {
    const own = element.getBoundingClientRect();
    return boxes.some(([other, box]) =>
      box.left < own.right && box.right > own.left
      && box.top < own.bottom && box.bottom > own.top
      && !other.contains(element) && !element.contains(other));
  }

  const writes = (element) => element.matches("input, select, textarea, button")
    || [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());

  // axe does not judge a single letter.
  const letter = (element) => element.textContent.trim().length < 2;

  // In each block of code, one piece of each class stays an element.
  function mergeTwins() {
    for (const block of document.querySelectorAll("pre")) {
      const known = new Set();
      for (const piece of block.querySelectorAll("span[class]")) {
        if (piece.children.length || piece.attributes.length > 1) continue;
        const kind = [piece.parentElement.className, piece.className, letter(piece)].join();
        if (known.has(kind)) piece.replaceWith(piece.textContent);
        known.add(kind);
      }
      block.normalize();
    }
  }

  window.markLooks = () => {
    mergeTwins();
    document.querySelectorAll("[data-look]").forEach((e) => delete e.dataset.look);
    const [ground, boxes, looks] = [grounds(), painted(), new Map()];
    let alone = 0;
    for (const element of document.querySelectorAll("body, body *")) {
      if (!writes(element) || !element.checkVisibility()) continue;
      const style = getComputedStyle(element);
      const key = crossed(element, boxes) ? alone++
        : WRITES.map((name) => style[name]).join() + element.matches("a, button") + letter(element)
          + ground(element);
      if (!looks.has(key)) looks.set(key, []);
      looks.get(key).push(element);
    }
    for (const same of looks.values()) {
      for (const k of [0, same.length >> 1, same.length - 1]) same[k].dataset.look = "";
    }
  };

  axe.configure({ rules: [{ id: "color-contrast", selector: "[data-look]" }] });
})();
