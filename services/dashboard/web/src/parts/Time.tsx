// A moment: how long ago, with the exact time on hover; or the exact time itself.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { formatAbsolute, formatRelative, formatUtc, msOf } from "../format/times";
import { useNow } from "./use_now";

export function Time({ at, absolute = false }: { at: Timestamp | undefined; absolute?: boolean }) {
  const now = useNow(15_000);
  const ms = msOf(at);
  if (ms === undefined) return <span className="muted">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={`${formatAbsolute(ms)} (${formatUtc(ms)})`}>
      {absolute ? formatAbsolute(ms) : formatRelative(ms, now)}
    </time>
  );
}
