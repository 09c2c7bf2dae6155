// The charts of the last quarter of an hour: the server's numbers, drawn by uPlot, asked for every five seconds.

import uPlot from "../vendor/uplot.js";

const EVERY = 5000;
const MINUTES = 15;
const section = document.getElementById("charts");
const state = section.querySelector("[data-state]");

// A canvas knows no custom properties: what a colour comes to is read from an element that has it.
const colours = (plot) => {
  const style = getComputedStyle(plot);
  return { line: style.color, second: style.columnRuleColor, grid: style.borderTopColor, text: style.outlineColor };
};

const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

function written(value, unit) {
  if (value == null) return "–";
  if (unit === "ms") return value >= 1000 ? `${digits.format(value / 1000)} s` : `${(value < 10 ? digits : whole).format(value)} ms`;
  return (value < 10 ? digits : whole).format(value);
}

const ago = (minutes) => {
  const seconds = Math.round(-minutes * 60);
  return seconds < 60 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
};

// Values that stand alone between gaps would be lines of no length.
function alone(u, series) {
  const data = u.data[series];
  return [...data.keys()].filter((i) => data[i] != null && data[i - 1] == null && data[i + 1] == null);
}

class Chart {
  constructor(figure) {
    this.names = figure.dataset.chart.split(" ");
    this.unit = figure.dataset.unit;
    this.label = figure.querySelector("figcaption span").textContent;
    this.at = figure.querySelector("[data-at]");
    this.plot = figure.querySelector(".plot");
    this.colours = colours(this.plot);
    this.u = new uPlot(this.options(), [[], ...this.names.map(() => [])], this.plot);
    new ResizeObserver(() => this.u.setSize(this.size())).observe(this.plot);
  }

  size() {
    return { width: this.plot.clientWidth, height: this.plot.clientHeight };
  }

  options() {
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const text = () => this.colours.text;
    const line = (index) => () => (index === this.names.length - 1 ? this.colours.line : this.colours.second);
    return {
      ...this.size(),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: "overview" } },
      hooks: { setCursor: [() => this.say()] },
      scales: {
        x: { time: false, range: () => [-MINUTES, 0] },
        y: { range: (_u, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
      },
      axes: [
        {
          stroke: text, font, size: 30, gap: 8, grid: { show: false }, ticks: { show: false },
          splits: () => [-15, -10, -5, 0], values: (_u, all) => all.map((v) => (v === 0 ? "now" : `−${-v} min`)),
        },
        {
          stroke: text, font, size: 44, gap: 6, space: 34, ticks: { show: false },
          grid: { stroke: () => this.colours.grid, width: 1 },
          values: (_u, all) => all.map((v) => (v == null ? "" : short.format(v) + (this.unit && v ? ` ${this.unit}` : ""))),
        },
      ],
      series: [
        {},
        ...this.names.map((_name, index) => ({
          stroke: line(index), width: 1.5, dash: index < this.names.length - 1 ? [2, 3] : undefined,
          points: { show: false, size: 4, filter: alone },
        })),
      ],
    };
  }

  draw(minutes, data) {
    this.u.setData([minutes, ...this.names.map((name) => data[name])]);
    const all = data[this.names.at(-1)].filter((value) => value != null);
    const words = all.length
      ? `now ${written(data[this.names.at(-1)].at(-1), this.unit)}, lowest ${written(Math.min(...all), this.unit)}, highest ${written(Math.max(...all), this.unit)}`
      : "nothing yet";
    this.plot.setAttribute("aria-label", `${this.label}, chart of the last 15 minutes: ${words}`);
    this.say();
  }

  // What the number is: under the pointer, else now.
  say() {
    const { data, cursor } = this.u ?? { data: [[]], cursor: {} };
    const index = cursor.idx ?? data[0].length - 1;
    const values = data.slice(1).map((series) => written(series[index], this.unit));
    const when = document.createElement("small");
    when.textContent = cursor.idx == null ? "now" : ago(data[0][index]);
    this.at.replaceChildren(...(data[0].length ? [values.join(" · "), when] : []));
  }

  recolour() {
    this.colours = colours(this.plot);
    this.u.redraw(false);
  }
}

const charts = [...section.querySelectorAll("[data-chart]")].map((figure) => new Chart(figure));

async function update() {
  const answer = await fetch(section.dataset.series, { headers: { Accept: "application/json" } });
  if (answer.redirected || !answer.ok) throw new Error("no numbers");
  const data = await answer.json();
  const last = data.at.at(-1);
  const minutes = data.at.map((at) => (at - last) / 60);
  for (const chart of charts) chart.draw(minutes, data);
  state.textContent = data.at.length ? "" : "The first numbers come after ten seconds.";
}

async function keepUpdating() {
  if (!document.hidden) {
    try {
      await update();
    } catch {
      state.textContent = "The server does not answer; trying again.";
    }
  }
  setTimeout(keepUpdating, EVERY);
}

const recolour = () => charts.forEach((chart) => chart.recolour());
new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
keepUpdating();
