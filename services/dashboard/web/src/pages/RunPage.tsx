// One run with its steps; as long as it goes on, as it happens.
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import { transform } from "../api/clients";
import { failureOf, type Failure } from "../api/failure";
import { idIn } from "../api/names";
import { newRequestId } from "../api/request_id";
import { formatDuration, spanMs } from "../format/times";
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";
import type { Run } from "../gen/tarn/transform/v1/run_pb.js";
import { Icon } from "../parts/Icon";
import { Labels } from "../parts/Labels";
import { ExecutionErrorNotice, FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";
import { hasEnded, StateBadge } from "../parts/StateBadge";
import { Time } from "../parts/Time";
import { useNow } from "../parts/use_now";
import { StepTable } from "../runs/StepTable";
import { useRun } from "../runs/use_run";

export default function RunPage() {
  const { pipeline = "", run: id = "" } = useParams();
  const { run, failure } = useRun(`pipelines/${pipeline}/runs/${id}`);
  const now = useNow(run && !hasEnded(run.state) ? 500 : 0);
  const crumbs = [
    { to: "/runs", text: "Runs" },
    { to: `/runs?pipeline=${encodeURIComponent(pipeline)}`, text: pipeline },
  ];
  return (
    <>
      <PageHead title={`Run ${id}`} crumbs={crumbs}>
        {run && <Actions run={run} />}
      </PageHead>
      <div className="stack" data-state={run && ExecutionState[run.state]}>
        {failure && <FailureNotice failure={failure} />}
        {!run && !failure && <SkeletonLines label="Loading the run" />}
        {run && <Facts run={run} now={now} />}
        {run?.error && <ExecutionErrorNotice error={run.error} title="The run failed" />}
        {run && <StepTable run={run} now={now} />}
      </div>
    </>
  );
}

function Facts({ run, now }: { run: Run; now: number }) {
  const took = spanMs(run.times?.startTime, run.times?.endTime, now);
  return (
    <dl className="facts card card-body">
      <div>
        <dt>State</dt>
        <dd>
          <StateBadge state={run.state} />
        </dd>
      </div>
      <div>
        <dt>Begun</dt>
        <dd>
          <Time at={run.times?.startTime ?? run.times?.createTime} absolute />
        </dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd className="number">{took === undefined ? "not begun" : formatDuration(took)}</dd>
      </div>
      <div>
        <dt>Started by</dt>
        <dd>{run.trigger || "–"}</dd>
      </div>
      <div>
        <dt>Acts as</dt>
        <dd>{run.owner || "–"}</dd>
      </div>
      <div>
        <dt>Parameters</dt>
        <dd>
          <Labels labels={run.parameters} />
        </dd>
      </div>
    </dl>
  );
}

function Actions({ run }: { run: Run }) {
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Failure>();
  const pipeline = idIn(run.name, "pipelines");
  const act = async (action: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await action();
    } catch (error) {
      setProblem(failureOf(error));
    }
    setBusy(false);
  };
  const again = async () => {
    const begun = await transform.startRun({ pipeline: `pipelines/${pipeline}`, parameters: run.parameters, requestId: newRequestId() });
    navigate(`/runs/${pipeline}/${idIn(begun.name, "runs")}`);
  };
  const stop = async () => {
    await transform.stopRun({ name: run.name });
  };
  return (
    <>
      {problem && (
        <span className="small" role="alert">
          {problem.message}
        </span>
      )}
      {hasEnded(run.state) ? (
        <button type="button" className="button" disabled={busy} title="Starts a new run with the same parameters" onClick={() => void act(again)}>
          <Icon name="play" /> Run again
        </button>
      ) : (
        <button type="button" className="button" disabled={busy} onClick={() => void act(stop)}>
          <Icon name="stop" /> Stop
        </button>
      )}
      <Link className="button quiet" to={`/runs?pipeline=${encodeURIComponent(pipeline)}`}>
        All its runs
      </Link>
    </>
  );
}
