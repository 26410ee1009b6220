// Fits what is wider than the page, fills in the page numbers of the contents, and tells
// how the headings read as plain text.
async (pages) => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => 0)));
  // Formulas have their TeX as a label; a second copy would be read twice.
  document.querySelectorAll("mjx-assistive-mml").forEach((copy) => copy.remove());
  // MathJax draws its signs by style sheet, which no tag of a PDF holds: a letter without
  // width stands for them.
  document.querySelectorAll("mjx-math").forEach((math) => {
    math.removeAttribute("aria-hidden");
    const letter = document.createElement("span");
    letter.style.font = "1px serif";
    letter.textContent = "\u2060";
    math.prepend(letter);
  });

  // All is measured before anything is changed: each change lays out the book anew.
  const shrink = (nodes, roomOf) => {
    const wide = nodes.map((node) => {
      const width = node.scrollWidth, room = roomOf(node);
      const size = parseFloat(getComputedStyle(node).fontSize);
      return { node, size: Math.max(0.5, (room / width) * 0.99) * size, fits: width <= room };
    }).filter((found) => !found.fits);
    wide.forEach(({ node, size }) => { node.style.fontSize = `${size}px`; });
    return wide.map((found) => found.node);
  };
  shrink([...document.querySelectorAll("mjx-math")],
    (math) => math.closest(".tex, p, li, dd, td, th, figcaption, div")?.clientWidth || 1e4);
  let tables = [...document.querySelectorAll("table")];
  for (let k = 0; k < 3; k++)
    tables = shrink(tables, (table) => table.parentElement.clientWidth + 0.5);

  document.querySelectorAll(".contents p").forEach((line) => {
    const place = decodeURIComponent(line.querySelector("a").hash.slice(1));
    line.lastElementChild.textContent = pages[place] ?? "000";
  });

  const formula = (math) => {
    const tex = math.getAttribute("aria-label").replace(/^formula: /, "");
    const mml = new DOMParser().parseFromString(MathJax.tex2mml(tex), "text/xml");
    return mml.documentElement.textContent.replace(/\s+|\u2061/g, " ").trim();
  };
  const words = (heading) => {
    const copy = heading.cloneNode(true);
    copy.querySelectorAll("[aria-label]").forEach((math) => math.replaceWith(formula(math)));
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(words);

  const edge = document.body.clientWidth + 2;
  const wide = [...document.querySelectorAll("article *")]
    .filter((node) => node.getBoundingClientRect().right > edge)
    .map((node) => `${node.closest("article").id}: ${node.tagName} ${node.className}`);
  const author = document.querySelector("meta[name=author]")?.content ?? "";
  return { headings, wide, author };
}
