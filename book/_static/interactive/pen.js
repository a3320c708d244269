// From strokes of a pen to pixels like MNIST's, and draws from the prior that repeat.
// Pure functions: a classic script in a page (InfoVAEPen), a module in node.
(function (root) {
  "use strict";
  const SIDE = 28, BOX = 20; // An MNIST digit fits a box of 20 pixels in an image of 28.
  const LARGEST = 5; // A small drawing is enlarged, but a dot does not become a blot.

  function gap([px, py], [ax, ay], [bx, by]) {
    const dx = bx - ax, dy = by - ay, squared = dx * dx + dy * dy;
    const t = squared ? Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / squared)) : 0;
    return Math.hypot(px - ax - t * dx, py - ay - t * dy);
  }

  // The pixels whose centres are within half the pen's width of a stroke.
  function covered(strokes, half) {
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => {
      const at = [i % SIDE + 0.5, Math.floor(i / SIDE) + 0.5];
      return Number(strokes.some((stroke) => stroke.some((point, n) =>
        gap(at, stroke[Math.max(0, n - 1)], point) <= half)));
    });
  }

  // Of the line, each piece by its length; a point counts a little, so that a dot has a centre.
  function centreOfMass(strokes) {
    let mass = 0, x = 0, y = 0;
    for (const stroke of strokes) stroke.forEach(([bx, by], n) => {
      const [ax, ay] = stroke[Math.max(0, n - 1)], weight = Math.hypot(bx - ax, by - ay) + 1e-9;
      mass += weight; x += weight * (ax + bx) / 2; y += weight * (ay + by) / 2;
    });
    return [x / mass, y / mass];
  }

  // Strokes are lists of [x, y] in [0, 1]. As MNIST was made: brought to a box of 20 pixels with its
  // proportions kept, the centre of mass in the middle of the image. Pixels are 0 or 1, and the pen
  // reaches `half` pixels to either side.
  function pixels(strokes, half) {
    const points = strokes.flat();
    if (points.length === 0) return new Uint8Array(SIDE * SIDE);
    const span = (values) => Math.max(...values) - Math.min(...values);
    const extent = Math.max(span(points.map(([x]) => x)), span(points.map(([, y]) => y)));
    const scale = Math.min((BOX - 2 * half) / extent, LARGEST * SIDE), [x, y] = centreOfMass(strokes);
    return covered(strokes.map((stroke) => stroke.map(([px, py]) =>
      [scale * (px - x) + SIDE / 2, scale * (py - y) + SIDE / 2])), half);
  }

  // Standard normal numbers that are the same for the same seed (Box and Muller; mulberry32).
  function normals(seed, count) {
    let state = seed >>> 0;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
    };
    return Float64Array.from({ length: count }, () =>
      Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
  }

  const pen = { pixels, normals };
  root.InfoVAEPen = pen;
  if (typeof module !== "undefined" && module.exports) module.exports = pen;
})(typeof globalThis !== "undefined" ? globalThis : this);
