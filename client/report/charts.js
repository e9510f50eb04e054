// Pictures as SVG, drawn as wide as the page lets them be and again whenever that changes.
"use strict";

const svgNode = (tag, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

const node = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

const drawings = [];
let drawnWidth = 0;
// A place that `draw(svg, width, height)` fills; every picture says in words what it shows.
function plot(height, label, draw) {
  const place = node("div", { class: "plot" });
  drawings.push(() => {
    const width = Math.max(240, Math.floor(place.clientWidth));
    const svg = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    draw(svg, width, height);
    place.replaceChildren(svg);
  });
  return place;
}
const drawAll = () => drawings.forEach((draw) => draw());
function drawWhenSized() {
  drawAll();
  drawnWidth = document.body.clientWidth;
  addEventListener("resize", () => {
    if (document.body.clientWidth === drawnWidth) return;
    drawnWidth = document.body.clientWidth;
    drawAll();
  });
  addEventListener("beforeprint", drawAll);
  addEventListener("afterprint", drawAll);
}

const text = (x, y, words, anchor = "start", more = {}) =>
  svgNode("text", { x, y, "text-anchor": anchor, ...more }, String(words));
const line = (x1, y1, x2, y2, more = { class: "grid" }) => svgNode("line", { x1, y1, x2, y2, ...more });
const withTitle = (shape, words) => {
  shape.append(svgNode("title", {}, words));
  return shape;
};

const linear = (from, to, start, end) => (value) =>
  start + ((value - from) / (to - from || 1)) * (end - start);
const logarithmic = (from, to, start, end) => {
  const scale = linear(Math.log(from), Math.log(Math.max(to, from * 1.0001)), start, end);
  return (value) => scale(Math.log(value));
};

// Round numbers from 0 to at least `most`, about `count` of them.
function ticks(most, count) {
  const raw = most / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
  const values = [];
  for (let value = 0; value < most + step * 0.999; value += step) values.push(value);
  return values;
}
// Powers of ten in [from, to], thinned to at most `count`.
function powers(from, to, count) {
  const first = Math.ceil(Math.log10(from) - 1e-9);
  const last = Math.floor(Math.log10(to) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / count));
  const values = [];
  for (let power = first; power <= last; power += step) values.push(10 ** power);
  return values;
}

// ---- Kinds of pictures ----

