// Draws every `[data-chart]` from the JSON beside it. The same numbers stand in the table below the chart.
// Canvas and not SVG: the SVG renderer sets style attributes, which the page policy refuses.
import { BarChart, CustomChart, LineChart, PieChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, CustomChart, LineChart, PieChart, AriaComponent, GridComponent, LegendComponent, MarkLineComponent,
  TooltipComponent, CanvasRenderer,
]);

interface Series {
  name: string;
  values: (number | null)[];
}

interface Spec {
  kind: "bar" | "bars" | "stack" | "line" | "pie" | "hist";
  labels: string[];
  series: Series[];
  unit?: string;
  max?: number; // where the axis of amounts ends
  edges?: number[]; // of a "hist": one more than labels; seconds since 1970 where `moments`
  moments?: boolean;
  marks?: { name: string; at: number }[];
}

const compact = new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" });

const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function axes(spec: Spec): Record<string, unknown> {
  const line = { lineStyle: { color: token("line") } };
  const names = {
    type: "category",
    data: spec.labels,
    axisLine: line,
    axisTick: { show: false },
    axisLabel: { color: token("ink-soft"), hideOverlap: true },
  };
  const amounts = {
    type: "value",
    max: spec.max,
    interval: spec.max === undefined ? undefined : spec.max / 4,
    splitNumber: 4,
    minInterval: spec.series.every(({ values }) => values.every((each) => Number.isInteger(each ?? 0))) ? 1 : undefined,
    splitLine: line,
    axisLabel: { color: token("ink-soft"), hideOverlap: true, formatter: (n: number) => compact.format(n) },
  };
  if (spec.kind === "hist") return { xAxis: scale(spec, line), yAxis: amounts };
  return spec.kind === "bars" ? { xAxis: amounts, yAxis: { ...names, inverse: true } } : { xAxis: names, yAxis: amounts };
}

const place = (spec: Spec, value: number): number => (spec.moments ? value * 1000 : value);

function scale(spec: Spec, line: Record<string, unknown>): Record<string, unknown> {
  const edges = spec.edges ?? [];
  return {
    type: spec.moments ? "time" : "value",
    min: place(spec, edges[0] ?? 0),
    max: place(spec, edges[edges.length - 1] ?? 1),
    axisLine: line,
    splitLine: { show: false },
    axisLabel: {
      color: token("ink-soft"),
      hideOverlap: true,
      ...(spec.moments ? {} : { formatter: (n: number) => compact.format(n) }),
    },
  };
}

interface Drawing {
  value(dimension: number): number;
  coord(point: [number, number]): [number, number];
  visual(name: string): unknown;
}

// Bars that reach exactly from one edge of their bin to the next, and the bounds as lines where they are.
function bins(spec: Spec): Record<string, unknown>[] {
  const edges = (spec.edges ?? []).map((edge) => place(spec, edge));
  return spec.series.map(({ name, values }, index) => ({
    name,
    type: "custom",
    encode: { x: [0, 1], y: 2 },
    data: values.map((count, bin) => ({
      name: spec.labels[bin] ?? "",
      value: [edges[bin] ?? 0, edges[bin + 1] ?? 0, count ?? 0],
    })),
    renderItem: (_: unknown, api: Drawing) => {
      const [x, y] = api.coord([api.value(0), api.value(2)]);
      const [end, floor] = api.coord([api.value(1), 0]);
      const shape = { x, y, width: Math.max(1, end - x - 1), height: floor - y };
      return { type: "rect", shape, style: { fill: api.visual("color") } };
    },
    markLine: index
      ? undefined
      : {
          symbol: "none",
          silent: true,
          lineStyle: { color: token("bad"), type: "solid", width: 2 },
          label: { color: token("ink"), formatter: "{b}", position: "end", distance: 4 },
          data: (spec.marks ?? []).map((mark) => ({ name: mark.name, xAxis: place(spec, mark.at) })),
        },
  }));
}

