// The history of a table: its snapshots, the newest first.
import { catalog } from "../api/clients";
import { useRemote } from "../api/use_remote";
import { formatBytes, formatCount } from "../format/numbers";
import type { Snapshot } from "../gen/tarn/catalog/v1/snapshot_pb.js";
import { Labels } from "../parts/Labels";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { Time } from "../parts/Time";
import { OPERATIONS } from "./table_kinds";

const COUNTED = ["added-files", "removed-files", "added-rows", "removed-rows", "total-files", "total-rows", "total-bytes"];

function count(snapshot: Snapshot, key: string): string {
  const text = snapshot.summary[key];
  return text && /^\d+$/.test(text) ? formatCount(BigInt(text)) : (text ?? "–");
}

export function Snapshots({ table, version }: { table: string; version: string }) {
  const list = useRemote(`${table}/snapshots ${version}`, (signal) => catalog.listSnapshots({ parent: table, pageSize: 200 }, { signal }));
  if (list.failure) return <FailureNotice failure={list.failure} retry={list.reload} />;
  if (!list.value) return <SkeletonLines label="Loading the snapshots" />;
  if (list.value.snapshots.length === 0) {
    return (
      <div className="card">
        <Empty title="No snapshot yet">The first commit makes one.</Empty>
      </div>
    );
  }
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col" className="right">
              #
            </th>
            <th scope="col">Committed</th>
            <th scope="col">Operation</th>
            <th scope="col" className="right">
              Rows
            </th>
            <th scope="col" className="right">
              Change
            </th>
            <th scope="col" className="right">
              Files
            </th>
            <th scope="col" className="right">
              Size
            </th>
            <th scope="col">Snapshot</th>
            <th scope="col">By</th>
            <th scope="col">Summary</th>
          </tr>
        </thead>
        <tbody>
          {list.value.snapshots.map((snapshot) => {
            const bytes = snapshot.summary["total-bytes"];
            const others = Object.fromEntries(Object.entries(snapshot.summary).filter(([key]) => !COUNTED.includes(key)));
            return (
              <tr key={snapshot.name}>
                <td className="right number">{formatCount(snapshot.sequenceNumber)}</td>
                <td style={{ whiteSpace: "nowrap" }}>
                  <Time at={snapshot.commitTime} absolute />
                </td>
                <td>{OPERATIONS[snapshot.operation]}</td>
                <td className="right number">{count(snapshot, "total-rows")}</td>
                <td className="right number muted" style={{ whiteSpace: "nowrap" }}>
                  +{count(snapshot, "added-rows")} −{count(snapshot, "removed-rows")}
                </td>
                <td className="right number">{count(snapshot, "total-files")}</td>
                <td className="right number">{bytes && /^\d+$/.test(bytes) ? formatBytes(BigInt(bytes)) : "–"}</td>
                <td className="mono">{snapshot.snapshotId.toString()}</td>
                <td>{snapshot.committedBy || "–"}</td>
                <td>
                  <Labels labels={others} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {list.value.nextPageToken && <p className="result-note small muted">The newest {list.value.snapshots.length} snapshots are shown.</p>}
    </div>
  );
}
