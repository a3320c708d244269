// The debiased Sinkhorn divergence of two Gaussians against ε, between its two limits.
(function () {
  "use strict";
  const { node, number, slider, plot, start } = globalThis.InfoVAEFigure;
  const maths = globalThis.InfoVAEMaths;
  const THESIS = 0.01; // ε of geomloss's blur = 0.1, whose square it is.

  start("fig-interactive-sinkhorn", (live) => {
    const plain = (at) => at;
    const shift = slider("ia-sinkhorn-shift", "distance of the means",
      { min: 0, max: 5, step: 0.1, value: 1 }, plain, number);
    const c = slider("ia-sinkhorn-c", "size of the codes c",
      { min: 0, max: 3, step: 0.05, value: 0.5 }, plain, number);
    const d = slider("ia-sinkhorn-d", "dimension d", { min: 1, max: 100, step: 1, value: 20 }, plain, String);
    const eps = slider("ia-sinkhorn-eps", "regularization ε",
      { min: -4, max: 4, step: 0.05, value: -2 }, (at) => Math.pow(10, at), number);
    const holder = node("div", { class: "ia-plot" });
    live.append(shift.row, c.row, d.row, eps.row, holder);

    return {
      controls: [shift, c, d, eps],
      draw() {
        const at = [shift.read(), c.read(), d.read()];
        const read = (value) => maths.sinkhorn(...at, value);
        const first = maths.halfW2(...at), last = at[0] * at[0] / 2;
        const here = read(eps.read()), span = first - last;
        const axes = plot(holder, {
          x: [1e-4, 1e4], xLog: true, xLabel: "regularization ε",
          y: [0, 1.15 * Math.max(first, last, 0.1)], yLabel: "divergence",
          alt: "Sinkhorn divergence against epsilon, falling from half the squared Wasserstein distance to half the squared distance of the means",
        });
        axes.upright(THESIS, "ia-mark", "blur 0.1");
        axes.level(first, "ia-limit", "½ W₂²", "left");
        axes.level(last, "ia-limit ia-second", "½ ‖difference of means‖²", last > 0.12 * first ? "below right" : "right");
        axes.curve(read, "ia-line");
        axes.point(eps.read(), here);
        const rest = span > 1e-12
          ? `; ${(100 * (here - last) / span).toFixed(1)} % of what the size of the codes adds is left`
          : "; the size is the prior's own, and ε makes no difference";
        return `At ε = ${number(eps.read())} the divergence is ${number(here)}, between ½ W₂² = ` +
          `${number(first)} and ½ ‖difference of means‖² = ${number(last)}${rest}.`;
      },
    };
  });
})();
