// Signing in with a key. Goes on to where one wanted to be.
import { Code } from "@connectrpc/connect";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { Navigate, useSearchParams } from "react-router-dom";
import { failureOf } from "../api/failure";
import { signIn } from "../api/session";
import { useSession } from "../api/use_session";
import { Icon, Mark } from "../parts/Icon";

// Only paths of this page: another host's address is not followed.
function safePath(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : "/dashboards";
}

function explain(error: unknown): string {
  const failure = failureOf(error);
  switch (failure.reason) {
    case "KEY_REVOKED":
      return "This key has been revoked. Ask an administrator for a new one.";
    case "KEY_EXPIRED":
      return "This key has expired. Ask an administrator for a new one.";
    case "KEY_INVALID":
    case "KEY_NOT_FOUND":
      return "This is not a key of this Tarn. Copy the whole key, without spaces or line ends, and try again.";
    default:
      return failure.code === Code.Unauthenticated
        ? "This key was not accepted. Copy the whole key, without spaces or line ends, and try again."
        : failure.message;
  }
}

export default function SignInPage() {
  const session = useSession();
  const [search] = useSearchParams();
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = "Sign in · Tarn";
  }, []);

  if (session.state === "signed-in") return <Navigate to={safePath(search.get("next"))} replace />;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!key.trim()) {
      setProblem("Enter your key.");
      input.current?.focus();
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      await signIn(key.trim());
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
      input.current?.select();
    }
  };

  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)} noValidate>
        <span className="brand">
          <Mark /> Tarn
        </span>
        <h1>Sign in</h1>
        <label className="field">
          <span className="label">Key</span>
          <input
            ref={input}
            className="input mono"
            type="password"
            name="key"
            autoComplete="current-password"
            spellCheck={false}
            autoFocus
            value={key}
            onChange={(event) => setKey(event.target.value)}
            aria-invalid={problem !== ""}
            aria-describedby="key-help key-problem"
          />
        </label>
        <div id="key-problem" role="alert">
          {problem && (
            <div className="notice critical">
              <Icon name="warning" /> <span>{problem}</span>
            </div>
          )}
        </div>
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p id="key-help" className="small muted">
          A key is made by an administrator. On a fresh installation the administrator’s key stands in a file in the data folder that only its owner can read.
        </p>
      </form>
    </main>
  );
}
