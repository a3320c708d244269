// Models ranked by one ruler, by latent dimension; the lines cross as the ruler changes.
(function () {
  "use strict";
  const { node, drawn, slider, choice, start } = globalThis.InfoVAEFigure;
  const OUT = { infovae_mmd: "ia-line", vae: "ia-line ia-second" }; // Their lines stand out.
  const TIME = 500; // Milliseconds of a change, for eyes that do not mind motion.

  function build(data, number, live) {
    const names = Object.keys(data.labels), rulers = data.rulers;
    const short = (name) => data.labels[name].replace("InfoVAE-", "");
    const ruler = choice("ruler", Object.entries(rulers).map(([name, one]) => [name, one.heading]), "val_mmd");
    const d = slider(`ia-ruler-${number}-d`, "readings at d =",
      { min: 0, max: data.dims.length - 1, step: 1, value: data.dims.indexOf(20) }, (at) => data.dims[at], String);
    const holder = node("div", { class: "ia-plot" });
    live.append(ruler.row, d.row, holder);
    let shown = rulers.val_mmd.places, moving = 0;

    function picture(places) {
      const width = Math.max(280, Math.round(holder.clientWidth)), height = 60 + 30 * names.length;
      const left = 46, right = width - 104, top = 34;
      const x = (column) => left + column / Math.max(1, data.dims.length - 1) * (right - left);
      const y = (place) => top + 30 * place;
      const svg = drawn("svg", {
        viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
        "aria-label": `Places of ${names.length} models by ${rulers[ruler.read()].heading}, for each latent dimension; the nearest to the prior is at the top`,
      });
      const column = data.dims.indexOf(d.read());
      svg.append(drawn("rect", { class: "ia-noise", x: x(column) - 24, y: top - 16, width: 48, height: 30 * names.length + 2 }));
      data.dims.forEach((dim, i) => svg.append(drawn("text", { class: "ia-tick", x: x(i), y: height - 20, "text-anchor": "middle" }, String(dim))));
      svg.append(drawn("text", { class: "ia-label", x: (left + right) / 2, y: height - 3, "text-anchor": "middle" }, "latent dimension d"));
      svg.append(drawn("text", { class: "ia-label", x: 0, y: 12 }, "nearest to the prior"));
      const order = names.map((_, i) => i).sort((a, b) => (names[a] in OUT) - (names[b] in OUT));
      for (const i of order) {
        const path = places.map((row, at) => `${x(at).toFixed(1)},${y(row[i]).toFixed(1)}`);
        svg.append(drawn("path", { class: OUT[names[i]] || "ia-line ia-faint", d: "M" + path.join(" L"), "data-model": names[i] }));
      }
      for (const i of order) {
        const strong = names[i] in OUT ? " ia-strong" : "";
        places.forEach((row, at) => {
          if (at !== column) svg.append(drawn("circle", { class: "ia-dot", cx: x(at), cy: y(row[i]), r: 3.5 }));
        });
        svg.append(drawn("text", { class: "ia-note" + strong, x: x(column), y: y(places[column][i]) + 4, "text-anchor": "middle" },
          rulers[ruler.read()].readings[column][i]));
        svg.append(drawn("text", { class: "ia-note" + strong, x: right + 10 + (column === data.dims.length - 1 ? 18 : 0), y: y(places.at(-1)[i]) + 4 }, short(names[i])));
      }
      holder.replaceChildren(svg);
    }

    function move(target) {
      const from = shown, begun = performance.now();
      cancelAnimationFrame(moving);
      if (target === from || matchMedia("(prefers-reduced-motion: reduce)").matches) {
        shown = target;
        return picture(target);
      }
      const step = (now) => {
        const t = Math.min(1, Math.max(0, now - begun) / TIME), eased = t * t * (3 - 2 * t);
        shown = t === 1 ? target
          : target.map((row, a) => row.map((to, b) => from[a][b] + eased * (to - from[a][b])));
        picture(shown);
        if (t < 1) moving = requestAnimationFrame(step);
      };
      return step(begun);
    }

    return {
      controls: [ruler, d],
      draw() {
        const one = rulers[ruler.read()], column = data.dims.indexOf(d.read());
        move(one.places);
        const order = names.map((_, i) => i).sort((a, b) => one.places[column][a] - one.places[column][b]);
        const list = order.map((i) => `${short(names[i])} ${one.readings[column][i]}`).join(", ");
        const [mmd, vae] = ["infovae_mmd", "vae"].map((name) => names.indexOf(name));
        const nearer = data.dims.filter((_, i) => one.places[i][mmd] < one.places[i][vae]);
        const compared = nearer.length === 0 ? "at no d" : nearer.length === data.dims.length ? "at every d"
          : `at d = ${nearer.join(", ")}`;
        return `By ${one.heading}, InfoVAE-MMD is nearer to the prior than VAE ${compared}. ` +
          `At d = ${d.read()}, nearest first: ${list}.`;
      },
    };
  }

  for (const [number, data] of Object.entries(globalThis.InfoVAEData["change-the-ruler"])) {
    start(`fig-interactive-change-the-ruler-${number}`, (live) => build(data, number, live));
  }
})();
