// The head of a page: where one is, its title, what can be done. Names the browser's tab as well.
import { Fragment, useEffect, type ReactNode } from "react";
import { Link } from "react-router-dom";

type Crumb = { to: string; text: string };

export function PageHead({ title, crumbs = [], note, children }: { title: string; crumbs?: Crumb[]; note?: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tarn`;
  }, [title]);
  return (
    <header className="page-head">
      <div>
        {crumbs.length > 0 && (
          <nav className="crumbs" aria-label="Breadcrumb">
            {crumbs.map((crumb) => (
              <Fragment key={crumb.to}>
                <Link to={crumb.to}>{crumb.text}</Link>
                <span aria-hidden="true">/</span>
              </Fragment>
            ))}
          </nav>
        )}
        <h1>{title}</h1>
        {note && <p>{note}</p>}
      </div>
      {children && <div className="row">{children}</div>}
    </header>
  );
}
