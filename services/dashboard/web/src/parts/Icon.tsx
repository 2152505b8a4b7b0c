// The page's icons, drawn by hand on a grid of 20.
const PATHS = {
  dashboards: "M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z",
  sql: "M4 5l4.5 5L4 15M10 15.5h6.5",
  catalog: "M4 5.2c0-1.5 12-1.5 12 0v9.6c0 1.5-12 1.5-12 0zM4 5.4c0 1.5 12 1.5 12 0M4 10c0 1.5 12 1.5 12 0",
  runs: "M3 4.5h7M3 10h11M8 15.5h9",
  alerts: "M10 3a4.8 4.8 0 0 0-4.8 4.8c0 3.6-1.7 5.2-1.7 5.2h13s-1.7-1.6-1.7-5.2A4.8 4.8 0 0 0 10 3zM8.4 16a1.7 1.7 0 0 0 3.2 0",
  sun: "M10 6.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8zM10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2M4.2 4.2l1.4 1.4M14.4 14.4l1.4 1.4M15.8 4.2l-1.4 1.4M5.6 14.4l-1.4 1.4",
  moon: "M16.5 11.7A7 7 0 0 1 8.3 3.5a7 7 0 1 0 8.2 8.2z",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  close: "M5 5l10 10M15 5L5 15",
  table: "M3 4h14v12H3zM3 8h14M3 12h14M8.5 4v12",
  chart: "M3.5 3v13.5H17M6.5 13V9.5M10 13V6M13.5 13v-5",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4",
  refresh: "M16 6.5A7 7 0 1 0 17 10M16.5 3v4h-4",
  play: "M6 4l10 6-10 6z",
  stop: "M5.5 5.5h9v9h-9z",
  warning: "M10 3L1.8 16.5h16.4zM10 8v4M10 14.2v.2",
  check: "M4 10.5l4 4 8-9",
  download: "M10 3v9M6.5 9L10 12.5 13.5 9M4 16.5h12",
  down: "M5 7.5l5 5 5-5",
  right: "M7.5 5l5 5-5 5",
  user: "M10 3.5a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4zM3.8 17c.6-3.2 3.1-4.7 6.2-4.7s5.6 1.5 6.2 4.7",
  exit: "M8 3.5H4v13h4M8 10h9M13.5 6.5L17 10l-3.5 3.5",
  empty: "M3 11l2.5-6.5h9L17 11v5H3zM3 11h4l1.2 2h3.6L13 11h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

// The mark: mountains over water.
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#0e5f6d" />
      <path d="M4 18 11.5 8l4 5.2L18.5 9 28 18z" fill="#e9f4f4" />
      <path d="M5 21.2h22M8.5 24.4h15M12.5 27.6h7" stroke="#7fd0d4" strokeWidth="1.8" strokeLinecap="round" fill="none" />
    </svg>
  );
}
