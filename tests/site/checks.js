// What a reader would stumble over, told in sentences: each function returns a list of
// faults of the page that it runs in.
(() => {
  const article = () => document.querySelector("article, main") ?? document.body;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 60);
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const NOT_PROSE = "pre, code, script, style, mjx-container, math, title, noscript";

  function* textNodes(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.data.trim() && !node.parentElement.closest(NOT_PROSE)) yield node;
    }
  }

  async function settled() {
    await document.fonts.ready;
    await window.MathJax?.startup?.promise;
    all("img").forEach((image) => { image.loading = "eager"; });
    await Promise.all(all("img").map((image) => image.decode().catch(() => null)));
  }

  function math() {
    const faults = all(".math").filter((m) => !m.querySelector("mjx-container"))
      .map((m) => `not typeset: ${short(m.textContent)}`);
    all("mjx-merror").forEach((m) =>
      faults.push(`MathJax fails: ${m.dataset.mjxError ?? short(m.textContent)}`));
    all("mjx-mtext[style*='color: red']").forEach((m) =>
      faults.push(`MathJax meets an unknown command: ${short(m.parentElement.innerHTML)}`));
    for (const node of textNodes(article())) {
      if (/\$\$|\\\(|\\\[|\\begin\{/.test(node.data)) {
        faults.push(`raw mathematics: ${short(node.data)}`);
      }
    }
    return faults;
  }

  function text() {
    const faults = [];
    for (const node of textNodes(article())) {
      if (/\{[a-z]+([:-][a-z]+)*\}|\?\?|```|:::|\{\{|\}\}|^:[a-z-]+:\s/.test(node.data)) {
        faults.push(`unresolved: ${short(node.data)}`);
      }
    }
    return faults;
  }

  function images() {
    const faults = [];
    for (const image of all("img")) {
      const name = image.getAttribute("src")?.slice(0, 80);
      const alt = image.getAttribute("alt");
      if (alt === null) faults.push(`no alt text: ${name}`);
      else if (article().contains(image) && !alt.trim()) {
        faults.push(`empty alt text: ${name}`);
      } else if (/^\S*[/\\]\S*$|\.(png|svg|jpe?g|webp|gif)$/i.test(alt.trim())) {
        faults.push(`alt text is a path: ${alt}`);
      }
      if (!image.complete || !image.naturalWidth) faults.push(`not loaded: ${name}`);
    }
    return faults;
  }

  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);

  function width() {
    const faults = [];
    const page = document.scrollingElement;
    if (page.scrollWidth > innerWidth) {
      const widest = all("body *").filter(shown)
        .map((e) => [e.getBoundingClientRect().right, e])
        .sort((a, b) => b[0] - a[0])[0]?.[1];
      faults.push(`scrolls sideways: ${page.scrollWidth} > ${innerWidth} px, up to ` +
        `<${widest?.tagName.toLowerCase()} class="${widest?.className}">`);
    }
    for (const element of all("*", article()).filter(shown)) {
      if (element.closest("mjx-container") && element.tagName !== "MJX-CONTAINER") continue;
      const hidden = /hidden|clip/.test(getComputedStyle(element).overflowX)
        && !element.matches('.dgm-pad .window');  // it shows a part of a sheet
      if (element.clientWidth < 2 || element.scrollWidth <= element.clientWidth + 1) continue;
      if (hidden) faults.push(`cut off: <${element.tagName}> ${short(element.textContent)}`);
      if (element.matches("div.math mjx-container")) {
        faults.push(`a formula scrolls: ${element.closest("div.math").id || short(element.textContent)}`);
      }
      if (scrolls(element) && element.tabIndex < 0 && !element.querySelector("a, button")) {
        faults.push(`scrolls, but not by keyboard: ${short(element.textContent)}`);
      }
    }
    return faults;
  }

  const canvas = document.createElement("canvas").getContext("2d",
    { willReadFrequently: true });
  const seen = new Map();

  function rgba(colour) {
    if (!seen.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(colour, [r, g, b, a / 255]);
    }
    return seen.get(colour);
  }

  const over = ([r, g, b, a], ground) =>
    [r, g, b].map((c, k) => c * a + ground[k] * (1 - a));

  function groundOf(element) {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const layer = rgba(getComputedStyle(e).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  }

  function luminance(colour) {
    const [r, g, b] = colour.map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  // WCAG 2: 4.5 to 1, or 3 to 1 where the letters are large.
  function colours(mode) {
    const faults = [];
    const page = luminance(groundOf(article()));
    if (mode === "dark" ? page > 0.05 : page < 0.8) {
      faults.push(`the page's ground is not ${mode}: luminance ${page.toFixed(2)}`);
    }
    const parents = new Set([...textNodes(document.body)].map((n) => n.parentElement));
    all("pre, pre span, code, mjx-container").forEach((e) => parents.add(e));
    for (const element of parents) {
      if (!shown(element) || !element.textContent.trim()) continue;
      const style = getComputedStyle(element);
      const ground = groundOf(element);
      const [a, b] = [luminance(over(rgba(style.color), ground)), luminance(ground)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      if (contrast < (large ? 3 : 4.5)) {
        faults.push(`contrast ${contrast.toFixed(1)}: ${short(element.textContent)}`);
      }
    }
    return faults;
  }

  window.faults = { settled, math, text, images, width, colours };
})();
