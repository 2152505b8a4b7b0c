// The steps of a run, each with a bar where it stands in the run's time.
import { Link } from "react-router-dom";
import { pathOf } from "../api/names";
import { formatCount } from "../format/numbers";
import { formatDuration, spanMs } from "../format/times";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import type { Run, StepRun } from "../gen/tarn/transform/v1/run_pb.js";
import { StateBadge } from "../parts/StateBadge";
import { runSpan, stepBar } from "./step_bars";

export function StepTable({ run, now }: { run: Run; now: number }) {
  const span = runSpan(run, now);
  return (
    <div className="card table-scroll">
      <table className="data steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">State</th>
            <th scope="col" className="bar-head">
              <span className="row spread">
                <span>0</span>
                <span>{formatDuration(span.total)}</span>
              </span>
            </th>
            <th scope="col" className="right">
              Duration
            </th>
            <th scope="col" className="right">
              Rows
            </th>
            <th scope="col">Made</th>
          </tr>
        </thead>
        <tbody>
          {run.steps.map((step) => (
            <StepRow key={step.stepId} step={step} span={span} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StepRow({ step, span, now }: { step: StepRun; span: { start: number; total: number }; now: number }) {
  const took = spanMs(step.times?.startTime, step.times?.endTime, now);
  const bar = stepBar(step, span, now);
  const to = pathOf(step.output);
  const state = ExecutionState[step.state]?.toLowerCase() ?? "";
  return (
    <>
      <tr data-step={step.stepId} data-state={ExecutionState[step.state]}>
        <td>
          <strong>{step.stepId}</strong>
          <span className="muted small">
            {" "}
            {step.kind}
            {step.attempt > 1 && `, attempt ${step.attempt}`}
          </span>
          {step.dependsOn.length > 0 && <div className="muted small">after {step.dependsOn.join(", ")}</div>}
        </td>
        <td>
          <StateBadge state={step.state} />
        </td>
        <td className="bar-cell">
          <div className="bar-track">{bar && <div className={`bar ${state}`} style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />}</div>
        </td>
        <td className="right number">{took === undefined ? "–" : formatDuration(took)}</td>
        <td className="right number">{step.rowCount > 0n || step.state === ExecutionState.SUCCEEDED ? formatCount(step.rowCount) : "–"}</td>
        <td className="mono small">{to ? <Link to={to}>{step.output}</Link> : step.output || "–"}</td>
      </tr>
      {step.error && (
        <tr className="step-error">
          <td colSpan={6}>
            <pre>{step.error.message}</pre>
            {step.error.reason && <code className="muted">{step.error.reason}</code>}
          </td>
        </tr>
      )}
    </>
  );
}
