import { fromJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { RunSchema } from "../gen/tarn/transform/v1/run_pb.js";
import { runSpan, stepBar } from "./step_bars";

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
const run = fromJson(RunSchema, {
  times: { createTime: at(0), startTime: at(0) },
  steps: [
    { stepId: "done", times: { startTime: at(0), endTime: at(10) } },
    { stepId: "running", times: { startTime: at(10) } },
    { stepId: "waiting", times: { createTime: at(0) } },
  ],
});

describe("step bars", () => {
  const now = Date.parse(at(40));
  const span = runSpan(run, now);

  it("stand where the step stood in the time of the run, up to now for one that runs", () => {
    expect(span.total).toBe(40_000);
    expect(stepBar(run.steps[0]!, span, now)).toEqual({ left: 0, width: 25 });
    expect(stepBar(run.steps[1]!, span, now)).toEqual({ left: 25, width: 75 });
  });

  it("do not exist for a step that has not begun", () => {
    expect(stepBar(run.steps[2]!, span, now)).toBeUndefined();
  });
});
