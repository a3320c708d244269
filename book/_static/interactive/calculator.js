// A ruler's readings before anything is trained, and what a reading of the reader's own says.
(function () {
  "use strict";
  const { node, drawn, number, slider, choice, scale, ticks, start } = globalThis.InfoVAEFigure;
  const maths = globalThis.InfoVAEMaths;
  const HEIGHT = 118, LARGER = 1.5; // Of codes half again as large as the prior.

  // One axis of readings, each mark with its label at one of four heights.
  function axis(holder, marks) {
    const width = Math.max(260, Math.round(holder.clientWidth)), base = 62;
    const values = marks.map((mark) => mark.value).filter((value) => value > 0);
    const domain = [Math.min(...values) / 3, Math.max(...values) * 3], x = scale(domain, [10, width - 10], true);
    const svg = drawn("svg", {
      viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img",
      "aria-label": "Readings of the MMD on a logarithmic axis: " + marks.map((one) => `${one.label} ${number(one.value)}`).join(", "),
    });
    svg.append(drawn("line", { class: "ia-axis", x1: 10, x2: width - 10, y1: base, y2: base }));
    for (const tick of ticks(x, 6)) {
      svg.append(drawn("text", { class: "ia-tick", x: x(tick.at), y: base + 18, "text-anchor": "middle" }, tick.text));
    }
    for (const { value, label, look, row } of marks) {
      const at = value > 0 ? x(value) : 10, level = [14, 32, 98, 114][row];
      svg.append(drawn("line", { class: look, x1: at, x2: at, y1: row < 2 ? level + 4 : base - 8, y2: row < 2 ? base + 6 : level - 12 }));
      const anchor = at < 90 ? "start" : at > width - 90 ? "end" : "middle";
      svg.append(drawn("text", { class: "ia-note", x: at, y: level, "text-anchor": anchor }, label));
    }
    holder.replaceChildren(svg);
  }

  start("fig-interactive-calculator", (live) => {
    const powers = (id, label, low, high, value) => slider(id, label, { min: low, max: high, step: 0.01, value },
      (at) => Number(Math.pow(10, at).toPrecision(2)), number);
    const d = slider("ia-calculator-d", "dimension d", { min: 1, max: 200, step: 1, value: 20 }, (at) => at, String);
    const rule = choice("bandwidth", [["one", "σ = 1"], ["root", "σ² = d"], ["own", "my own"]], "one");
    const own = powers("ia-calculator-sigma", "my own σ", -1, 2, 0.5);
    const n = slider("ia-calculator-n", "codes in a minibatch n", { min: 4, max: 14, step: 1, value: 7 },
      (at) => Math.pow(2, at), String);
    const lam = powers("ia-calculator-lam", "weight λ", 0, 6, 3);
    const mine = node("input", { type: "number", id: "ia-calculator-reading", min: 0, step: "any", value: 0.0041 });
    const holder = node("div", { class: "ia-plot" });
    live.append(d.row, rule.row, own.row, n.row, lam.row,
      node("div", { class: "ia-row" }, [node("label", { for: "ia-calculator-reading" }, ["my reading, MMD"]), mine]), holder);

    return {
      controls: [d, rule, own, n, lam],
      draw() {
        const dim = d.read(), kind = rule.read(), size = n.read();
        own.row.hidden = kind !== "own";
        const sigma = kind === "one" ? 1 : kind === "root" ? Math.sqrt(dim) : own.read();
        const gone = maths.escape(dim, sigma), bound = maths.matchBound(dim, sigma, size);
        const given = mine.value === "" ? NaN : Number(mine.value), known = given >= 0 && given < Infinity;
        const marks = [
          { value: bound, label: "a match reads less", look: "ia-mark", row: 3 },
          { value: gone, label: "codes that left", look: "ia-limit", row: 2 },
          { value: maths.mmd(0, dim, sigma), label: "codes at one point", look: "ia-mark", row: 0 },
        ];
        if (known) marks.push({ value: given, label: "my reading", look: "ia-line", row: 1 });
        axis(holder, marks);
        const cost = (c) => number(maths.price(c, dim, sigma, lam.read()));
        const facts = `d = ${dim}, σ = ${number(sigma)}: codes that have left read ${number(gone)}; a match reads at most ` +
          `${number(bound)} on average over minibatches of ${size}. With λ = ${number(lam.read())} and α = 1, codes ` +
          `${LARGER} times the prior’s size cost ${cost(LARGER)} nats, and leaving costs at most ` +
          `${number(lam.read() * gone * gone)}. `;
        if (!known) return facts + "My reading is to be a number, 0 or more.";
        const [small, large] = maths.sizes(given, dim, sigma).map((c) => c === null ? "" : number(c));
        return facts + {
          blind: "No reading can tell: codes that have left are within two standard deviations of a match. Take a larger σ, or more codes.",
          match: `My reading ${number(given)} is what a match reads; codes that have left would read more.`,
          escape: `My reading ${number(given)} is that of codes that have left: look at their size.`,
          size: `My reading ${number(given)} is that of codes ${large} times the prior’s size${small ? `, or ${small} times` : ""}.`,
          small: `My reading ${number(given)} is more than larger codes can read: codes are ${small ? `small, as ${small} times the prior’s size` : "at one point"}, or together on few points.`,
          apart: `My reading ${number(given)} is more than codes at the prior’s mean read: they are together, away from it.`,
        }[maths.diagnosis(given, dim, sigma, size)];
      },
    };
  });
})();
