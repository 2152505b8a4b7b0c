// States and severities of alerts, in words and colour.
import { DeliveryState } from "../gen/tarn/alerting/v1/channel_pb.js";
import { AlertState, Severity } from "../gen/tarn/alerting/v1/rule_pb.js";

const STATES: Record<AlertState, [string, string]> = {
  [AlertState.UNSPECIFIED]: ["New", ""],
  [AlertState.OK]: ["OK", "good"],
  [AlertState.PENDING]: ["Pending", "warning"],
  [AlertState.FIRING]: ["Firing", "critical"],
};

const SEVERITIES: Record<Severity, [string, string]> = {
  [Severity.UNSPECIFIED]: ["Warning", "warning"],
  [Severity.INFO]: ["Info", "info"],
  [Severity.WARNING]: ["Warning", "warning"],
  [Severity.CRITICAL]: ["Critical", "critical"],
};

const DELIVERIES: Record<DeliveryState, [string, string]> = {
  [DeliveryState.UNSPECIFIED]: ["Unknown", ""],
  [DeliveryState.PENDING]: ["Pending", "warning"],
  [DeliveryState.DELIVERED]: ["Delivered", "good"],
  [DeliveryState.FAILED]: ["Failed", "critical"],
};

export function AlertStateBadge({ state }: { state: AlertState }) {
  const [text, look] = STATES[state] ?? ["Unknown", ""];
  return <span className={`badge ${look}`}>{text}</span>;
}

export function SeverityBadge({ severity }: { severity: Severity }) {
  const [text, look] = SEVERITIES[severity] ?? ["Unknown", ""];
  return <span className={`badge plain ${look}`}>{text}</span>;
}

export function DeliveryStateBadge({ state }: { state: DeliveryState }) {
  const [text, look] = DELIVERIES[state] ?? ["Unknown", ""];
  return <span className={`badge ${look}`}>{text}</span>;
}
