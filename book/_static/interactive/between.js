// The straight way between the codes of two test images, decoded.
(function () {
  "use strict";
  const { node, slider, number, start } = globalThis.InfoVAEFigure;
  const nets = globalThis.InfoVAENets;
  const { models, nearest, plane, picture, gallery, pair, stored } = globalThis.InfoVAELatent;
  const STOPS = 8;

  start("fig-interactive-between", (live) => {
    const model = models(live);
    const digit = (id, label, value) => slider(id, label, { min: 0, max: 9, step: 1, value }, (at) => at, String);
    const ends = [digit("ia-between-from", "from the image of a", 0), digit("ia-between-to", "to that of a", 7)];
    const share = slider("ia-between-share", "part of the way", { min: 0, max: 100, step: 1, value: 50 },
      (at) => at / 100, (value) => `${Math.round(100 * value)} %`);
    const holder = node("div", { class: "ia-plot ia-plane" }), here = picture("the digit here");
    const film = Array.from({ length: STOPS }, (_, i) => picture(`stop ${i + 1} of ${STOPS}`, "ia-stamp"));
    live.append(model.row, ...ends.map((one) => one.row), share.row, node("div", { class: "ia-pair" }, [
      holder, node("div", {}, [gallery([[here, "decoded here"]]),
        node("div", { class: "ia-film" }, film.map((one) => one.canvas))])]));

    return {
      controls: [model, ...ends, share],
      draw() {
        const one = model.read(), t = share.read();
        const axes = plane(holder, one, "the way between two codes");
        if (!one.net) return one.state;
        const [a, b] = ends.map((end) => nets.encode(one.net, stored[end.read()]).mu);
        const along = (part) => [0, 1].map((i) => a[i] + part * (b[i] - a[i]));
        const shown = (z) => [...nets.means(nets.decode(one.net, z))];
        axes.line([a, b], "ia-line ia-second");
        axes.points([a, b], "ia-end", 5);
        axes.point(...along(t));
        here.show(shown(along(t)));
        film.forEach((picture, i) => picture.show(shown(along(i / (STOPS - 1)))));
        const close = nearest(one, along(t));
        return `${one.label}: ${Math.round(100 * t)} % of the way from ${pair(a)} to ${pair(b)}, at ${pair(along(t))}; ` +
          `the nearest stored code is of a ${close.digit}, ${number(Number(close.distance.toFixed(2)))} away.`;
      },
    };
  });
})();
