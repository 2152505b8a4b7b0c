// Loads something from the server for a component: keeps what it has while it loads again, drops answers that are no
// longer wanted, and asks again from time to time while the page is in sight.
import { useCallback, useEffect, useRef, useState } from "react";
import { failureOf, isAbort, type Failure } from "./failure";

export type Remote<T> = {
  value: T | undefined;
  failure: Failure | undefined;
  loading: boolean;
  loadedAt: number;
  reload: () => void;
};

type Options<T> = {
  // How long until it is asked for again; undefined for never.
  refreshMs?: (value: T) => number | undefined;
  // Whether the old value stays in sight while another key loads.
  keep?: boolean;
};

// `key` names what is loaded: another key loads anew. An empty key loads nothing.
export function useRemote<T>(key: string, load: (signal: AbortSignal) => Promise<T>, options: Options<T> = {}): Remote<T> {
  const [held, setHeld] = useState<{ key: string; value?: T; failure?: Failure; loadedAt: number }>();
  const [loading, setLoading] = useState(key !== "");
  const [turn, setTurn] = useState(0);
  const latest = useRef({ load, options });
  latest.current = { load, options };

  const reload = useCallback(() => setTurn((count) => count + 1), []);

  useEffect(() => {
    if (!key) return undefined;
    const controller = new AbortController();
    let timer = 0;
    const again = (wait: number) => {
      timer = window.setTimeout(() => (document.hidden ? again(wait) : void run()), wait);
    };
    const run = async () => {
      setLoading(true);
      try {
        const value = await latest.current.load(controller.signal);
        if (controller.signal.aborted) return;
        setHeld({ key, value, loadedAt: Date.now() });
        const wait = latest.current.options.refreshMs?.(value);
        if (wait) again(wait);
      } catch (error) {
        if (isAbort(error, controller.signal)) return;
        setHeld((before) => ({ key, value: before?.key === key ? before.value : undefined, failure: failureOf(error), loadedAt: Date.now() }));
      }
      setLoading(false);
    };
    void run();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [key, turn]);

  const fits = held !== undefined && (held.key === key || options.keep === true);
  return {
    value: fits ? held.value : undefined,
    failure: held?.key === key ? held.failure : undefined,
    loading: key !== "" && (loading || held?.key !== key),
    loadedAt: held?.loadedAt ?? 0,
    reload,
  };
}
