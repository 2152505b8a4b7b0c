// What went wrong with a call, as the page shows it: a sentence that says what to do, and the machine's reason beside it.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";

export type Failure = {
  title: string;
  message: string;
  reason: string;
  violations: { field: string; description: string }[];
  code: Code;
};

const TITLES: Partial<Record<Code, string>> = {
  [Code.Unauthenticated]: "Please sign in",
  [Code.PermissionDenied]: "Not allowed",
  [Code.NotFound]: "Not found",
  [Code.InvalidArgument]: "Not valid",
  [Code.Unavailable]: "Tarn does not answer",
  [Code.DeadlineExceeded]: "This took too long",
  [Code.ResourceExhausted]: "Too large",
  [Code.Canceled]: "Cancelled",
  [Code.FailedPrecondition]: "Not possible now",
  [Code.Aborted]: "Changed by somebody else",
};

export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const violations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  const unreachable = thrown instanceof TypeError || error.cause instanceof TypeError;
  return {
    code: unreachable ? Code.Unavailable : error.code,
    title: TITLES[unreachable ? Code.Unavailable : error.code] ?? "Something went wrong",
    message: unreachable
      ? "The server cannot be reached. Check that it runs and that you are connected, then try again."
      : error.rawMessage || "The server gave no further explanation.",
    reason: info?.reason ?? "",
    violations: violations.map(({ field, description }) => ({ field, description })),
  };
}

// Whether a call ended because the page no longer wanted it.
export function isAbort(thrown: unknown, signal: AbortSignal): boolean {
  return signal.aborted || ConnectError.from(thrown).code === Code.Canceled;
}
