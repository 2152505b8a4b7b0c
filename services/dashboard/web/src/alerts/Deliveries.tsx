// What was sent through the channels, the newest first.
import { Link } from "react-router-dom";
import { alerting } from "../api/clients";
import { idIn, pathOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { Time } from "../parts/Time";
import { DeliveryStateBadge } from "./badges";

function subjectPath(subject: string): string | undefined {
  return subject.startsWith("rules/") ? `/alerts?rule=${encodeURIComponent(idIn(subject, "rules"))}` : pathOf(subject);
}

export function Deliveries() {
  const list = useRemote("deliveries", (signal) => alerting.listDeliveries({ parent: "channels/-", pageSize: 200 }, { signal }), { refreshMs: () => 10_000 });
  if (list.failure) return <FailureNotice failure={list.failure} retry={list.reload} />;
  if (!list.value) return <SkeletonLines label="Loading the deliveries" />;
  if (list.value.deliveries.length === 0) {
    return (
      <div className="card">
        <Empty icon="alerts" title="Nothing has been sent yet" />
      </div>
    );
  }
  return (
    <div className="card table-scroll">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Channel</th>
            <th scope="col">State</th>
            <th scope="col" className="right">
              Attempts
            </th>
            <th scope="col">Last answer</th>
            <th scope="col">About</th>
            <th scope="col">Text</th>
          </tr>
        </thead>
        <tbody>
          {list.value.deliveries.map((delivery) => {
            const to = subjectPath(delivery.subject);
            return (
              <tr key={delivery.name}>
                <td style={{ whiteSpace: "nowrap" }}>
                  <Time at={delivery.createTime} />
                </td>
                <td>{idIn(delivery.name, "channels")}</td>
                <td>
                  <DeliveryStateBadge state={delivery.state} />
                </td>
                <td className="right number">{delivery.attemptCount}</td>
                <td className="small">{delivery.lastResult || "–"}</td>
                <td className="small">{to ? <Link to={to}>{delivery.subject}</Link> : delivery.subject || "–"}</td>
                <td className="small">{delivery.message}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
