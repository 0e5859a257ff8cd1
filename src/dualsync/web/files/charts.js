// The three charts of the last minutes. Chart is the global of Chart.js.
/* global Chart */

const POINTS = 300; // five minutes, a sample each second

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function makeChart(id, lines) {
  return new Chart(document.getElementById(id), {
    type: "line",
    data: {
      labels: [],
      datasets: lines.map((label) => ({ label, data: [], borderWidth: 2, borderDash: lines.length > 1 && label === lines[0] ? [6, 4] : [], pointRadius: 0, order: lines.length - lines.indexOf(label) })),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: lines.length > 1, labels: { boxWidth: 12 } } },
      scales: {
        x: { ticks: { maxTicksLimit: 4, maxRotation: 0 } },
        y: { beginAtZero: true, suggestedMax: 1, ticks: { maxTicksLimit: 5 } },
      },
    },
  });
}

export class Charts {
  constructor() {
    this.lag = makeChart("chart-lag", ["lag"]);
    this.throughput = makeChart("chart-throughput", ["captured", "applied"]);
    this.queue = makeChart("chart-queue", ["waiting"]);
    this.paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  paint() {
    for (const chart of [this.lag, this.throughput, this.queue]) {
      chart.data.datasets.forEach((line, index) => { line.borderColor = colour(index === 0 ? "--line-1" : "--line-2"); });
      for (const axis of Object.values(chart.options.scales)) {
        axis.grid = { color: colour("--grid") };
        axis.ticks.color = colour("--quiet");
      }
      chart.options.plugins.legend.labels.color = colour("--quiet");
      chart.update();
    }
  }

  // `rates`: null where they are not known, after a gap; the line is interrupted there.
  add(time, { lag, captured, applied, waiting }) {
    const put = (chart, values) => {
      const { labels, datasets } = chart.data;
      labels.push(time);
      datasets.forEach((line, index) => line.data.push(values[index]));
      if (labels.length > POINTS) {
        labels.shift();
        datasets.forEach((line) => line.data.shift());
      }
      chart.update("none");
    };
    put(this.lag, [lag]);
    put(this.throughput, [captured, applied]);
    put(this.queue, [waiting]);
  }
}
