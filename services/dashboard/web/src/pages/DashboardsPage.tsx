// The list of dashboards.
import { Link } from "react-router-dom";
import { allPages } from "../api/all_pages";
import { dashboards } from "../api/clients";
import { idOf } from "../api/names";
import { useRemote } from "../api/use_remote";
import { counted } from "../format/numbers";
import { Empty, FailureNotice, SkeletonLines } from "../parts/notices";
import { PageHead } from "../parts/PageHead";
import { Time } from "../parts/Time";

export default function DashboardsPage() {
  const list = useRemote("dashboards", (signal) =>
    allPages(
      (pageToken) => dashboards.listDashboards({ pageSize: 500, pageToken }, { signal }),
      (answer) => answer.dashboards,
    ),
  );
  return (
    <>
      <PageHead title="Dashboards" />
      {list.failure && <FailureNotice failure={list.failure} retry={list.reload} />}
      {!list.value && !list.failure && (
        <div className="card">
          <SkeletonLines label="Loading the dashboards" />
        </div>
      )}
      {list.value?.length === 0 && (
        <div className="card">
          <Empty icon="dashboards" title="There is no dashboard yet">
            Describe one in a manifest and run <code>tarn apply -f dashboard.yaml</code>.
          </Empty>
        </div>
      )}
      <ul className="tiles">
        {list.value?.map((dashboard) => (
          <li key={dashboard.name}>
            <Link className="card tile" to={`/dashboards/${encodeURIComponent(idOf(dashboard.name))}`}>
              <h2>{dashboard.title || idOf(dashboard.name)}</h2>
              {dashboard.description && <p className="muted">{dashboard.description}</p>}
              <span className="small muted tile-foot">
                {counted(dashboard.visuals.length, "visual")}
                {dashboard.filters.length > 0 && ` · ${counted(dashboard.filters.length, "filter")}`} · changed <Time at={dashboard.updateTime} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