// Lines through points [[x, y], ...] in logarithmic axes. series: [{name, color, points}]
function logLines(label, xName, yName, series, height = 260) {
  return plot(height, label, (svg, width) => {
    const box = { left: 44, right: width - 10, top: 10, bottom: height - 36 };
    const all = series.flatMap((one) => one.points);
    const mostX = Math.max(...all.map((point) => point[0]), 10);
    const mostY = Math.max(...all.map((point) => point[1]), 10);
    const leastY = Math.min(...all.map((point) => point[1]), 1);
    const x = logarithmic(1, mostX, box.left, box.right);
    const y = logarithmic(leastY, mostY, box.bottom, box.top);
    for (const value of powers(1, mostX, width / 60)) {
      svg.append(line(x(value), box.top, x(value), box.bottom));
      svg.append(text(x(value), box.bottom + 14, short.format(value), "middle"));
    }
    for (const value of powers(leastY, mostY, 6)) {
      svg.append(line(box.left, y(value), box.right, y(value)));
      svg.append(text(box.left - 6, y(value) + 4, short.format(value), "end"));
    }
    svg.append(text((box.left + box.right) / 2, height - 6, xName, "middle"));
    svg.append(text(box.right - 4, box.top + 10, yName, "end"));
    for (const one of series) {
      const points = one.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`);
      svg.append(svgNode("polyline", {
        points: points.join(" "), fill: "none", stroke: one.color, "stroke-width": 2,
        "stroke-linejoin": "round",
      }));
    }
  });
}

// Bars, some with a mark of what was promised. bars: [{name, value, target?, title, part?}]
function bars(label, list, { format = short.format, color = "var(--one)", height = 220, most = 0 } = {}) {
  return plot(height, label, (svg, width) => {
    const box = { left: 44, right: width - 6, top: 12, bottom: height - 24 };
    const values = ticks(Math.max(most, ...list.map((bar) => Math.max(bar.value, bar.target ?? 0))), 4);
    const y = linear(0, values.at(-1), box.bottom, box.top);
    for (const value of values) {
      svg.append(line(box.left, y(value), box.right, y(value)));
      svg.append(text(box.left - 6, y(value) + 4, format(value), "end"));
    }
    const step = (box.right - box.left) / list.length;
    const every = Math.ceil(list.length / Math.max(2, Math.floor((box.right - box.left) / 52)));
    list.forEach((bar, i) => {
      const left = box.left + i * step + step * 0.12;
      const wide = step * 0.76;
      svg.append(withTitle(svgNode("rect", {
        x: left, y: y(bar.value), width: wide, height: Math.max(0, box.bottom - y(bar.value)),
        fill: bar.part === undefined ? color : "var(--weak)", rx: Math.min(2, wide / 4),
      }), bar.title));
      if (bar.part !== undefined) {
        svg.append(withTitle(svgNode("rect", {
          x: left, y: y(bar.part), width: wide, height: Math.max(0, box.bottom - y(bar.part)),
          fill: "var(--two)", rx: Math.min(2, wide / 4),
        }), bar.title));
      }
      if (bar.target !== undefined) {
        svg.append(line(left - step * 0.06, y(bar.target), left + wide + step * 0.06, y(bar.target),
          { stroke: "var(--two)", "stroke-width": 2 }));
      }
      if (i % every === 0) {
        svg.append(text(left + wide / 2, box.bottom + 15, bar.name, "middle"));
      }
    });
  });
}

// A table of coloured cells. rows, columns: names; at(r, c): {value in [0, 1], label, title}
function cells(label, rows, columns, at, { rowHeight = 24, left = 40, everyColumn = () => 1 } = {}) {
  const height = rows.length * rowHeight + 22;
  return plot(height, label, (svg, width) => {
    const wide = (width - left) / columns.length;
    const every = everyColumn(wide);
    rows.forEach((name, r) => {
      svg.append(text(left - 6, r * rowHeight + rowHeight / 2 + 4, name, "end"));
      columns.forEach((_, c) => {
        const cell = at(r, c);
        svg.append(withTitle(svgNode("rect", {
          x: left + c * wide + 0.5, y: r * rowHeight + 0.5, width: Math.max(1, wide - 1),
          height: rowHeight - 1, fill: `rgba(var(--heat), ${(0.04 + 0.92 * cell.value).toFixed(3)})`,
        }), cell.title));
        if (cell.label && wide > 34) {
          svg.append(text(left + (c + 0.5) * wide, r * rowHeight + rowHeight / 2 + 4, cell.label,
            "middle", { class: "strong", ...(cell.value > 0.55 ? { style: "fill: var(--card)" } : {}) }));
        }
      });
    });
    columns.forEach((name, c) => {
      if (c % every === 0) svg.append(text(left + (c + 0.5) * wide, height - 6, name, "middle"));
    });
  });
}

// Points in time, a line for each of some people. rows: [{name, times: [ms]}]
function timelines(label, rows, from, to, height = rows.length * 30 + 26) {
  return plot(height, label, (svg, width) => {
    const left = Math.min(120, width * 0.3);
    const x = linear(from, to, left, width - 8);
    const days = (to - from) / 86400000;
    const steps = Math.max(2, Math.floor((width - left) / 90));
    for (let i = 0; i <= steps; ++i) {
      const time = from + ((to - from) * i) / steps;
      svg.append(line(x(time), 0, x(time), height - 22));
      const words = new Date(time).toISOString();
      svg.append(text(x(time), height - 6, days > 3 ? words.slice(5, 10) : words.slice(11, 16),
        i === 0 ? "start" : i === steps ? "end" : "middle"));
    }
    rows.forEach((row, r) => {
      const y = r * 30 + 15;
      svg.append(text(0, y + 4, row.name, "start", { class: "strong" }));
      svg.append(line(left, y, width - 8, y));
      const path = row.times.map((time) => `M${x(time).toFixed(1)} ${y - 8}v16`).join("");
      svg.append(withTitle(svgNode("path", {
        d: path || "M0 0", stroke: "var(--one)", "stroke-width": 1, "stroke-opacity": 0.55, fill: "none",
      }), row.title));
    });
  });
}
