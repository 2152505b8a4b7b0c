// Times: as an absolute text, as a distance from now, and as a duration.
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";

const two = (value: number) => String(value).padStart(2, "0");

export function msOf(time: Timestamp | undefined): number | undefined {
  return time ? timestampMs(time) : undefined;
}

// 2026-03-01 14:05:09, in this machine's time zone.
export function formatAbsolute(ms: number): string {
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function formatUtc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const STEPS: [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
];

// "3 min ago", "in 2 h"; the date itself beyond thirty days.
export function formatRelative(ms: number, now: number): string {
  const distance = Math.abs(now - ms);
  if (distance >= 30 * 86_400_000) return formatAbsolute(ms).slice(0, 10);
  if (distance < 10_000) return "just now";
  const step = STEPS.find(([size]) => distance >= size);
  const text = step ? `${Math.floor(distance / step[0])} ${step[1]}` : `${Math.floor(distance / 1000)} s`;
  return ms <= now ? `${text} ago` : `in ${text}`;
}

// "850 ms", "4.2 s", "3 min 05 s", "2 h 10 min".
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

// The time that something has taken, or takes so far.
export function spanMs(start: Timestamp | undefined, end: Timestamp | undefined, now: number): number | undefined {
  const from = msOf(start);
  return from === undefined ? undefined : Math.max(0, (msOf(end) ?? now) - from);
}
