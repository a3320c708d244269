// Draws from the prior, decoded: the use that a generative model is made for.
(function () {
  "use strict";
  const { node, slider, number, start } = globalThis.InfoVAEFigure;
  const nets = globalThis.InfoVAENets, pen = globalThis.InfoVAEPen;
  const { models, nearest, plane, picture, pair } = globalThis.InfoVAELatent;
  const DRAWS = 15;

  start("fig-interactive-samples", (live) => {
    const model = models(live, "recon_ae");
    const seed = slider("ia-samples-seed", "draw number", { min: 1, max: 50, step: 1, value: 1 }, (at) => at, String);
    const holder = node("div", { class: "ia-plot ia-plane" });
    const pictures = Array.from({ length: DRAWS }, (_, i) => picture(`sample ${i + 1}`, "ia-stamp"));
    live.append(model.row, seed.row, node("div", { class: "ia-pair" }, [
      holder, node("div", { class: "ia-film ia-samples" }, pictures.map((one) => one.canvas))]));

    return {
      controls: [model, seed],
      draw() {
        const one = model.read(), numbers = pen.normals(seed.read(), 2 * DRAWS);
        const draws = pictures.map((_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
        const axes = plane(holder, one, "draws from the prior");
        axes.points(draws, "ia-end", 4.5);
        if (!one.net) return one.state;
        pictures.forEach((picture, i) => picture.show([...nets.means(nets.decode(one.net, draws[i]))], `sample ${i + 1}, decoded from ${pair(draws[i])}`));
        const gaps = draws.map((z) => nearest(one, z).distance).sort((a, b) => a - b);
        const fault = one.kl < 0.1 ? "A code says nothing of its image, so that all draws give one picture."
          : one.inside < 0.5 ? "The draws are where there are no codes." : "The draws are where the codes are.";
        return `${one.label}: ${(100 * one.inside).toFixed(0)} % of its codes are in the circle that holds 95 % of the ` +
          `prior; its KL term is ${number(one.kl)} nats. Half of these ${DRAWS} draws have a stored code within ` +
          `${number(Number(gaps[(DRAWS - 1) / 2].toFixed(2)))}. ${fault}`;
      },
    };
  });
})();
