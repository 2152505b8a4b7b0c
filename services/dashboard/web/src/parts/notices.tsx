// What stands in place of content: a failure, nothing, or something on its way.
import type { ReactNode } from "react";
import type { Failure } from "../api/failure";
import type { ExecutionError } from "../gen/tarn/common/v1/execution_pb.js";
import { Icon, type IconName } from "./Icon";

export function FailureNotice({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div className="notice critical" role="alert">
      <Icon name="warning" />
      <div className="stack" style={{ gap: 6 }}>
        <div>
          <strong>{failure.title}</strong>
          <pre style={{ fontFamily: "inherit", fontSize: "inherit" }}>{failure.message}</pre>
          {failure.violations.map((violation) => (
            <div key={violation.field}>
              <code>{violation.field}</code>: {violation.description}
            </div>
          ))}
          {failure.reason && <code className="muted">{failure.reason}</code>}
        </div>
        {retry && (
          <div>
            <button type="button" className="button tiny" onClick={retry}>
              <Icon name="refresh" /> Try again
            </button>
          </div>
        )}
      </div>
    </div>
  );
}

// Why a piece of work failed: a query, a step, a visual.
export function ExecutionErrorNotice({ error, title }: { error: ExecutionError; title: string }) {
  return (
    <div className="notice critical" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{title}</strong>
        <pre>{error.message || "No further explanation."}</pre>
        {error.reason && <code className="muted">{error.reason}</code>}
      </div>
    </div>
  );
}

export function Empty({ icon = "empty", title, children }: { icon?: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <strong>{title}</strong>
      {children && <div className="small">{children}</div>}
    </div>
  );
}

export function SkeletonLines({ lines = 5, label = "Loading" }: { lines?: number; label?: string }) {
  return (
    <div className="stack card-body" style={{ gap: 12 }} role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="skeleton" style={{ height: 14, width: `${92 - ((index * 23) % 45)}%` }} />
      ))}
    </div>
  );
}
