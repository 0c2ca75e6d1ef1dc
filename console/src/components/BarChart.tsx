import "uplot/dist/uPlot.min.css";

import { useEffect, useRef } from "react";
import uPlot from "uplot";

type Series = { label: string; values: number[]; colour: "--brand" | "--bad" };
type Props = { label: string; until: string; step: "hour" | "day"; series: Series[] };

const SECONDS = { hour: 3600, day: 86_400 };

const HEIGHT = 180;

const SHOWN = {
  hour: (seconds: number) => new Date(seconds * 1000).toLocaleTimeString("sv-SE", { timeStyle: "short" }),
  day: (seconds: number) => new Date(seconds * 1000).toLocaleDateString("sv-SE").slice(5),
};

/** Numbers by hour or day up to an instant, as bars; what they say is in the table beside it, for who sees no picture. */
export function BarChart({ label, until, step, series }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const within = place.current;
    if (within === null) return;
    const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const last = Date.parse(until) / 1000;
    const hours = series[0]?.values.map((_, at, all) => last - SECONDS[step] * (all.length - 1 - at)) ?? [];
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const draw = () =>
      new uPlot(
        {
          width: within.clientWidth,
          height: HEIGHT,
          cursor: { y: false },
          scales: {
            x: { range: (_, first, end) => [first - SECONDS[step] / 2, end + SECONDS[step] / 2] },
            y: { range: (_, __, most) => [0, Math.max(most, 4)] },
          },
          axes: [{ ...axis, values: (_, splits) => splits.map(SHOWN[step]) }, { ...axis, size: 60 }],
          series: [
            { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
            ...series.map((each, at) => ({
              label: each.label,
              stroke: colour(each.colour),
              fill: colour(each.colour),
              points: { show: false },
              ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.4], align: at === 0 ? -1 : 1 }) }),
            })),
          ],
        },
        [hours, ...series.map((each) => each.values.map((value) => value || null))],
        within,
      );
    let chart = draw();
    const anew = () => {
      chart.destroy();
      chart = draw();
    };
    const resized = new ResizeObserver(anew);
    resized.observe(within);
    const themed = new MutationObserver(anew);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      resized.disconnect();
      themed.disconnect();
      chart.destroy();
    };
  }, [until, step, series]);
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}
