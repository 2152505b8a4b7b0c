// Saves the whole kept result of a query as a CSV file.
import { queries } from "../api/clients";
import { ResultFormat } from "../gen/tarn/query/v1/query_service_pb.js";

export async function saveCsv(id: string): Promise<void> {
  const parts: BlobPart[] = [];
  for await (const chunk of queries.fetchResults({ name: `queries/${id}`, format: ResultFormat.CSV })) {
    if (chunk.content.case === "rows") parts.push(new Uint8Array(chunk.content.value.data));
  }
  const address = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `query-${id}.csv`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
