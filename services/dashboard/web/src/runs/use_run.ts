// Follows a run to its end by WatchRun; where the stream breaks off, asks again after a while.
import { Code } from "@connectrpc/connect";
import { useEffect, useState } from "react";
import { transform } from "../api/clients";
import { failureOf, isAbort, type Failure } from "../api/failure";
import type { Run } from "../gen/tarn/transform/v1/run_pb.js";
import { hasEnded } from "../parts/StateBadge";

const PATIENCE_MS = 3_000;
const FINAL = new Set([Code.NotFound, Code.PermissionDenied, Code.Unauthenticated, Code.InvalidArgument]);

export function useRun(name: string): { run: Run | undefined; failure: Failure | undefined } {
  const [followed, setFollowed] = useState<{ name: string; run?: Run; failure?: Failure }>({ name });

  useEffect(() => {
    setFollowed({ name });
    const controller = new AbortController();
    const { signal } = controller;
    const pause = () => new Promise((resolve) => window.setTimeout(resolve, PATIENCE_MS));
    const follow = async () => {
      let run = await transform.getRun({ name }, { signal });
      setFollowed({ name, run });
      while (!hasEnded(run.state) && !signal.aborted) {
        for await (const answer of transform.watchRun({ name }, { signal })) {
          if (!answer.run) continue;
          run = answer.run;
          setFollowed({ name, run });
        }
        if (!hasEnded(run.state)) await pause();
      }
    };
    const keepFollowing = async () => {
      while (!signal.aborted) {
        try {
          await follow();
          return;
        } catch (error) {
          if (isAbort(error, signal)) return;
          const failure = failureOf(error);
          setFollowed((before) => ({ ...before, failure }));
          if (FINAL.has(failure.code)) return;
          await pause();
        }
      }
    };
    void keepFollowing();
    return () => controller.abort();
  }, [name]);

  return followed.name === name ? { run: followed.run, failure: followed.failure } : { run: undefined, failure: undefined };
}
