import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { currentSession, renew } from "./api/session";
import { App } from "./App";
import { startTheme } from "./shell/theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/data.css";
import "./styles/shell.css";
import "./styles/dashboard.css";
import "./styles/work.css";

startTheme();
if (currentSession().state === "unknown") renew().catch(() => undefined);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
