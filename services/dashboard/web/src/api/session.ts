// Who is signed in. The session is a cookie that scripts cannot read; the short-lived token stays in memory only and is
// renewed from the session before it ends and after a reload. Local storage holds one hint, that a session may exist, so
// that a first visit does not ask in vain.
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuthService, type GetCallerResponse } from "../gen/tarn/dashboard/v1/auth_service_pb.js";

export type Session =
  | { state: "unknown" }
  | { state: "signed-out" }
  | { state: "unreachable"; error: unknown }
  | { state: "signed-in"; caller: GetCallerResponse | undefined };

const HINT = "tarn.session";
const LONGEST_LIFE_MS = 5 * 60_000;
const MARGIN_MS = 45_000;
const LEAST_WAIT_MS = 1_000;

const auth = createClient(AuthService, createConnectTransport({ baseUrl: window.location.origin }));
const listeners = new Set<() => void>();

let session: Session = window.localStorage.getItem(HINT) ? { state: "unknown" } : { state: "signed-out" };
let token = "";
let tokenEndsAt = 0;
let renewal: Promise<string> | undefined;
let timer = 0;

function become(next: Session) {
  session = next;
  listeners.forEach((listener) => listener());
}

function keep(newToken: string, expireTime: Timestamp | undefined, caller: GetCallerResponse | undefined) {
  // This machine's clock may be wrong: an end that cannot be is replaced by a cautious one.
  const told = expireTime ? timestampMs(expireTime) - Date.now() : 0;
  const life = told > LEAST_WAIT_MS && told <= LONGEST_LIFE_MS + MARGIN_MS ? told : LONGEST_LIFE_MS - MARGIN_MS;
  const margin = Math.min(MARGIN_MS, life / 3);
  token = newToken;
  tokenEndsAt = Date.now() + life - margin / 3;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void renew().catch(() => undefined), Math.max(life - margin, LEAST_WAIT_MS));
  window.localStorage.setItem(HINT, "1");
  become({ state: "signed-in", caller });
}

function forget() {
  token = "";
  tokenEndsAt = 0;
  window.clearTimeout(timer);
  window.localStorage.removeItem(HINT);
  become({ state: "signed-out" });
}

// Takes a fresh token from the session. Calls at the same time share one request.
export function renew(): Promise<string> {
  renewal ??= (async () => {
    try {
      const answer = await auth.refreshSession({});
      keep(answer.token, answer.expireTime, answer.caller);
      return token;
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unauthenticated) forget();
      else if (session.state !== "signed-in") become({ state: "unreachable", error });
      throw error;
    } finally {
      renewal = undefined;
    }
  })();
  return renewal;
}

// A token that is good for the next call.
export async function currentToken(): Promise<string> {
  return token && Date.now() < tokenEndsAt ? token : renew();
}

export async function signIn(key: string): Promise<void> {
  const answer = await auth.signIn({ key });
  keep(answer.token, answer.expireTime, answer.caller);
}

export async function signOut(): Promise<void> {
  const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
  await auth.signOut({}, { headers }).catch(() => undefined);
  forget();
}

// Signing out in one tab signs out the others.
window.addEventListener("storage", (event) => {
  if (event.key === HINT && event.newValue === null && session.state === "signed-in") forget();
});

export function subscribeToSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function currentSession(): Session {
  return session;
}
