// Views of one page, each with an address of its own.
import { Link, useSearchParams } from "react-router-dom";

export type Tab = { id: string; text: string };

// The first tab is the one without a parameter. Other parameters stay.
export function Tabs({ tabs, parameter, label }: { tabs: Tab[]; parameter: string; label: string }) {
  const [search] = useSearchParams();
  const current = search.get(parameter) ?? tabs[0]?.id;
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab, index) => {
        const next = new URLSearchParams(search);
        if (index === 0) next.delete(parameter);
        else next.set(parameter, tab.id);
        return (
          <Link key={tab.id} to={{ search: next.toString() }} aria-current={tab.id === current ? "page" : undefined}>
            {tab.text}
          </Link>
        );
      })}
    </nav>
  );
}
