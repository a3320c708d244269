// A digit drawn by the reader: where it is encoded, and what is made of its code.
(function () {
  "use strict";
  const { node, slider, number, start } = globalThis.InfoVAEFigure;
  const nets = globalThis.InfoVAENets, pen = globalThis.InfoVAEPen;
  const { CIRCLE, models, plane, picture, gallery, pair, stored } = globalThis.InfoVAELatent;
  const SIZE = 252, STEP = 0.04; // Of the drawing area in pixels, and of an arrow key.
  // What is drawn at first: a seven.
  const SEVEN = [[[0.3, 0.25], [0.7, 0.25], [0.45, 0.8]]];

  start("fig-interactive-draw", (live) => {
    const model = models(live);
    const width = slider("ia-draw-pen", "width of the pen", { min: 1.5, max: 4.5, step: 0.1, value: 2.5 },
      (at) => at, (value) => `${number(value)} pixels`);
    const pad = node("canvas", {
      width: SIZE, height: SIZE, class: "ia-pad ia-touch", tabindex: 0, role: "application",
      "aria-label": "Drawing area. Draw with mouse or finger. With the keyboard: arrow keys move the pen, the space bar lowers and lifts it, Delete clears.",
    });
    const seen = picture("the pixels that the model sees"), rebuilt = picture("their reconstruction");
    const holder = node("div", { class: "ia-plot ia-plane" });
    const clear = node("button", { type: "button" }, ["clear"]);
    const given = stored.map((_, digit) => node("button", { type: "button", "aria-label": `test image of a ${digit}` }, [String(digit)]));
    live.append(model.row, width.row,
      node("div", { class: "ia-buttons" }, [clear, node("span", { class: "ia-group" }, ["or a test image of a"]), ...given]),
      node("div", { class: "ia-pair" }, [
        node("div", {}, [pad, gallery([[seen, "the model sees"], [rebuilt, "and rebuilds"]])]), holder]));

    let strokes = SEVEN, image = null; // An image is one of the test set, in place of strokes.
    let at = [0.5, 0.5], down = false;
    const changed = () => live.dispatchEvent(new Event("input"));

    clear.addEventListener("click", () => { strokes = []; image = null; down = false; });
    given.forEach((button, digit) => button.addEventListener("click", () => {
      strokes = []; image = stored[digit]; down = false;
    }));

    function begin(point) {
      if (image || strokes === SEVEN) strokes = [];
      image = null;
      strokes.push([point]);
    }
    const where = (event) => {
      const box = pad.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
        .map((part) => Math.min(1, Math.max(0, part)));
    };
    pad.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      pad.focus({ preventScroll: true });
      pad.setPointerCapture(event.pointerId);
      begin(where(event));
      const draw = (moved) => { strokes.at(-1).push(where(moved)); changed(); };
      const end = () => {
        pad.removeEventListener("pointermove", draw);
        for (const name of ["pointerup", "pointercancel"]) pad.removeEventListener(name, end);
      };
      pad.addEventListener("pointermove", draw);
      for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, end);
      changed();
    });
    pad.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (move) {
        at = at.map((part, i) => Math.min(1, Math.max(0, part + move[i])));
        if (down) strokes.at(-1).push([...at]);
      } else if (event.key === " ") {
        down = !down;
        if (down) begin([...at]);
      } else if (event.key === "Delete" || event.key === "Backspace") {
        clear.click();
      } else return;
      event.preventDefault();
      changed();
    });
    for (const name of ["focus", "blur"]) pad.addEventListener(name, changed);

    function sketch() {
      const context = pad.getContext("2d");
      context.fillStyle = "#000";
      context.fillRect(0, 0, SIZE, SIZE);
      context.lineWidth = 5 * width.read();
      context.lineCap = context.lineJoin = "round";
      context.strokeStyle = "#fff";
      for (const stroke of strokes) {
        context.beginPath();
        stroke.forEach(([x, y], n) => (n ? context.lineTo(x * SIZE, y * SIZE) : context.moveTo(x * SIZE, y * SIZE)));
        context.lineTo(stroke.at(-1)[0] * SIZE, stroke.at(-1)[1] * SIZE);
        context.stroke();
      }
      if (document.activeElement === pad) { // Where the keyboard's pen is.
        context.fillStyle = down ? "#e69f00" : "#56b4e9";
        context.fillRect(at[0] * SIZE - 4, at[1] * SIZE - 4, 8, 8);
      }
    }

    return {
      controls: [model, width],
      draw() {
        const one = model.read(), pixels = image || pen.pixels(strokes, width.read() / 2);
        sketch();
        seen.show([...pixels]);
        const axes = plane(holder, one, "the posterior of the drawn digit");
        if (!one.net) return one.state;
        const { mu, logvar } = nets.encode(one.net, pixels), logits = nets.decode(one.net, mu);
        const sigma = [...logvar].map((value) => Math.exp(value / 2));
        axes.ellipse(mu, sigma.map((one) => CIRCLE * one), "ia-posterior");
        axes.point(...mu);
        rebuilt.show([...nets.means(logits)]);
        live.dataset.code = JSON.stringify({ pixels: [...pixels].join(""), mu: [...mu], logvar: [...logvar] });
        if (!pixels.some(Boolean)) return "Nothing is drawn: an empty image. Draw a digit, or choose a test image.";
        const kl = sigma.reduce((sum, s, i) => sum + (mu[i] * mu[i] + s * s - 1) / 2 - Math.log(s), 0);
        return `${one.label} encodes it at ${pair([...mu])}, give or take ${pair(sigma)}: ${number(kl)} nats from the ` +
          `prior. Its reconstruction costs ${number(nets.nll(pixels, logits))} nats; test images cost ` +
          `${number(one.test_bce)} on average.`;
      },
    };
  });
})();
