// Key-value pairs as small tags.
export function Labels({ labels }: { labels: Record<string, string> }) {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length === 0) return <span className="muted">–</span>;
  return (
    <span className="labels">
      {pairs.map(([key, value]) => (
        <span key={key} className="label-pair">
          {key}={value}
        </span>
      ))}
    </span>
  );
}
