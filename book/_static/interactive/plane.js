// Any place of the plane, decoded.
(function () {
  "use strict";
  const { node, slider, number, start } = globalThis.InfoVAEFigure;
  const nets = globalThis.InfoVAENets;
  const { CIRCLE, models, nearest, plane, follow, picture, gallery, pair } = globalThis.InfoVAELatent;

  start("fig-interactive-plane", (live) => {
    const model = models(live);
    // The sliders' positions are hundredths of what the plane reaches to.
    const axis = (id, label) => slider(id, label, { min: -100, max: 100, step: 1, value: 0 },
      (at) => at / 100 * model.read().half, (value) => number(Number(value.toFixed(2))));
    const z = [axis("ia-plane-z1", "z₁"), axis("ia-plane-z2", "z₂")];
    const holder = node("div", { class: "ia-plot ia-plane" }), decoded = picture("the decoded digit");
    live.append(model.row, ...z.map((one) => one.row),
      node("div", { class: "ia-pair" }, [holder, gallery([[decoded, "decoded"]])]));

    return {
      controls: [model, ...z],
      draw() {
        const one = model.read(), at = z.map((slide) => slide.read());
        const axes = plane(holder, one, "the place that is decoded");
        axes.point(...at);
        follow(holder, axes, (place) => {
          place.forEach((value, i) => { z[i].input.value = Math.round(100 * value / one.half); });
          live.dispatchEvent(new Event("input"));
        });
        if (!one.net) return one.state;
        const close = nearest(one, at), inside = Math.hypot(...at) <= CIRCLE ? "inside" : "outside";
        decoded.show(nets.means(nets.decode(one.net, at)), `the image that ${pair(at)} is decoded to`);
        return `${one.label}, z = ${pair(at)}, ${inside} the circle that holds 95 % of the prior. The nearest ` +
          `stored code is of a ${close.digit}, ${number(Number(close.distance.toFixed(2)))} away.`;
      },
    };
  });
})();
