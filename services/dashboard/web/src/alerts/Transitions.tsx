// Changes of alerts' states, the newest first.
import { Link, useSearchParams } from "react-router-dom";
import { alerting } from "../api/clients";
import { idIn } from "../api/names";
import { useRemote } from "../api/use_remote";
import { formatNumber } from "../format/numbers";
import { Labels } from "../parts/Labels";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { Time } from "../parts/Time";
import { AlertStateBadge } from "./badges";

export function Transitions() {
  const [search] = useSearchParams();
  const rule = search.get("rule") ?? "";
  const list = useRemote(`transitions ${rule}`, (signal) => alerting.listAlertTransitions({ parent: `rules/${rule || "-"}`, pageSize: 500 }, { signal }), {
    refreshMs: () => 15_000,
  });
  if (list.failure) return <FailureNotice failure={list.failure} retry={list.reload} />;
  if (!list.value) return <SkeletonLines label="Loading the changes" />;
  if (list.value.transitions.length === 0) {
    return (
      <div className="card">
        <Empty icon="alerts" title="No alert has changed yet" />
      </div>
    );
  }
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Change</th>
            <th scope="col">Rule</th>
            <th scope="col">Labels</th>
            <th scope="col" className="right">
              Value
            </th>
          </tr>
        </thead>
        <tbody>
          {list.value.transitions.map((transition, index) => (
            <tr key={index}>
              <td style={{ whiteSpace: "nowrap" }}>
                <Time at={transition.time} absolute />
              </td>
              <td>
                <span className="row" style={{ flexWrap: "nowrap" }}>
                  <AlertStateBadge state={transition.fromState} />
                  <span aria-label="to">→</span>
                  <AlertStateBadge state={transition.toState} />
                </span>
              </td>
              <td>
                <Link to={`/alerts?rule=${encodeURIComponent(idIn(transition.alert, "rules"))}`}>{idIn(transition.alert, "rules")}</Link>
              </td>
              <td>
                <Labels labels={transition.labels} />
              </td>
              <td className="right number">{formatNumber(transition.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
