// The alerts, those that fire first; one that fires can be acknowledged.
import { Link, useSearchParams } from "react-router-dom";
import { useState } from "react";
import { alerting } from "../api/clients";
import { failureOf, type Failure } from "../api/failure";
import { idIn } from "../api/names";
import { useRemote } from "../api/use_remote";
import { formatNumber } from "../format/numbers";
import { AlertState, type Alert } from "../gen/tarn/alerting/v1/rule_pb.js";
import { Icon } from "../parts/Icon";
import { Labels } from "../parts/Labels";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { Time } from "../parts/Time";
import { AlertStateBadge, SeverityBadge } from "./badges";

const STATES = ["firing", "pending", "ok"] as const;
const BY_NAME = { firing: AlertState.FIRING, pending: AlertState.PENDING, ok: AlertState.OK };

export function AlertTable() {
  const [search, setSearch] = useSearchParams();
  const [problem, setProblem] = useState<Failure>();
  const stateName = STATES.find((name) => name === search.get("state"));
  const rule = search.get("rule") ?? "";
  const state = stateName ? BY_NAME[stateName] : AlertState.UNSPECIFIED;
  const list = useRemote(`alerts ${rule} ${state}`, (signal) => alerting.listAlerts({ parent: `rules/${rule || "-"}`, pageSize: 500, state }, { signal }), {
    keep: true,
    refreshMs: () => 10_000,
  });
  const acknowledge = (alert: Alert) => {
    setProblem(undefined);
    alerting.acknowledgeAlert({ name: alert.name }).then(list.reload, (error: unknown) => setProblem(failureOf(error)));
  };
  const choose = (key: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(key, value);
    else next.delete(key);
    setSearch(next);
  };
  return (
    <div className="stack">
      <div className="row">
        <span className="segments" role="radiogroup" aria-label="State">
          {["", ...STATES].map((name) => (
            <label key={name}>
              <input type="radio" name="state" value={name} checked={(stateName ?? "") === name} onChange={() => choose("state", name)} />
              {name === "" ? "All" : name === "ok" ? "OK" : name === "firing" ? "Firing" : "Pending"}
            </label>
          ))}
        </span>
        {rule && (
          <button type="button" className="button" onClick={() => choose("rule", "")}>
            Rule {rule} <Icon name="close" />
          </button>
        )}
      </div>
      {(problem ?? list.failure) && <FailureNotice failure={(problem ?? list.failure)!} retry={list.reload} />}
      {!list.value && !list.failure && (
        <div className="card">
          <SkeletonLines label="Loading the alerts" />
        </div>
      )}
      {list.value?.alerts.length === 0 && (
        <div className="card">
          <Empty icon="alerts" title={state === AlertState.FIRING ? "Nothing fires" : "No alerts"} />
        </div>
      )}
      {list.value && list.value.alerts.length > 0 && (
        <div className="card table-scroll">
          <table className="data alerts">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Severity</th>
                <th scope="col">Rule</th>
                <th scope="col">Labels</th>
                <th scope="col" className="right">
                  Value
                </th>
                <th scope="col">Since</th>
                <th scope="col">Looked after</th>
              </tr>
            </thead>
            <tbody>
              {list.value.alerts.map((alert) => (
                <Row key={alert.name} alert={alert} search={search} onAcknowledge={() => acknowledge(alert)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Row({ alert, search, onAcknowledge }: { alert: Alert; search: URLSearchParams; onAcknowledge: () => void }) {
  const rule = idIn(alert.name, "rules");
  const toRule = new URLSearchParams(search);
  toRule.set("rule", rule);
  return (
    <tr data-alert={alert.name} data-state={AlertState[alert.state]}>
      <td>
        <AlertStateBadge state={alert.state} />
      </td>
      <td>
        <SeverityBadge severity={alert.severity} />
      </td>
      <td>
        <Link to={{ search: toRule.toString() }}>{rule}</Link>
        {alert.message && <div className="small muted">{alert.message}</div>}
      </td>
      <td>
        <Labels labels={alert.labels} />
      </td>
      <td className="right number">{formatNumber(alert.value)}</td>
      <td style={{ whiteSpace: "nowrap" }}>
        <Time at={alert.stateTime} />
      </td>
      <td>
        {alert.acknowledgedBy ? (
          <span className="small">
            {alert.acknowledgedBy}, <Time at={alert.acknowledgeTime} />
          </span>
        ) : alert.state === AlertState.FIRING ? (
          <button type="button" className="button tiny" onClick={onAcknowledge}>
            <Icon name="check" /> Acknowledge
          </button>
        ) : (
          <span className="muted">–</span>
        )}
      </td>
    </tr>
  );
}
