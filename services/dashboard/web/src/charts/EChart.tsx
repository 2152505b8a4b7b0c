// One chart on a canvas, in the size of its box and the colours of the theme. The canvas is a picture to a screen reader:
// `label` says what it shows, and the table beside it has the numbers.
import { useEffect, useRef } from "react";
import type { VisualData } from "../dashboard/visual_data";
import { useTheme } from "../shell/theme";
import type { ChartBuilder } from "./common";
import { init, type ECharts } from "./echarts";
import { PALETTES } from "./palette";

export function EChart({ build, data, label }: { build: ChartBuilder; data: VisualData; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const theme = useTheme();

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    let chart: ECharts | undefined;
    const draw = () => {
      const width = element.clientWidth;
      const height = element.clientHeight;
      if (width < 20 || height < 20) return;
      const first = chart === undefined;
      chart ??= init(element, undefined, { renderer: "canvas", width, height });
      chart.resize({ width, height });
      const option = build(data, { palette: PALETTES[theme], width, height });
      chart.setOption({ ...option, animation: first && !still }, { notMerge: true });
      element.dataset.drawn = "true";
    };
    draw();
    const observer = new ResizeObserver(() => {
      if (chart && chart.getWidth() === element.clientWidth && chart.getHeight() === element.clientHeight) return;
      draw();
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart?.dispose();
      delete element.dataset.drawn;
    };
  }, [build, data, theme]);

  return <div ref={box} className="chart" role="img" aria-label={label} />;
}
