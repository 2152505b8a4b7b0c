// A fresh id that makes a retried call return the first result. crypto.randomUUID would need https or localhost.
export function newRequestId(): string {
  const bytes = window.crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
