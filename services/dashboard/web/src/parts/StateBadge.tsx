// The state of a piece of work, in words and colour.
import { ExecutionState } from "../gen/tarn/common/v1/execution_pb.js";

const LOOK: Record<ExecutionState, [string, string]> = {
  [ExecutionState.UNSPECIFIED]: ["Unknown", ""],
  [ExecutionState.QUEUED]: ["Queued", ""],
  [ExecutionState.RUNNING]: ["Running", "info"],
  [ExecutionState.SUCCEEDED]: ["Succeeded", "good"],
  [ExecutionState.FAILED]: ["Failed", "critical"],
  [ExecutionState.CANCELLED]: ["Cancelled", "warning"],
  [ExecutionState.TIMED_OUT]: ["Timed out", "critical"],
};

export function StateBadge({ state }: { state: ExecutionState }) {
  const [text, look] = LOOK[state] ?? ["Unknown", ""];
  return <span className={`badge ${look}`}>{text}</span>;
}

export function hasEnded(state: ExecutionState): boolean {
  return state >= ExecutionState.SUCCEEDED;
}
