// The level of a figure: that of the largest limit that it has reached.
import type { Threshold } from "../gen/tarn/dashboard/v1/dashboard_pb.js";

export type Level = "good" | "warning" | "critical";

export function levelOf(value: number, thresholds: Threshold[]): { level: Level; from: number } | undefined {
  const reached = thresholds.filter((threshold) => value >= threshold.from).sort((a, b) => b.from - a.from)[0];
  if (!reached) return undefined;
  const level: Level = reached.level === "critical" || reached.level === "warning" ? reached.level : "good";
  return { level, from: reached.from };
}
