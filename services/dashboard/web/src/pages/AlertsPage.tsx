// Alerts, their changes, the rules behind them and what was sent.
import { useSearchParams } from "react-router-dom";
import { AlertTable } from "../alerts/AlertTable";
import { Deliveries } from "../alerts/Deliveries";
import { Rules } from "../alerts/Rules";
import { Transitions } from "../alerts/Transitions";
import { PageHead } from "../parts/PageHead";
import { Tabs } from "../parts/Tabs";

const TABS = [
  { id: "alerts", text: "Alerts" },
  { id: "transitions", text: "Changes" },
  { id: "rules", text: "Rules" },
  { id: "deliveries", text: "Deliveries" },
];

export default function AlertsPage() {
  const [search] = useSearchParams();
  const view = search.get("view") ?? "alerts";
  return (
    <>
      <PageHead title="Alerts" />
      <div className="stack">
        <Tabs tabs={TABS} parameter="view" label="Parts of alerting" />
        {view === "transitions" ? <Transitions /> : view === "rules" ? <Rules /> : view === "deliveries" ? <Deliveries /> : <AlertTable />}
      </div>
    </>
  );
}