function series(spec: Spec): Record<string, unknown>[] {
  if (spec.kind === "pie") {
    const data = spec.labels.map((name, index) => ({ name, value: spec.series[0]?.values[index] ?? 0 }));
    const label = { color: token("ink"), formatter: "{b}  {d}%", overflow: "none" };
    const labelLine = { length: 8, length2: 8 };
    const itemStyle = { borderColor: token("surface"), borderWidth: 2 };
    return [{ type: "pie", radius: ["42%", "66%"], data, label, labelLine, itemStyle }];
  }
  if (spec.kind === "hist") return bins(spec);
  return spec.series.map(({ name, values }) => ({
    name,
    data: values,
    type: spec.kind === "line" ? "line" : "bar",
    stack: spec.kind === "stack" ? "all" : undefined,
    barMaxWidth: 26,
    showSymbol: values.length < 32,
    symbolSize: 5,
  }));
}

// How many lines the legend takes: a wide sign is about 12 px, another 7, and each entry has its mark and gaps.
function legendLines(names: string[], width: number): number {
  let lines = 1;
  let used = 0;
  for (const name of names) {
    const long = 42 + [...name].reduce((sum, sign) => sum + (sign > "\u2e7f" ? 12 : 7), 0);
    if (used && used + long > width) {
      lines += 1;
      used = 0;
    }
    used += long;
  }
  return lines;
}

// Text is drawn, never parsed as markup: the page's policy allows no styles inside markup, and data stays data.
function option(spec: Spec, width: number): Record<string, unknown> {
  const many = spec.series.length > 1;
  const lines = many ? legendLines(spec.series.map(({ name }) => name), width) : 0;
  return {
    animation: false,
    color: [1, 2, 3, 4, 5, 6].map((n) => token(`chart-${n}`)),
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token("ink") },
    grid: { left: 4, right: 16, top: spec.marks ? 28 : 14, bottom: many ? 10 + 22 * lines : 4, outerBoundsMode: "same" },
    legend: many ? { bottom: 0, textStyle: { color: token("ink-soft") }, icon: "roundRect" } : undefined,
    tooltip: {
      trigger: spec.kind === "pie" || spec.kind === "hist" ? "item" : "axis",
      renderMode: "richText",
      backgroundColor: token("raised"),
      borderColor: token("line-strong"),
      textStyle: { color: token("ink") },
    },
    ...(spec.kind === "pie" ? {} : axes(spec)),
    series: series(spec),
  };
}

function read(box: HTMLElement): Spec | undefined {
  const source = document.getElementById(box.dataset["chart"] ?? "");
  return source?.textContent ? (JSON.parse(source.textContent) as Spec) : undefined;
}

// Lying bars take the room of their number, so that one bar is no wall; as high as other charts at most.
function fit(box: HTMLElement): void {
  const spec = read(box);
  if (spec?.kind !== "bars") return;
  const bars = spec.labels.length * spec.series.length;
  box.style.height = `min(17rem, ${4 + 2 * bars + (spec.series.length > 1 ? 2 : 0)}rem)`;
}

function draw(box: HTMLElement, chart: EChartsType): void {
  const spec = read(box);
  if (spec) chart.setOption(option(spec, box.clientWidth), true);
}

export function drawAll(root: ParentNode): void {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  for (const box of root.querySelectorAll<HTMLElement>("[data-chart]")) {
    box.classList.add("chart__canvas--on");
    fit(box);
    const chart = init(box, undefined, { devicePixelRatio: Math.max(2, window.devicePixelRatio) });
    draw(box, chart);
    let width = box.clientWidth;
    new ResizeObserver(() => {
      chart.resize();
      if (box.clientWidth === width) return;
      width = box.clientWidth; // the legend may need another line
      draw(box, chart);
    }).observe(box);
    dark.addEventListener("change", () => draw(box, chart));
    window.addEventListener("beforeprint", () => chart.resize());
  }
}
