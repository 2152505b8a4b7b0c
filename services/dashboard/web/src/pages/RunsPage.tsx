// The runs of all pipelines, or of one, the newest first.
import { Link, useNavigate, useSearchParams } from "react-router-dom";
import { useState } from "react";
import { allPages } from "../api/all_pages";
import { transform } from "../api/clients";
import { idIn, idOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { formatDuration, spanMs } from "../format/times";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import type { Run } from "../gen/tarn/transform/v1/run_pb.js";
import { Labels } from "../parts/Labels";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";
import { hasEnded, StateBadge } from "../parts/StateBadge";
import { Time } from "../parts/Time";
import { useNow } from "../parts/use_now";

const STATES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"] as const;
const PAGE = 50;

export default function RunsPage() {
  const [search, setSearch] = useSearchParams();
  const [count, setCount] = useState(PAGE);
  const pipeline = search.get("pipeline") ?? "";
  const stateName = STATES.find((name) => name.toLowerCase() === search.get("state"));
  const state = stateName ? ExecutionState[stateName] : ExecutionState.UNSPECIFIED;
  const pipelines = useRemote("pipelines", (signal) =>
    allPages(
      (pageToken) => transform.listPipelines({ pageSize: 500, pageToken }, { signal }),
      (answer) => answer.pipelines,
    ),
  );
  const runs = useRemote(
    `runs ${pipeline} ${state} ${count}`,
    (signal) => transform.listRuns({ parent: `pipelines/${pipeline || "-"}`, pageSize: count, state }, { signal }),
    { keep: true, refreshMs: (answer) => (answer.runs.some((run) => !hasEnded(run.state)) ? 2_000 : 15_000) },
  );
  const choose = (key: string, value: string) =>
    setSearch((before) => {
      const next = new URLSearchParams(before);
      if (value) next.set(key, value);
      else next.delete(key);
      return next;
    });
  const names = pipelines.value?.map((one) => idOf(one.name)) ?? [];
  const about = pipelines.value?.find((one) => idOf(one.name) === pipeline);

  return (
    <>
      <PageHead title="Runs" note={about?.description}>
        <label className="row small muted">
          Pipeline
          <select className="input" value={pipeline} onChange={(event) => choose("pipeline", event.target.value)}>
            <option value="">all</option>
            {[...new Set([...names, ...(pipeline ? [pipeline] : [])])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="row small muted">
          State
          <select className="input" value={stateName?.toLowerCase() ?? ""} onChange={(event) => choose("state", event.target.value)}>
            <option value="">any</option>
            {STATES.map((name) => (
              <option key={name} value={name.toLowerCase()}>
                {name.toLowerCase().replace("_", " ")}
              </option>
            ))}
          </select>
        </label>
      </PageHead>
      {runs.failure && <FailureNotice failure={runs.failure} retry={runs.reload} />}
      {!runs.value && !runs.failure && (
        <div className="card">
          <SkeletonLines label="Loading the runs" />
        </div>
      )}
      {runs.value?.runs.length === 0 && (
        <div className="card">
          <Empty icon="runs" title="No runs">
            {pipeline || state ? "None fits what is chosen." : "Start one with tarn run PIPELINE."}
          </Empty>
        </div>
      )}
      {runs.value && runs.value.runs.length > 0 && <RunTable runs={runs.value.runs} />}
      {runs.value?.nextPageToken && count < 1_000 && (
        <p style={{ marginTop: 12 }}>
          <button type="button" className="button" onClick={() => setCount(Math.min(1_000, count * 2))} disabled={runs.loading}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}

function RunTable({ runs }: { runs: Run[] }) {
  const now = useNow(runs.some((run) => !hasEnded(run.state)) ? 1_000 : 0);
  const navigate = useNavigate();
  return (
    <div className="card table-scroll">
      <table className="data runs">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Steps</th>
            <th scope="col">Begun</th>
            <th scope="col" className="right">
              Duration
            </th>
            <th scope="col">Started by</th>
            <th scope="col">Parameters</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => {
            const to = `/runs/${idIn(run.name, "pipelines")}/${idIn(run.name, "runs")}`;
            const took = spanMs(run.times?.startTime, run.times?.endTime, now);
            return (
              <tr key={run.name} className="clickable" onClick={(event) => !(event.target as Element).closest("a") && navigate(to)}>
                <td>
                  <Link to={to}>{idIn(run.name, "pipelines")}</Link>
                  <div className="mono small muted">{idOf(run.name)}</div>
                </td>
                <td>
                  <StateBadge state={run.state} />
                </td>
                <td>
                  <StepMarks run={run} />
                </td>
                <td style={{ whiteSpace: "nowrap" }}>
                  <Time at={run.times?.startTime ?? run.times?.createTime} />
                </td>
                <td className="right number">{took === undefined ? "–" : formatDuration(took)}</td>
                <td className="small trigger">{run.trigger || "–"}</td>
                <td>
                  <Labels labels={run.parameters} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

// One mark a step, in the colour of its state; in words for who does not see it.
function StepMarks({ run }: { run: Run }) {
  const done = run.steps.filter((step) => step.state === ExecutionState.SUCCEEDED).length;
  return (
    <span className="step-marks" role="img" aria-label={`${done} of ${run.steps.length} steps succeeded`}>
      {run.steps.map((step) => (
        <span key={step.stepId} className={`step-mark ${ExecutionState[step.state]?.toLowerCase() ?? ""}`} title={`${step.stepId}: ${ExecutionState[step.state]?.toLowerCase().replace("_", " ")}`} />
      ))}
    </span>
  );
}
