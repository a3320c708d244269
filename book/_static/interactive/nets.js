// Encoder and decoder of infovae_core/models.py, for exported weights (infovae_core/study/export.py).
// Pure functions: a classic script in a page (InfoVAENets), a module in node.
// tests/test_nets.py holds them to PyTorch. Features are [channel][row][column], one after another.
(function (root) {
  "use strict";
  const SIDE = 28, GRID = 7; // Of an image, and of what two strided convolutions leave of it.

  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, rest = bits & 1023;
    if (power === 31) return rest ? NaN : sign * Infinity;
    return sign * (power ? Math.pow(2, power - 15) * (1 + rest / 1024) : Math.pow(2, -14) * rest / 1024);
  }

  const READ = { // Each: bytes of a number, and how one is read.
    F32: [4, (view, at) => view.getFloat32(at, true)],
    F16: [2, (view, at) => half(view.getUint16(at, true))],
    I8: [1, (view, at) => view.getInt8(at)],
  };

  // A safetensors file: eight bytes that tell the header's length, the header, the numbers.
  // Gives the metadata, and the tensors that stored ones stand for.
  function parse(buffer) {
    const view = new DataView(buffer), length = Number(view.getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
    const metadata = header.__metadata__;
    delete header.__metadata__;
    const tensors = {};
    for (const [name, { dtype, shape, data_offsets: [begin] }] of Object.entries(header)) {
      if (!READ[dtype]) throw new TypeError("a tensor of I8, F16 or F32 was expected, got " + dtype);
      const [size, read] = READ[dtype], data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < data.length; i += 1) data[i] = read(view, 8 + length + begin + i * size);
      tensors[name] = { shape, data };
    }
    for (const name of Object.keys(tensors).filter((one) => one.endsWith(".scale"))) {
      const { data } = tensors[name.slice(0, -6)], scale = tensors[name].data;
      const row = data.length / scale.length;
      for (let i = 0; i < data.length; i += 1) data[i] *= scale[Math.floor(i / row)];
      delete tensors[name];
    }
    return { metadata, run: JSON.parse(metadata.run), tensors };
  }

  const relu = (x) => x.map((value) => Math.max(0, value));

  function linear(x, { shape, data }, bias) {
    const [rows, columns] = shape;
    return Float32Array.from({ length: rows }, (_, row) => {
      let sum = bias.data[row];
      for (let i = 0; i < columns; i += 1) sum += data[row * columns + i] * x[i];
      return sum;
    });
  }

  // A convolution of square features; what a tap reads begins `up` rows and `left` columns before.
  function convolve(x, side, { shape, data }, bias, stride, up, left) {
    const [outputs, inputs, height, width] = shape, to = side / stride;
    const found = new Float32Array(outputs * to * to);
    for (let o = 0; o < outputs; o += 1) {
      const sums = new Float64Array(to * to).fill(bias ? bias.data[o] : 0);
      for (let i = 0; i < inputs; i += 1) for (let ky = 0; ky < height; ky += 1) for (let kx = 0; kx < width; kx += 1) {
        const weight = data[((o * inputs + i) * height + ky) * width + kx];
        for (let y = 0; y < to; y += 1) {
          const row = y * stride + ky - up;
          if (row < 0 || row >= side) continue;
          for (let c = 0; c < to; c += 1) {
            const column = c * stride + kx - left;
            if (column >= 0 && column < side) sums[y * to + c] += weight * x[(i * side + row) * side + column];
          }
        }
      }
      found.set(sums, o * to * to);
    }
    return found;
  }

  // A 4 × 4 transposed convolution, stride 2, padding 1: it doubles the side.
  function spread(x, side, { shape, data }, bias) {
    const [inputs, outputs, size] = shape, to = 2 * side;
    const found = new Float64Array(outputs * to * to);
    for (let o = 0; o < outputs; o += 1) {
      found.fill(bias.data[o], o * to * to, (o + 1) * to * to);
      for (let i = 0; i < inputs; i += 1) for (let ky = 0; ky < size; ky += 1) for (let kx = 0; kx < size; kx += 1) {
        const weight = data[((i * outputs + o) * size + ky) * size + kx];
        for (let y = 0; y < side; y += 1) {
          const row = 2 * y + ky - 1;
          if (row < 0 || row >= to) continue;
          for (let c = 0; c < side; c += 1) {
            const column = 2 * c + kx - 1;
            if (column >= 0 && column < to) found[(o * to + row) * to + column] += weight * x[(i * side + y) * side + c];
          }
        }
      }
    }
    return Float32Array.from(found);
  }

  // Between [channel][row][column] and [row][column][channel], in which linear layers see features.
  function channelsLast(x, channels) {
    const places = x.length / channels;
    return x.map((_, i) => x[(i % channels) * places + Math.floor(i / channels)]);
  }

  function channelsFirst(x, channels) {
    const places = x.length / channels;
    return x.map((_, i) => x[(i % places) * channels + Math.floor(i / places)]);
  }

  function doubled(x, side) {
    const to = 2 * side, places = to * to;
    return Float32Array.from({ length: 4 * x.length }, (_, i) => {
      const at = i % places, row = Math.floor(at / to) >> 1, column = (at % to) >> 1;
      return x[(Math.floor(i / places) * side + row) * side + column];
    });
  }

  // Mean and log-variance of q(z|x), of 784 pixels in [0, 1].
  function encode(model, pixels) {
    const t = (name) => model.tensors["encoder." + name];
    let h = relu(convolve(Float32Array.from(pixels), SIDE, t("conv1.weight"), t("conv1.bias"), 2, 1, 1));
    h = relu(convolve(h, SIDE / 2, t("conv2.weight"), t("conv2.bias"), 2, 1, 1));
    const heads = linear(channelsLast(h, h.length / (GRID * GRID)), t("heads.weight"), t("heads.bias"));
    return { mu: heads.slice(0, heads.length / 2), logvar: heads.slice(heads.length / 2) };
  }

  // Logits of p(x|z), 784 of them.
  function decode(model, z) {
    const t = (name) => model.tensors["decoder." + name];
    let h = linear(z, t("linear.weight"), t("linear.bias"));
    h = channelsFirst(h, h.length / (GRID * GRID));
    if (!("masked_channels" in model.run)) {
      h = relu(spread(h, GRID, t("deconv1.weight"), t("deconv1.bias")));
      return spread(h, 2 * GRID, t("deconv2.weight"), t("deconv2.bias"));
    }
    for (const n of [0, 1]) {
      const side = GRID * Math.pow(2, n + 1);
      h = relu(convolve(doubled(h, side / 2), side, t(`upsampled.${n}.weight`), t(`upsampled.${n}.bias`), 1, 1, 1));
    }
    for (const n of [0, 1, 2, 3, 4]) {
      const above = convolve(h, SIDE, t(`masked.${n}.above`), null, 1, 1, 1);
      const left = convolve(h, SIDE, t(`masked.${n}.left`), t(`masked.${n}.bias`), 1, 0, 1);
      h = relu(above.map((value, i) => value + left[i]));
    }
    return convolve(h, SIDE, t("out.weight"), t("out.bias"), 1, 0, 0);
  }

  // −log p(x|z) in nats, of pixels in [0, 1] and logits.
  function nll(pixels, logits) {
    let sum = 0;
    logits.forEach((l, i) => { sum += Math.max(l, 0) + Math.log1p(Math.exp(-Math.abs(l))) - pixels[i] * l; });
    return sum;
  }

  const means = (logits) => logits.map((l) => 1 / (1 + Math.exp(-l)));

  const nets = { parse, encode, decode, nll, means };
  root.InfoVAENets = nets;
  if (typeof module !== "undefined" && module.exports) module.exports = nets;
})(typeof globalThis !== "undefined" ? globalThis : this);
