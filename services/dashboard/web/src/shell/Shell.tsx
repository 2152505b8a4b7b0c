// The frame around every page of somebody who is signed in.
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, NavLink, Outlet, useLocation } from "react-router-dom";
import { idOf } from "../api/names";
import { signOut } from "../api/session";
import { useSession } from "../api/use_session";
import { Icon, Mark, type IconName } from "../parts/Icon";
import { SkeletonLines } from "../parts/notices";
import { chooseTheme, useTheme } from "./theme";

const LINKS: { to: string; text: string; icon: IconName }[] = [
  { to: "/dashboards", text: "Dashboards", icon: "dashboards" },
  { to: "/sql", text: "SQL", icon: "sql" },
  { to: "/catalog", text: "Catalog", icon: "catalog" },
  { to: "/runs", text: "Runs", icon: "runs" },
  { to: "/alerts", text: "Alerts", icon: "alerts" },
];

export function Shell() {
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const visited = useRef(pathname);
  useEffect(() => {
    setOpen(false);
    if (visited.current === pathname) return;
    visited.current = pathname;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  return (
    <div className="shell">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <header className="side" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
        <div className="side-top">
          <Link to="/dashboards" className="brand">
            <Mark /> Tarn
          </Link>
          <button type="button" className="button quiet icon-only menu-button" aria-expanded={open} aria-controls="menu" aria-label="Menu" onClick={() => setOpen(!open)}>
            <Icon name={open ? "close" : "menu"} />
          </button>
        </div>
        <div id="menu" className={open ? "side-menu open" : "side-menu"}>
          <nav className="nav-links" aria-label="Pages">
            {LINKS.map((link) => (
              <NavLink key={link.to} to={link.to}>
                <Icon name={link.icon} /> {link.text}
              </NavLink>
            ))}
          </nav>
          <Foot />
        </div>
      </header>
      <main id="main" className="page" tabIndex={-1} ref={main}>
        <Suspense fallback={<SkeletonLines />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}

function Foot() {
  const session = useSession();
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  const caller = session.state === "signed-in" ? session.caller : undefined;
  return (
    <div className="side-foot">
      {caller && (
        <div className="who small">
          <strong title={caller.user}>{idOf(caller.user)}</strong>
          <span className="muted">{[caller.roles.join(", "), `in ${caller.workspace}`].filter(Boolean).join(" ")}</span>
        </div>
      )}
      <div className="row spread">
        <button type="button" className="button quiet icon-only" aria-label={`Change to the ${other} theme`} title={`Change to the ${other} theme`} onClick={() => chooseTheme(other)}>
          <Icon name={theme === "dark" ? "sun" : "moon"} />
        </button>
        <button type="button" className="button quiet" onClick={() => void signOut()}>
          <Icon name="exit" /> Sign out
        </button>
      </div>
    </div>
  );
}
