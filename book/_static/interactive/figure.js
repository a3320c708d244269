// What the interactive figures share: controls, one or two plots as SVG, a line of text.
// A figure starts as a still picture with its caption. Once this runs, controls and plots stand
// before the picture, and the picture is for print only.
(function (root) {
  "use strict";
  if (root.InfoVAEFigure) return; // A page of several figures asks for this file with each.

  let clips = 0;

  function node(name, attributes, children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    made.append(...(children || []));
    return made;
  }

  function drawn(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Three significant digits; powers of ten where a plain number would be long.
  function number(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3))).replace("-", "−");
    const [digits, power] = value.toExponential(1).split("e");
    return (digits + " × 10" + superscript(Number(power))).replace("-", "−");
  }

  function superscript(power) {
    const signs = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
    return [...String(power)].map((sign) => signs[sign]).join("");
  }

  // A labelled slider. `value` reads its position as the quantity, `text` says it.
  function slider(id, label, range, value, text) {
    const input = node("input", { type: "range", id, ...range });
    const shown = node("span", { class: "ia-value", "aria-hidden": "true" });
    const row = node("div", { class: "ia-row" }, [
      node("label", { for: id }, [label]), input, shown,
    ]);
    const read = () => value(Number(input.value));
    const refresh = () => {
      shown.textContent = text(read());
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    return { row, input, read, refresh };
  }

  // Buttons of which one is pressed; entries are [value, label].
  function choice(label, entries, value) {
    let chosen = value;
    const buttons = entries.map(([own, name]) => {
      const button = node("button", { type: "button" }, [name]);
      button.addEventListener("click", () => { chosen = own; });
      return button;
    });
    const row = node("div", { class: "ia-buttons", role: "group", "aria-label": label }, [
      node("span", { class: "ia-group", "aria-hidden": "true" }, [label]), ...buttons,
    ]);
    const refresh = () => buttons.forEach((button, i) =>
      button.setAttribute("aria-pressed", String(entries[i][0] === chosen)));
    return { row, read: () => chosen, choose: (next) => { chosen = next; }, refresh };
  }

  function scale(domain, range, log) {
    const f = log ? Math.log10 : (value) => value;
    const [low, high] = domain.map(f);
    const map = (value) => range[0] + (f(value) - low) / (high - low) * (range[1] - range[0]);
    map.domain = domain;
    map.log = Boolean(log);
    return map;
  }

  // Round numbers of a linear axis, or whole powers of ten, at most `most` of them.
  function ticks(axis, most) {
    const [low, high] = axis.domain;
    if (axis.log) {
      const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
      const stride = Math.max(1, Math.ceil((last - first + 1) / most));
      const powers = [];
      for (let power = first; power <= last; power += stride) powers.push(power);
      return powers.map((power) => ({
        at: Math.pow(10, power),
        text: power >= -2 && power <= 3 ? String(Number(Math.pow(10, power).toPrecision(1)))
          : "10" + superscript(power),
      }));
    }
    const rough = (high - low) / most, decade = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = decade * [1, 2, 5, 10].find((factor) => factor * decade >= rough);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
      found.push({ at: i * step, text: number(Number((i * step).toPrecision(6))) });
    }
    return found;
  }

  // Axes in a box of this width. Returns the scales and functions that draw into the plot.
  function plot(holder, spec) {
    const width = Math.max(260, Math.round(holder.clientWidth)), height = spec.height || 300;
    const box = { left: 62, right: width - 14, top: 14, bottom: height - 46 };
    const svg = drawn("svg", {
      viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": spec.alt,
    });
    // With a half width both axes have one scale, and zero is in the middle.
    const half = spec.half, wide = half && half * (box.right - box.left) / (box.bottom - box.top);
    const x = scale(half ? [-wide, wide] : spec.x, [box.left, box.right], spec.xLog);
    const y = scale(half ? [-half, half] : spec.y, [box.bottom, box.top], spec.yLog);
    for (const tick of ticks(x, width < 420 ? 4 : 8)) {
      const at = x(tick.at);
      svg.append(drawn("line", { class: "ia-grid", x1: at, x2: at, y1: box.top, y2: box.bottom }));
      svg.append(drawn("text", { class: "ia-tick", x: at, y: box.bottom + 17, "text-anchor": "middle" }, tick.text));
    }
    for (const tick of ticks(y, half ? 4 : 6)) {
      const at = y(tick.at);
      svg.append(drawn("line", { class: "ia-grid", x1: box.left, x2: box.right, y1: at, y2: at }));
      svg.append(drawn("text", { class: "ia-tick", x: box.left - 6, y: at + 4, "text-anchor": "end" }, tick.text));
    }
    const middle = (box.top + box.bottom) / 2;
    svg.append(drawn("text", { class: "ia-label", x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" }, spec.xLabel));
    svg.append(drawn("text", { class: "ia-label", x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, spec.yLabel));
    holder.replaceChildren(svg);

    // What lies outside of the axes is cut off; zero on a logarithmic axis is far below.
    const clip = "ia-clip-" + (clips += 1);
    svg.append(drawn("clipPath", { id: clip }));
    svg.lastChild.append(drawn("rect", {
      x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top,
    }));
    const far = 4 * height;
    const place = (value) => Math.max(-far, Math.min(far, value > 0 || !spec.yLog ? y(value) : far));
    return {
      // A function of x, as a line, or as an area down to the axis.
      curve(f, look, area) {
        const points = [];
        for (let i = 0; i <= 240; i += 1) {
          const share = i / 240, [low, high] = spec.x;
          const at = spec.xLog ? low * Math.pow(high / low, share) : low + share * (high - low);
          points.push(`${x(at).toFixed(2)},${place(f(at)).toFixed(2)}`);
        }
        const ends = area ? ` L${box.right},${box.bottom} L${box.left},${box.bottom} Z` : "";
        svg.append(drawn("path", {
          class: look, "clip-path": `url(#${clip})`, d: "M" + points.join(" L") + ends,
        }));
      },
      // A level, its label above or below the line, at the left or at the right end.
      level(value, look, label, where) {
        const at = place(value), below = where.includes("below"), right = where.includes("right");
        svg.append(drawn("line", { class: look, x1: box.left, x2: box.right, y1: at, y2: at }));
        svg.append(drawn("text", {
          class: "ia-note", x: right ? box.right - 6 : box.left + 6, y: at + (below ? 16 : -6),
          "text-anchor": right ? "end" : "start",
        }, label));
      },
      // What the lines are, by their looks, in the upper right corner.
      key(entries) {
        entries.forEach(([look, label], row) => {
          const at = box.top + 12 + 19 * row, left = box.right - 148;
          svg.append(drawn("line", { class: look, x1: left, x2: left + 26, y1: at - 4, y2: at - 4 }));
          svg.append(drawn("text", { class: "ia-note", x: left + 32, y: at }, label));
        });
      },
      upright(value, look, label) {
        const at = x(value), left = at > (box.left + box.right) / 2;
        svg.append(drawn("line", { class: look, x1: at, x2: at, y1: box.top, y2: box.bottom }));
        if (label) svg.append(drawn("text", { class: "ia-note", x: at + (left ? -5 : 5), y: box.bottom - 8, "text-anchor": left ? "end" : "start" }, label));
      },
      // Many points [x, y], each with its look.
      points(list, look, radius) {
        list.forEach(([px, py], i) => svg.append(drawn("circle", {
          class: typeof look === "function" ? look(i) : look, "clip-path": `url(#${clip})`,
          cx: x(px).toFixed(1), cy: y(py).toFixed(1), r: radius,
        })));
      },
      note(px, py, text, anchor, look) {
        svg.append(drawn("text", { class: look || "ia-note", x: x(px), y: y(py), "text-anchor": anchor }, text));
      },
      // A line through points [x, y]; of an ellipse, its centre and half axes.
      line(list, look) {
        svg.append(drawn("path", { class: look, "clip-path": `url(#${clip})`,
          d: "M" + list.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" L") }));
      },
      ellipse([px, py], [rx, ry], look) {
        svg.append(drawn("ellipse", { class: look, "clip-path": `url(#${clip})`, cx: x(px), cy: y(py),
          rx: Math.abs(x(rx) - x(0)), ry: Math.abs(y(ry) - y(0)) }));
      },
      // Where a pointer is, in units of the axes.
      under(event) {
        const rect = svg.getBoundingClientRect();
        const part = (at, from, size, all, [low, high], [a, b]) =>
          low + ((at - from) / size * all - a) / (b - a) * (high - low);
        return [part(event.clientX, rect.left, rect.width, width, x.domain, [box.left, box.right]),
          part(event.clientY, rect.top, rect.height, height, y.domain, [box.bottom, box.top])];
      },
      svg,
      point(px, py) {
        svg.append(drawn("circle", { class: "ia-point", cx: x(px), cy: Math.min(box.bottom, place(py)), r: 6 }));
      },
    };
  }

  // Puts controls, plots and text into the figure with this id, and calls `draw` on every change.
  function start(id, build) {
    const figure = document.getElementById(id);
    if (!figure || figure.classList.contains("interactive")) return;
    const live = node("div", { class: "ia-live" });
    const text = node("output", { class: "ia-text", "aria-live": "polite" });
    const made = build(live);
    const draw = () => {
      made.controls.forEach((control) => control.refresh && control.refresh());
      text.textContent = made.draw();
    };
    live.append(text);
    figure.prepend(live);
    figure.classList.add("interactive");
    for (const name of ["input", "change"]) live.addEventListener(name, draw);
    live.addEventListener("click", (event) => { if (event.target.tagName === "BUTTON") draw(); });
    let width = 0;
    new ResizeObserver(() => {
      if (live.clientWidth !== width) { width = live.clientWidth; draw(); }
    }).observe(live);
    draw();
  }

  root.InfoVAEFigure = { node, drawn, number, slider, choice, scale, ticks, plot, start };
})(globalThis);
