// The rows of a batch in the form JSON_ROWS: one JSON array a line.
export function parseRows(text: string): unknown[][] {
  const rows: unknown[][] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const row: unknown = JSON.parse(line);
    rows.push(Array.isArray(row) ? row : [row]);
  }
  return rows;
}
