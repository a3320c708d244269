// α, λ and the three weights of the practical objective, with a model whose optimum is a formula.
(function () {
  "use strict";
  const { node, number, slider, plot, start } = globalThis.InfoVAEFigure;
  const maths = globalThis.InfoVAEMaths;
  const NOISE = 0.25; // Variance of the decoder of the Gaussian line.
  const D = 20, SIGMA = 1; // So many such lines, and the bandwidth of the MMD over them.
  const LAMBDAS = Array.from({ length: 51 }, (_, i) => Number((i / 10).toFixed(1)))
    .concat([10, 20, 50, 100, 200, 500, 1000]);
  const CHOICES = [["VAE", 0, 1], ["β-VAE, β = 4", -3, 4], ["autoencoder", 1, 0],
    ["adversarial autoencoder", 1, 1], ["all three terms", 0.5, 1000],
    ["α and λ of the thesis", 1, 1000], ["a negative weight", 0, 0.5]];
  const NAMES = {
    vae: "This is the VAE: D has no weight, the objective is the evidence lower bound.",
    autoencoder: "This is a plain autoencoder: nothing draws the codes to the prior.",
    aae: "With D the Jensen-Shannon divergence this is the adversarial autoencoder: the KL term has no weight.",
    infovae_without_kl: "An InfoVAE without a KL term: what holds the codes is D alone, and D decides whether anything does.",
    infovae: "An InfoVAE with all three terms.",
    rewarded: "1 − α is negative: the KL term is rewarded, and information with it, without a limit.",
  };

  function density(z, mean, variance) {
    return Math.exp(-(z - mean) * (z - mean) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
  }

  start("fig-interactive-weights", (live) => {
    const alpha = slider("ia-weights-alpha", "α", { min: -4, max: 3, step: 0.1, value: 0.5 },
      (at) => at, number);
    const lam = slider("ia-weights-lambda", "λ", { min: 0, max: LAMBDAS.length - 1, step: 1, value: LAMBDAS.length - 1 },
      (at) => LAMBDAS[at], number);
    const buttons = CHOICES.map(([name, a, l]) => {
      const button = node("button", { type: "button" }, [name]);
      button.addEventListener("click", () => {
        alpha.input.value = a;
        lam.input.value = LAMBDAS.indexOf(l);
      });
      return button;
    });
    const terms = node("p", { class: "ia-terms" });
    const codes = node("div", { class: "ia-plot" }), cost = node("div", { class: "ia-plot" });
    live.append(node("div", { class: "ia-buttons" }, buttons), alpha.row, lam.row, terms,
      node("div", { class: "ia-pair" }, [codes, cost]));

    return {
      controls: [alpha, lam],
      draw() {
        const a = alpha.read(), l = lam.read(), w = maths.weights(a, l), kind = maths.variant(a, l);
        terms.textContent = `1 × reconstruction + ${number(w.kl)} × KL + ${number(w.divergence)} × D`;
        const refused = kind === "refused";
        live.classList.toggle("ia-refused", refused);
        const share = maths.noiseShare(a, NOISE), r = Math.max(share, 4e-4);
        const left = plot(codes, {
          x: [-3.5, 3.5], xLabel: "z, codes of x = −1, 0, 1", y: [0, 1.6], yLabel: "density", height: 260,
          alt: "Densities of the codes of three data points over the prior",
        });
        left.curve((z) => density(z, 0, 1), "ia-noise", true);
        [["ia-line ia-second", -1], ["ia-line ia-middle", 0], ["ia-line", 1]].forEach(([look, x]) =>
          left.curve((z) => density(z, x * Math.sqrt(1 - r), r), look));
        const right = plot(cost, {
          x: [0.5, 2], xLabel: "size of the codes (prior: 1)", y: [0, 10], yLabel: "price (nats)", height: 260,
          alt: "What the objective pays for codes of another size than the prior's, with two choices of D",
        });
        const withKl = (size) => D * maths.sizeCost(size * size, l);
        const withMmd = (size) => maths.mmdSizeCost(size * size, a, l, D, SIGMA);
        right.upright(1, "ia-mark", "");
        right.curve(withKl, "ia-line");
        right.curve(withMmd, "ia-line ia-second");
        right.key([["ia-line", "D = KL"], ["ia-line ia-second", "D = MMD², σ = 1"]]);
        if (refused) {
          return `Refused: α + λ − 1 = ${number(w.divergence)} would reward divergence from the prior. ` +
            `Choose λ ≥ ${number(w.kl)}, or a larger α.`;
        }
        const name = kind === "beta_vae"
          ? `This is the β-VAE with β = ${number(w.kl)}: D has no weight.` : NAMES[kind];
        const information = share === 0
          ? "On the Gaussian line the codes become exact, and their information grows without a limit; "
          : share === 1 ? "On the Gaussian line the codes have collapsed onto the prior, with no information; "
            : `On the Gaussian line a code carries ${number(-Math.log(share) / 2)} nats; `;
        const price = `codes half again as large as the prior cost ${number(withKl(1.5))} nats in ${D} ` +
          `dimensions with D = KL, and ${number(withMmd(1.5))} with D = MMD².`;
        return `${name} ${information}${price}`;
      },
    };
  });
})();
