import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Component, lazy, type ReactNode, Suspense, useEffect } from "react";

import { Refused } from "./api/client";
import { Link, useRoute } from "./components/Link";
import { addressOf, ALL_OF_AUDIT, isWork, titleOf, UNFILTERED } from "./model/route";
import { AuditPage } from "./pages/AuditPage";
import { BundlePage } from "./pages/BundlePage";
import { BundlesPage } from "./pages/BundlesPage";
import { ClosePage } from "./pages/ClosePage";
import { FilesPage } from "./pages/FilesPage";
import { FollowPage } from "./pages/FollowPage";
import { GatePage } from "./pages/GatePage";
import { HealthPage } from "./pages/HealthPage";
import { LetterPage } from "./pages/LetterPage";
import { LettersPage } from "./pages/LettersPage";
import { MappingPage } from "./pages/MappingPage";
import { OverduePage } from "./pages/OverduePage";
import { ProposalsPage } from "./pages/ProposalsPage";
import { QuestionsPage } from "./pages/QuestionsPage";
import { ReviewPage } from "./pages/ReviewPage";
import { RightsPage } from "./pages/RightsPage";
import { TablePage } from "./pages/TablePage";
import { UnknownPage } from "./pages/UnknownPage";
import { VerdictsPage } from "./pages/VerdictsPage";
import { WorkTabs } from "./pages/WorkTabs";
import { useMe } from "./queries/me";

// what draws is loaded by those who look at a drawing
const FlowPage = lazy(() => import("./pages/FlowPage"));

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // what the server refuses it refuses again; what did not reach it may
      retry: (failures, error) => !(error instanceof Refused) && failures < 2,
      refetchOnWindowFocus: true,
    },
  },
});

/** The console. */
export function App() {
  return (
    <QueryClientProvider client={client}>
      <Fault>
        <Suspense fallback={<p role="status" className="note">Loading …</p>}>
          <Console />
        </Suspense>
      </Fault>
    </QueryClientProvider>
  );
}

function Console() {
  const me = useMe();
  const route = useRoute();
  useEffect(() => {
    document.title = titleOf(route);
  });
  return (
    <>
      <header className="top">
        <nav aria-label="Console">
          <Link to={{ page: "letters", filters: UNFILTERED }} aria-current={isWork(route) ? "page" : undefined}>
            Work list
          </Link>
          <Link to={{ page: "follow", wanted: "" }} aria-current={route.page === "follow" ? "page" : undefined}>
            Follow a document
          </Link>
          <Link to={{ page: "health" }} aria-current={route.page === "health" ? "page" : undefined}>
            Health
          </Link>
          <Link to={{ page: "close", run: null }} aria-current={route.page === "close" ? "page" : undefined}>
            Books
          </Link>
          <Link to={{ page: "files" }} aria-current={["files", "mapping", "flow", "gate", "table", "review"].includes(route.page) ? "page" : undefined}>
            Flows, mappings, gates
          </Link>
          <Link to={{ page: "bundles" }} aria-current={route.page === "bundles" || route.page === "bundle" ? "page" : undefined}>
            Promotion
          </Link>
          <Link to={{ page: "audit", ...ALL_OF_AUDIT }} aria-current={route.page === "audit" ? "page" : undefined}>
            Audit
          </Link>
        </nav>
        <Link to={{ page: "rights" }} aria-current={route.page === "rights" ? "page" : undefined}>
          {me.name}
        </Link>
      </header>
      {isWork(route) && route.page !== "letter" && <WorkTabs shown={route.page} />}
      {route.page === "letters" && <LettersPage filters={route.filters} />}
      {route.page === "letter" && <LetterPage key={route.id} id={route.id} />}
      {route.page === "questions" && <QuestionsPage offset={route.offset} />}
      {route.page === "proposals" && <ProposalsPage offset={route.offset} />}
      {route.page === "unknown" && <UnknownPage offset={route.offset} />}
      {route.page === "overdue" && <OverduePage offset={route.offset} />}
      {route.page === "health" && <HealthPage />}
      {route.page === "close" && (route.run ? <ClosePage run={route.run} /> : <VerdictsPage />)}
      {route.page === "rights" && <RightsPage />}
      {route.page === "files" && <FilesPage />}
      {route.page === "mapping" && <MappingPage key={route.name} name={route.name} />}
      {route.page === "flow" && <FlowPage key={route.name} name={route.name} />}
      {route.page === "gate" && <GatePage key={route.name} name={route.name} />}
      {route.page === "table" && <TablePage key={route.name} name={route.name} />}
      {route.page === "review" && <ReviewPage key={route.number} number={route.number} />}
      {route.page === "bundles" && <BundlesPage />}
      {route.page === "bundle" && <BundlePage key={route.number} number={route.number} />}
      {route.page === "audit" && <AuditPage key={addressOf(route)} asked={route} />}
      {route.page === "follow" && <FollowPage key={route.wanted} wanted={route.wanted} />}
    </>
  );
}

/** Shows what is wrong in place of a blank page. */
class Fault extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div role="alert" className="note bad">
        <p>{this.state.error.message}</p>
        <button onClick={() => window.location.reload()}>Load again</button>
      </div>
    );
  }
}
