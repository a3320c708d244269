// The closed forms of infovae_core/closed_forms.py, for the reader's browser.
// Pure functions: a classic script in a page (InfoVAEMaths), a module in node.
// tests/test_interactive.py holds them to the Python functions of the same names.
(function (root) {
  "use strict";

  function meanKernel(variance, d, sigma) {
    return Math.pow(1 + variance / (sigma * sigma), -d / 2);
  }

  function mmd(scale, d, sigma) {
    const c2 = scale * scale;
    const squared = meanKernel(2 * c2, d, sigma) - 2 * meanKernel(1 + c2, d, sigma) +
      meanKernel(2, d, sigma);
    return Math.sqrt(Math.max(squared, 0));
  }

  function escape(d, sigma) {
    return Math.pow(1 + 2 / (sigma * sigma), -d / 4);
  }

  function mmdNoise(d, sigma, n) {
    const s2 = sigma * sigma;
    const centred = Math.pow(1 + 4 / s2, -d / 2) -
      2 * Math.pow((1 + 1 / s2) * (1 + 3 / s2), -d / 2) + Math.pow(1 + 2 / s2, -d);
    return Math.pow((4 / (n * (n - 1)) + 4 / (n * n)) * centred, 0.25);
  }

  // What codes N(0, c²I) in d dimensions cost at the weight λ.
  function price(scale, d, sigma, lam) {
    const read = mmd(scale, d, sigma);
    return lam * read * read;
  }

  // The most that the root of the clipped unbiased MMD² can be on average at a match: √(s/2).
  function matchBound(d, sigma, n) {
    return mmdNoise(d, sigma, n) / Math.SQRT2;
  }

  // The sizes c, at most the prior's and at least it, of codes N(0, c²I) that read this; null where
  // none do. On either side of c = 1 the MMD rises with the distance from it.
  function sizes(reading, d, sigma) {
    function solve(low, high) {
      if (reading > mmd(high, d, sigma)) return null;
      for (let i = 0; i < 200; i += 1) {
        const middle = (low + high) / 2;
        if (mmd(middle, d, sigma) < reading) low = middle; else high = middle;
      }
      return (low + high) / 2;
    }
    return [solve(1, 0), reading < escape(d, sigma) ? solve(1, 1e6) : null];
  }

  // What a reading says of the codes.
  function diagnosis(reading, d, sigma, n) {
    const gone = escape(d, sigma), noise = mmdNoise(d, sigma, n);
    if (gone * gone < 2 * noise * noise) return "blind";
    if (reading <= matchBound(d, sigma, n)) return "match";
    if (Math.abs(Math.log(reading / gone)) < 0.1) return "escape";
    if (reading < gone) return "size";
    return reading < 1.02 * mmd(0, d, sigma) ? "small" : "apart";
  }

  function sinkhorn(shift, scale, d, eps) {
    if (!(eps > 0)) throw new RangeError("ε must be positive, got " + eps);
    function g(product) {
      const covariance = 2 * product / (eps + Math.sqrt(eps * eps + 4 * product));
      return eps / 2 * Math.log1p(covariance / eps) - covariance;
    }
    const c2 = scale * scale;
    return shift * shift / 2 + d * (g(c2) - g(c2 * c2) / 2 - g(1) / 2);
  }

  function halfW2(shift, scale, d) {
    return (shift * shift + d * (scale - 1) * (scale - 1)) / 2;
  }

  function noiseShare(alpha, noise) {
    return Math.min(1, Math.max(0, noise * (1 - alpha)));
  }

  function sizeCost(variance, lam) {
    return lam / 2 * (variance - 1 - Math.log(variance));
  }

  function mmdSizeCost(variance, alpha, lam, d, sigma) {
    const read = mmd(Math.sqrt(variance), d, sigma);
    return d * sizeCost(variance, 1 - alpha) + (alpha + lam - 1) * read * read;
  }

  // α + λ − 1 of decimal fractions: 0.1 + 0.9 − 1 is to be 0, as in infovae_core/objectives.py.
  function weights(alpha, lam) {
    const round = (value) => Math.round(value * 1e12) / 1e12;
    return { kl: round(1 - alpha), divergence: round(alpha + lam - 1) };
  }

  // The member of the family at this α and λ.
  function variant(alpha, lam) {
    const w = weights(alpha, lam);
    if (w.divergence < 0) return "refused";
    if (w.divergence === 0 && w.kl === 0) return "autoencoder";
    if (w.divergence === 0) return w.kl === 1 ? "vae" : w.kl > 0 ? "beta_vae" : "rewarded";
    if (w.kl < 0) return "rewarded";
    if (w.kl > 0) return "infovae";
    return lam === 1 ? "aae" : "infovae_without_kl";
  }

  const maths = {
    meanKernel, mmd, escape, mmdNoise, price, matchBound, sizes, diagnosis, sinkhorn, halfW2, noiseShare, sizeCost,
    mmdSizeCost, weights, variant,
  };
  root.InfoVAEMaths = maths;
  if (typeof module !== "undefined" && module.exports) module.exports = maths;
})(typeof globalThis !== "undefined" ? globalThis : this);
