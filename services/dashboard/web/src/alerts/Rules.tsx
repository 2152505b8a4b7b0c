// The rules: what they watch, when they were last evaluated, why an evaluation failed.
import { Link } from "react-router-dom";
import { allPages } from "../api/all_pages";
import { alerting } from "../api/clients";
import { idOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { formatNumber } from "../format/numbers";
import { ComparisonOperator, type Rule } from "../gen/tarn/alerting/v1/rule_pb.js";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { Time } from "../parts/Time";
import { SeverityBadge } from "./badges";

const SIGNS: Record<ComparisonOperator, string> = {
  [ComparisonOperator.UNSPECIFIED]: "?",
  [ComparisonOperator.GREATER]: ">",
  [ComparisonOperator.GREATER_OR_EQUAL]: "≥",
  [ComparisonOperator.LESS]: "<",
  [ComparisonOperator.LESS_OR_EQUAL]: "≤",
  [ComparisonOperator.EQUAL]: "=",
  [ComparisonOperator.NOT_EQUAL]: "≠",
};

function conditionText(rule: Rule): string {
  const condition = rule.condition;
  return condition ? `${condition.column} ${SIGNS[condition.operator]} ${formatNumber(condition.threshold ?? 0)}` : "–";
}

export function Rules() {
  const list = useRemote(
    "rules",
    (signal) =>
      allPages(
        (pageToken) => alerting.listRules({ pageSize: 500, pageToken }, { signal }),
        (answer) => answer.rules,
      ),
    { refreshMs: () => 15_000 },
  );
  if (list.failure) return <FailureNotice failure={list.failure} retry={list.reload} />;
  if (!list.value) return <SkeletonLines label="Loading the rules" />;
  if (list.value.length === 0) {
    return (
      <div className="card">
        <Empty icon="alerts" title="There is no rule yet">
          Describe one in a manifest and run <code>tarn apply -f rule.yaml</code>.
        </Empty>
      </div>
    );
  }
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Rule</th>
            <th scope="col">Severity</th>
            <th scope="col">Fires when</th>
            <th scope="col">Schedule</th>
            <th scope="col">Evaluated</th>
            <th scope="col" className="right">
              Firing
            </th>
          </tr>
        </thead>
        <tbody>
          {list.value.map((rule) => (
            <tr key={rule.name}>
              <td>
                <Link to={`/alerts?rule=${encodeURIComponent(idOf(rule.name))}`}>{idOf(rule.name)}</Link>
                {rule.paused && <span className="badge">Paused</span>}
                {rule.description && <div className="small muted">{rule.description}</div>}
                <Link className="small" to={`/sql?q=${encodeURIComponent(rule.sql)}${rule.defaultDatabase ? `&db=${rule.defaultDatabase}` : ""}`}>
                  its query
                </Link>
              </td>
              <td>
                <SeverityBadge severity={rule.severity} />
              </td>
              <td className="mono">{conditionText(rule)}</td>
              <td>
                <code>{rule.schedule?.cron}</code> <span className="small muted">{rule.schedule?.timeZone}</span>
              </td>
              <td>
                <Time at={rule.lastEvaluationTime} />
                {rule.lastError && (
                  <div className="notice critical small">
                    <pre>{rule.lastError}</pre>
                  </div>
                )}
              </td>
              <td className="right number">{rule.firingCount}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
