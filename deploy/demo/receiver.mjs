// The small receiver of the demonstration: keeps every notification that is posted to it, one JSON document a line.
//   node receiver.mjs RECORD_FILE STATE_FILE
// Listens on a free port of the loopback interface and writes {"pid", "port"} to STATE_FILE when it does.
import { appendFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const [recordFile, stateFile] = process.argv.slice(2);
const maxBytes = 1 << 20;
const seen = new Set();

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => {
    body += chunk;
    if (body.length > maxBytes) request.destroy();
  });
  request.on("end", () => {
    // Notifications come at least once; their id tells a double.
    const id = request.headers["x-tarn-delivery"] ?? "";
    if (request.method === "POST" && !seen.has(id)) {
      if (id) seen.add(id);
      appendFileSync(recordFile, JSON.stringify({ time: new Date().toISOString(), body: parse(body) }) + "\n");
    }
    response.writeHead(request.method === "POST" ? 204 : 405).end();
  });
});

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

server.listen(Number(process.env.TARN_RECEIVER_PORT ?? 0), "127.0.0.1", () => {
  writeFileSync(stateFile + ".tmp", JSON.stringify({ pid: process.pid, port: server.address().port }));
  renameSync(stateFile + ".tmp", stateFile);
});
