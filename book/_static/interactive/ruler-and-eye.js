// What the thesis's ruler reads of trained models, beside a look at where their codes are.
(function () {
  "use strict";
  const { node, drawn, number, slider, choice, scale, ticks, plot, start } = globalThis.InfoVAEFigure;
  const maths = globalThis.InfoVAEMaths;
  const data = globalThis.InfoVAEData["ruler-and-eye"];
  const DIMS = Object.keys(data.dims).map(Number).sort((a, b) => a - b);
  const CIRCLE = Math.sqrt(-2 * Math.log(0.05)); // It holds 95 % of a standard normal in the plane.
  const HEIGHT = 232;

  const short = (model) => data.labels[model].replace("InfoVAE-", "");

  // A line with a mark for every model, the chosen one's with its number.
  function strip(svg, width, top, spec) {
    const left = 8, right = width - 8, base = top + 42;
    const x = scale(spec.domain, [left, right], spec.log);
    const at = (value) => x(Math.min(spec.domain[1], Math.max(spec.domain[0], value)));
    svg.append(drawn("text", { class: "ia-label", x: left, y: top + 14 }, spec.title));
    svg.append(drawn("line", { class: "ia-axis", x1: left, x2: right, y1: base, y2: base }));
    if (spec.mark !== undefined) {
      const place = at(spec.mark);
      svg.append(drawn("line", { class: spec.look, x1: place, x2: place, y1: base - 14, y2: base + 9 }));
    }
    for (const tick of ticks(x, width < 300 ? 3 : 5)) {
      svg.append(drawn("text", { class: "ia-tick", x: x(tick.at), y: base + 21, "text-anchor": "middle" }, tick.text));
    }
    for (const [own, name] of spec.others) {
      svg.append(drawn("circle", { class: "ia-other", cx: at(own), cy: base, r: 4 }));
      if (name === spec.named && Math.abs(at(own) - at(spec.value)) > 30) {
        svg.append(drawn("text", { class: "ia-note", x: at(own), y: base - 9, "text-anchor": "middle" }, short(name)));
      }
    }
    const here = at(spec.value), middle = Math.min(right - 24, Math.max(left + 24, here));
    svg.append(drawn("circle", { class: "ia-point", cx: here, cy: base, r: 7 }));
    svg.append(drawn("text", { class: "ia-note ia-strong", x: middle, y: base - 11, "text-anchor": "middle" }, number(spec.value)));
  }

  start("fig-interactive-ruler-and-eye", (live) => {
    const names = Object.keys(data.labels);
    const model = choice("model", names.map((name) => [name, short(name)]), "infovae_mmd");
    const d = slider("ia-eye-d", "latent dimension d",
      { min: 0, max: DIMS.length - 1, step: 1, value: DIMS.indexOf(20) }, (at) => DIMS[at], String);
    const codes = node("div", { class: "ia-plot" }), strips = node("div", { class: "ia-plot" });
    live.append(model.row, d.row, node("div", { class: "ia-pair" }, [codes, strips]));

    function look(dim, name, own) {
      const points = own.points.map(([x, y]) => [x / data.steps * own.width, y / data.steps * own.width]);
      const axes = plot(codes, {
        half: own.width, height: HEIGHT, xLabel: "codes, along two directions", yLabel: "",
        alt: `${points.length} codes of ${data.labels[name]} in ${dim} dimensions, beside the circle that holds 95 % of the prior`,
      });
      axes.points(points, "ia-code", 2.5);
      axes.ellipse([0, 0], [CIRCLE, CIRCLE], "ia-circle");
      axes.note(0, CIRCLE + own.width * 0.04, "prior, 95 %", "middle");
    }

    function read(dim, name, models, named) {
      const width = Math.max(260, Math.round(strips.clientWidth));
      const svg = drawn("svg", {
        viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
        "aria-label": `Three rulers of ${data.labels[name]} in ${dim} dimensions, with the other models`,
      });
      const of = (metric) => ({
        others: Object.entries(models).map(([other, one]) => [one[metric], other]),
        value: models[name][metric], named,
        least: (value) => Math.min(value, ...Object.values(models).map((one) => one[metric])),
        most: (value) => Math.max(value, ...Object.values(models).map((one) => one[metric])),
      });
      const ruler = of("val_mmd"), size = of("norm_ratio"), left = maths.escape(dim, 1);
      strip(svg, width, 0, {
        ...ruler, title: "the thesis’s ruler: MMD, σ = 1", log: true,
        domain: [ruler.least(left) / 3, 1], mark: left, look: "ia-limit",
      });
      strip(svg, width, 77, {
        ...size, title: "size of the codes, prior: 1", log: true,
        domain: [size.least(0.5) / 1.2, 1.2 * size.most(2)], mark: 1, look: "ia-mark",
      });
      strip(svg, width, 154, {
        ...of("classifier_auc"), title: "a classifier, codes or prior? AUC",
        domain: [0.45, 1.02], mark: 0.5, look: "ia-mark",
      });
      strips.replaceChildren(svg);
    }

    return {
      controls: [model, d],
      draw() {
        const dim = d.read(), models = data.dims[dim], name = model.read(), own = models[name];
        if (!own) {
          for (const holder of [codes, strips]) holder.replaceChildren();
          return `${data.labels[name]}, d = ${dim}: its loss stopped being finite, and there are no codes.`;
        }
        const other = name === "vae" ? "infovae_mmd" : "vae", against = models[other];
        look(dim, name, own);
        read(dim, name, models, other);
        const compared = against && own.val_mmd !== against.val_mmd
          ? `, ${own.val_mmd < against.val_mmd ? "nearer to the prior than" : "farther than"} ` +
            `${data.labels[other]} (${number(against.val_mmd)})` : "";
        const auc = own.classifier_auc;
        const told = auc > 0.995 ? "tells them all from the prior’s draws" : auc < 0.55
          ? "cannot tell them from the prior’s draws" : "tells most of them from the prior’s draws";
        return `${data.labels[name]}, d = ${dim}: the ruler reads ${number(own.val_mmd)}${compared}; codes that ` +
          `have left read ${number(maths.escape(dim, 1))}. The codes have ${number(own.norm_ratio)} times the ` +
          `prior’s size, and a classifier ${told} (AUC ${number(auc)}).`;
      },
    };
  });
})();
