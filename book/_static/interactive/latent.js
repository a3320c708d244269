// What the figures of trained models share: the models, loaded when they are chosen, the plane of
// their codes, and pictures of 28 × 28 pixels.
(function (root) {
  "use strict";
  if (root.InfoVAELatent) return;
  const { node, number, choice, plot } = root.InfoVAEFigure;
  const nets = root.InfoVAENets, data = root.InfoVAEData.plane;
  const CIRCLE = Math.sqrt(-2 * Math.log(0.05)); // It holds 95 % of the prior.
  const FOLDER = new URL("../models/", document.currentScript.src);
  const loading = new Map(), loaded = new Map();

  // Asks for a model's weights once; `then` is called when they are there, or are known not to be.
  function ask(name, then) {
    if (!loading.has(name)) {
      loading.set(name, fetch(new URL(`${name}.safetensors`, FOLDER))
        .then((answer) => {
          if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
          return answer.arrayBuffer();
        })
        .then((buffer) => loaded.set(name, nets.parse(buffer)))
        .catch((error) => loaded.set(name, error)));
    }
    loading.get(name).then(then);
  }

  // A choice of model. `read` gives what is known of it, with its weights as `net` once they are
  // there; until then `state` says why they are not.
  function models(live, first) {
    const entries = data.models.map((one) => [one.name, one.label]);
    const start = data.models.find((one) => one.model === (first || "infovae_mmd")) || data.models[0];
    const chooser = choice("model", entries, start.name);
    const read = () => {
      const one = data.models.find((model) => model.name === chooser.read());
      const found = loaded.get(one.name);
      if (found === undefined) ask(one.name, () => live.dispatchEvent(new Event("input")));
      const failed = found instanceof Error;
      const state = found === undefined ? `Loading ${one.label}, about 100 kB …` : failed
        ? `${one.label} could not be loaded (${found.message}). Pages that are opened as files cannot load ` +
          "models: let “python -m http.server” serve the folder of the pages." : "";
      return { ...one, net: failed ? undefined : found, state };
    };
    return { ...chooser, read };
  }

  function distance(a, b) {
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  // The stored code that is nearest to a place, its digit and its distance.
  function nearest(one, z) {
    let best = { distance: Infinity };
    one.codes.forEach((code, i) => {
      const far = distance(code, z);
      if (far < best.distance) best = { distance: far, digit: one.digits[i], code };
    });
    return best;
  }

  // The plane of a model's codes: each is drawn as its digit. `half` is what it reaches to.
  function plane(holder, one, what) {
    const size = Math.min(380, Math.max(260, Math.round(holder.clientWidth)));
    const axes = plot(holder, {
      half: one.half, height: size - 20, xLabel: "z₁", yLabel: "z₂",
      alt: `Plane of codes of ${one.label}: ${one.codes.length} validation images, each drawn as its digit, ` +
        `the circle that holds 95 % of the prior, and ${what}`,
    });
    one.codes.forEach(([x, y], i) => axes.note(x, y, String(one.digits[i]), "middle", `ia-digit ia-digit-${one.digits[i]}`));
    axes.ellipse([0, 0], [CIRCLE, CIRCLE], "ia-circle");
    return axes;
  }

  // Lets a pointer, mouse, pen or finger, choose places on the plane.
  function follow(holder, axes, place) {
    axes.svg.classList.add("ia-touch");
    holder.axes = axes; // Of the picture that is there when the pointer moves.
    axes.svg.addEventListener("pointerdown", (event) => {
      const at = (moved) => { moved.preventDefault(); place(holder.axes.under(moved)); };
      const end = () => {
        holder.removeEventListener("pointermove", at);
        for (const name of ["pointerup", "pointercancel"]) holder.removeEventListener(name, end);
      };
      holder.setPointerCapture(event.pointerId); // The holder stays while its picture is drawn anew.
      holder.addEventListener("pointermove", at);
      for (const name of ["pointerup", "pointercancel"]) holder.addEventListener(name, end);
      at(event);
    });
  }

  // A picture of 28 × 28 values in [0, 1], white on black as the data are.
  function picture(label, look) {
    const canvas = node("canvas", { width: 28, height: 28, class: look || "ia-picture", role: "img", "aria-label": label });
    const show = (values, said) => {
      const context = canvas.getContext("2d"), image = context.createImageData(28, 28);
      values.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
      context.putImageData(image, 0, 0);
      if (said) canvas.setAttribute("aria-label", said);
    };
    return { canvas, show };
  }

  // Pictures in a row, each with its caption.
  function gallery(parts) {
    return node("div", { class: "ia-gallery" }, parts.map(([one, caption]) =>
      node("div", {}, [one.canvas, node("div", { class: "ia-caption", "aria-hidden": "true" }, [caption])])));
  }

  const pair = ([x, y]) => `(${number(Number(x.toFixed(2)))}, ${number(Number(y.toFixed(2)))})`;
  const stored = data.originals.map((bits) => Uint8Array.from(bits, Number));

  root.InfoVAELatent = { CIRCLE, models, nearest, plane, follow, picture, gallery, pair, stored };
})(globalThis);
