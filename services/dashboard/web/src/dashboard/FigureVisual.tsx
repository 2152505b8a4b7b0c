// FIGURE: one number, and in words as well as in colour how it stands to its limits.
import type { Visual } from "../gen/tarn/dashboard/v1/dashboard_pb.js";
import { numberOf } from "../format/numbers";
import { levelOf } from "./thresholds";
import type { VisualData } from "./visual_data";

const WORDS = { good: "Good", warning: "Warning", critical: "Critical" };

export function FigureVisual({ visual, data }: { visual: Visual; data: VisualData }) {
  const measure = data.measures[0];
  const raw = measure ? data.rows[0]?.[measure.index] : undefined;
  const value = numberOf(raw);
  const reached = value === undefined ? undefined : levelOf(value, visual.thresholds);
  const next = visual.thresholds.filter((threshold) => value !== undefined && threshold.from > value).sort((a, b) => a.from - b.from)[0];
  return (
    <div className={`figure ${reached?.level ?? ""}`} data-value={value}>
      <span className="figure-value number">{measure ? measure.format(raw) : "–"}</span>
      <span className="row small">
        {reached && <span className={`badge ${reached.level}`}>{WORDS[reached.level]}</span>}
        {reached && reached.level !== "good" && <span className="muted">from {measure?.format(reached.from)}</span>}
        {next && next.level !== "good" && (!reached || reached.level === "good") && (
          <span className="muted">
            {next.level} from {measure?.format(next.from)}
          </span>
        )}
        {visual.thresholds.length === 0 && measure && measure.label !== visual.title && <span className="muted">{measure.label}</span>}
      </span>
    </div>
  );
}
