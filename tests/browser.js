// What is wrong with the page that is open, by kind; called when it has loaded.
async function pageFaults(theme) {
  if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
  const images = [...document.images];
  for (const image of images) image.loading = "eager";
  await Promise.all(images.map((image) => image.decode().catch(() => null)));

  const article = document.querySelector("article") ?? document.querySelector("main") ?? document.body;
  // Colours are judged when they have stopped changing.
  for (const change of document.getAnimations()) change.cancel();
  const brief = (text) => text.replace(/\s+/g, " ").trim().slice(0, 60);
  const name = (element) =>
    element.tagName.toLowerCase() + (element.className && typeof element.className === "string"
      ? "." + element.className.trim().split(/\s+/).join(".") : "") + " " + brief(element.textContent);

  // Mathematics: typeset without an error, and none left as it was written.
  const mathematics = [...document.querySelectorAll("mjx-merror, [data-mjx-error]")]
    .map((element) => `error in ${brief(element.textContent || element.outerHTML)}`);
  for (const element of article.querySelectorAll(".math")) {
    if (!element.querySelector("mjx-container")) mathematics.push(`not typeset: ${brief(element.textContent)}`);
  }
  for (const [text, parent] of texts(article)) {
    if (parent.closest("pre, code, mjx-container, .math")) continue;
    if (/\$[^$]+\$|\\\(|\\\[|\\begin\{/.test(text)) mathematics.push(`raw: ${brief(text)}`);
  }

  const pictures = images.filter((image) => !(image.complete && image.naturalWidth > 0))
    .map((image) => `not loaded: ${image.getAttribute("src")}`);
  const descriptions = [...article.querySelectorAll("img, svg, canvas")]
    .filter((picture) => !decorates(picture) && !describes(textOf(picture)))
    .map((picture) => `no alternative text: ${picture.getAttribute("src") ?? name(picture)}`);

  // Width: the page does not scroll sideways, and nothing sticks out but of a box that scrolls.
  const width = document.documentElement.clientWidth;
  const overflow = [];
  if (document.documentElement.scrollWidth > width) {
    overflow.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
  }
  for (const element of article.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width > 1 && box.height > 1 && box.right > width + 1 && !scrolls(element, article)) {
      overflow.push(`ends at ${Math.round(box.right)} of ${width} pixels: ${name(element)}`);
    }
  }

  const themes = [];
  if (document.documentElement.dataset.theme !== theme) {
    themes.push(`the theme is ${document.documentElement.dataset.theme}, not ${theme}`);
  }
  for (const [text, parent] of texts(article)) {
    if (parent.closest("svg") || !parent.checkVisibility({ checkOpacity: true })) continue;
    const style = getComputedStyle(parent);
    const large = parseFloat(style.fontSize) >= 24;
    const ratio = contrast(over(parse(style.color), ground(parent)), ground(parent));
    if (ratio < (large ? 3 : 4.5)) {
      themes.push(`contrast ${ratio.toFixed(1)}: ${name(parent)}`);
    }
  }
  return { mathematics, pictures, descriptions, overflow, themes };
}

// A picture that only decorates says so.
function decorates(picture) {
  return picture.closest("[aria-hidden=true]") || ["presentation", "none"].includes(picture.role);
}

// Sphinx gives a picture without a text its path instead, which describes nothing.
function describes(text) {
  return /\p{L}/u.test(text) && !/\.(png|svg|jpe?g|gif)$/.test(text.trim());
}

function textOf(picture) {
  const others = (picture.getAttribute("aria-labelledby") ?? "").split(/\s+/)
    .map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  const own = { img: picture.alt, svg: picture.querySelector(":scope > title")?.textContent,
    canvas: picture.textContent }[picture.localName];
  return others || (picture.getAttribute("aria-label") ?? own ?? "");
}

function* texts(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (node.data.trim() && !parent.closest("script, style, template, noscript, mjx-assistive-mml")) {
      yield [node.data, parent];
    }
  }
}

function scrolls(element, end) {
  for (let box = element; box && box !== end; box = box.parentElement) {
    if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
  }
  return false;
}

// WCAG 2: relative luminance, and the ratio of two.
function parse(colour) {
  const canvas = parse.canvas ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

function over([r, g, b, a], below) {
  return [r, g, b].map((value, i) => a * value + (1 - a) * below[i]);
}

function ground(element) {
  const layers = [];
  for (let box = element; box; box = box.parentElement) {
    layers.push(parse(getComputedStyle(box).backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
}

function contrast(one, other) {
  const [low, high] = [one, other].map((colour) => {
    const [r, g, b] = colour.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }).sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
