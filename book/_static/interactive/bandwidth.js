// What an RBF-MMD reads for codes c times the prior's size, as σ and d vary.
(function () {
  "use strict";
  const { node, number, slider, plot, start } = globalThis.InfoVAEFigure;
  const maths = globalThis.InfoVAEMaths;
  const BATCH = 128;

  start("fig-interactive-bandwidth", (live) => {
    const d = slider("ia-bandwidth-d", "dimension d", { min: 1, max: 100, step: 1, value: 20 },
      (at) => at, (value) => String(value));
    const rule = node("input", { type: "checkbox", id: "ia-bandwidth-rule" });
    const sigma = slider("ia-bandwidth-sigma", "bandwidth σ",
      { min: -0.6, max: 1.3, step: 0.01, value: 0 },
      (at) => (rule.checked ? Math.sqrt(d.read()) : Math.pow(10, at)), number);
    const c = slider("ia-bandwidth-c", "size of the codes c",
      { min: -1, max: 1.5, step: 0.01, value: 1 }, (at) => Math.pow(10, at), number);
    const holder = node("div", { class: "ia-plot" });
    live.append(d.row, sigma.row,
      node("div", { class: "ia-row" }, [rule, node("label", { for: "ia-bandwidth-rule" }, ["let σ² = d"])]),
      c.row, holder);

    return {
      controls: [d, sigma, c],
      draw() {
        sigma.input.disabled = rule.checked;
        const dim = d.read(), width = sigma.read(), size = c.read();
        const read = (scale) => maths.mmd(scale, dim, width);
        const gone = maths.escape(dim, width), noise = maths.mmdNoise(dim, width, BATCH);
        const top = Math.max(gone, read(0.1), noise), bottom = Math.min(gone, noise);
        const here = read(size);
        const axes = plot(holder, {
          x: [0.1, Math.pow(10, 1.5)], xLog: true, xLabel: "size of the codes c (prior: 1)",
          y: [Math.pow(10, Math.floor(Math.log10(bottom)) - 1), Math.pow(10, Math.ceil(Math.log10(top) + 0.1))],
          yLog: true, yLabel: "MMD",
          alt: "MMD against the size of the codes, with the level of escaped codes and the noise of a minibatch",
        });
        axes.curve(() => noise, "ia-noise", true);
        const [upper, lower] = ["right", "below right"];
        axes.level(noise, "ia-none", "scatter of a minibatch at a match", noise > gone ? upper : lower);
        axes.level(gone, "ia-limit", "codes that have left read this", noise > gone ? lower : upper);
        axes.curve(read, "ia-line");
        axes.point(size, here);
        return `d = ${dim}, σ = ${number(width)}: codes ${number(size)} times the prior's size read ` +
          `${number(here)}, codes that have left ${number(gone)}. Their MMD² is ${number(gone * gone)}; at a ` +
          `match that of a minibatch of ${BATCH} scatters around 0 by ${number(noise * noise)}. ` +
          (gone * gone < 2 * noise * noise
            ? "Within two such deviations, one minibatch cannot tell them from a match."
            : size > 1 && here > 0.95 * gone
              ? "Larger codes would read no more than these: the ruler has reached its end." : "");
      },
    };
  });
})();
