// Where the bar of each step stands in the time of its run, in percent.
import { spanMs, msOf } from "../format/times";
import type { Run, StepRun } from "../gen/tarn/transform/v1/run_pb.js";

export type Bar = { left: number; width: number };

export function runSpan(run: Run, now: number): { start: number; total: number } {
  const start = msOf(run.times?.startTime ?? run.times?.createTime) ?? now;
  const ends = run.steps.map((step) => msOf(step.times?.endTime) ?? (step.times?.startTime ? now : start));
  const end = Math.max(msOf(run.times?.endTime) ?? now, ...ends);
  return { start, total: Math.max(1, end - start) };
}

// Undefined for a step that has not begun.
export function stepBar(step: StepRun, span: { start: number; total: number }, now: number): Bar | undefined {
  const begin = msOf(step.times?.startTime);
  const took = spanMs(step.times?.startTime, step.times?.endTime, now);
  if (begin === undefined || took === undefined) return undefined;
  const left = Math.min(99.5, Math.max(0, ((begin - span.start) / span.total) * 100));
  return { left, width: Math.min(100 - left, Math.max(0.5, (took / span.total) * 100)) };
}
