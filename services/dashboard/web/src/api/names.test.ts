import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { parseRows } from "../sql/rows";
import { failureOf } from "./failure";
import { idIn, idOf, pathOf, sqlNameOf } from "./names";

describe("resource names", () => {
  it("give their ids", () => {
    expect(idOf("pipelines/enrich/runs/01h")).toBe("01h");
    expect(idIn("pipelines/enrich/runs/01h", "pipelines")).toBe("enrich");
    expect(idIn("queries/q", "pipelines")).toBe("");
  });

  it("are quoted in SQL where they must be", () => {
    expect(sqlNameOf("databases/smart_hub/tables/usage")).toBe("smart_hub.usage");
    expect(sqlNameOf("databases/d/tables/Mixed Case")).toBe('d."Mixed Case"');
  });

  it("lead to the page that shows them, where there is one", () => {
    expect(pathOf("queries/q1")).toBe("/sql?query=q1");
    expect(pathOf("pipelines/p/runs/r")).toBe("/runs/p/r");
    expect(pathOf("2026/usage.csv")).toBeUndefined();
  });
});

describe("failures", () => {
  it("carry the server's message and its machine-readable reason", () => {
    const error = new ConnectError("There is no table d.t.", Code.NotFound, undefined, [{ desc: ErrorInfoSchema, value: { reason: "TABLE_NOT_FOUND" } }]);
    const failure = failureOf(error);
    expect([failure.title, failure.message, failure.reason]).toEqual(["Not found", "There is no table d.t.", "TABLE_NOT_FOUND"]);
  });

  it("say what to do when the server cannot be reached", () => {
    expect(failureOf(new TypeError("Failed to fetch")).message).toContain("Check that it runs");
  });
});

describe("rows of a batch", () => {
  it("are one array a line, without a row for the last line end", () => {
    expect(parseRows('[1,"a\\nb"]\n[null,{"c":1}]\n')).toEqual([
      [1, "a\nb"],
      [null, { c: 1 }],
    ]);
  });
});
