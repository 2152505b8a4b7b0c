// Resource names: `pipelines/enrich/runs/01h…` and the ids in them.

// The last id of a name.
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

// The id that follows a collection: idIn("pipelines/p/runs/r", "pipelines") is "p".
export function idIn(name: string, collection: string): string {
  const parts = name.split("/");
  const at = parts.indexOf(collection);
  return at < 0 ? "" : (parts[at + 1] ?? "");
}

// `databases/d/tables/t` as SQL says it.
export function sqlNameOf(tableName: string): string {
  return `${quoted(idIn(tableName, "databases"))}.${quoted(idIn(tableName, "tables"))}`;
}

export function quoted(identifier: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(identifier) ? identifier : `"${identifier.replaceAll('"', '""')}"`;
}

// The page that shows what a run's step or an event names, where there is one.
export function pathOf(name: string): string | undefined {
  if (/^queries\/[^/]+$/.test(name)) return `/sql?query=${encodeURIComponent(idOf(name))}`;
  if (/^pipelines\/[^/]+\/runs\/[^/]+$/.test(name)) return `/runs/${idIn(name, "pipelines")}/${idIn(name, "runs")}`;
  if (/^dashboards\/[^/]+$/.test(name)) return `/dashboards/${idOf(name)}`;
  if (/^databases\/[^/]+\/tables\/[^/]+/.test(name)) return `/catalog/${idIn(name, "databases")}/${idIn(name, "tables")}`;
  return undefined;
}
