// The page's routes. Pages are loaded when they are first opened.
import { lazy, Suspense } from "react";
import { createBrowserRouter, Link, Navigate, Outlet, RouterProvider, useLocation, useParams, useRouteError } from "react-router-dom";
import { failureOf } from "./api/failure";
import { renew } from "./api/session";
import { useSession } from "./api/use_session";
import { Empty, FailureNotice, SkeletonLines } from "./parts/notices";
import SignInPage from "./pages/SignInPage";
import { Shell } from "./shell/Shell";

const DashboardsPage = lazy(() => import("./pages/DashboardsPage"));
const DashboardPage = lazy(() => import("./pages/DashboardPage"));
const SqlPage = lazy(() => import("./pages/SqlPage"));
const CatalogPage = lazy(() => import("./pages/CatalogPage"));
const RunsPage = lazy(() => import("./pages/RunsPage"));
const RunPage = lazy(() => import("./pages/RunPage"));
const AlertsPage = lazy(() => import("./pages/AlertsPage"));

// Lets in who is signed in; asks the server when a session may exist.
function SignedIn() {
  const session = useSession();
  const { pathname, search } = useLocation();
  switch (session.state) {
    case "signed-in":
      return <Shell />;
    case "unreachable":
      return (
        <main className="page">
          <FailureNotice failure={failureOf(session.error)} retry={() => void renew().catch(() => undefined)} />
        </main>
      );
    case "signed-out": {
      const wanted = pathname + search;
      const next = wanted === "/" || wanted === "/dashboards" ? "" : `?next=${encodeURIComponent(wanted)}`;
      return <Navigate to={`/sign-in${next}`} replace />;
    }
    default:
      return (
        <main className="page">
          <SkeletonLines label="Signing in" />
        </main>
      );
  }
}

function NoSuchPage() {
  return (
    <Empty title="There is no such page">
      <Link to="/dashboards">Go to the dashboards</Link>
    </Empty>
  );
}

function RunsOfPipeline() {
  const { pipeline = "" } = useParams();
  return <Navigate to={`/runs?pipeline=${encodeURIComponent(pipeline)}`} replace />;
}

function BrokenPage() {
  const error = useRouteError();
  return (
    <main className="page">
      <Empty icon="warning" title="This page could not be shown">
        {error instanceof Error ? error.message : String(error)} – <a href={window.location.href}>load it again</a>
      </Empty>
    </main>
  );
}

const router = createBrowserRouter(
  [
    {
      errorElement: <BrokenPage />,
      element: (
        <Suspense fallback={<SkeletonLines />}>
          <Outlet />
        </Suspense>
      ),
      children: [
        { path: "/sign-in", element: <SignInPage /> },
        {
          element: <SignedIn />,
          children: [
            { path: "/", element: <Navigate to="/dashboards" replace /> },
            { path: "/dashboards", element: <DashboardsPage /> },
            { path: "/dashboards/:id", element: <DashboardPage /> },
            { path: "/sql", element: <SqlPage /> },
            { path: "/catalog", element: <CatalogPage /> },
            { path: "/catalog/:database", element: <CatalogPage /> },
            { path: "/catalog/:database/:table", element: <CatalogPage /> },
            { path: "/runs", element: <RunsPage /> },
            { path: "/runs/:pipeline", element: <RunsOfPipeline /> },
            { path: "/runs/:pipeline/:run", element: <RunPage /> },
            { path: "/alerts", element: <AlertsPage /> },
            { path: "*", element: <NoSuchPage /> },
          ],
        },
      ],
    },
  ],
  {
    future: {
      v7_relativeSplatPath: true,
      v7_fetcherPersist: true,
      v7_normalizeFormMethod: true,
      v7_partialHydration: true,
      v7_skipActionErrorRevalidation: true,
    },
  },
);

export function App() {
  return <RouterProvider router={router} future={{ v7_startTransition: true }} />;
}
