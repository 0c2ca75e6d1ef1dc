/** What the console shows, as its address says it: every view has an address of its own. */
export type Route =
  | { page: "letters"; filters: Filters }
  | { page: "letter"; id: string }
  | { page: Waiting; offset: number }
  | { page: "follow"; wanted: string }
  | { page: "health" }
  | { page: "rights" }
  | { page: "files" }
  | { page: "mapping"; name: string }
  | { page: "flow"; name: string }
  | { page: "gate"; name: string }
  | { page: "table"; name: string }
  | { page: "review"; number: number }
  | { page: "bundles" }
  | { page: "bundle"; number: number }
  | { page: "close"; run: Run | null }
  | ({ page: "audit" } & Asked);

/** What is asked of the audit: a person, a record, days as `2026-03-01`, each blank for all; also what runs did. */
export type Asked = { by: string; record: string; from: string; to: string; all: boolean };

export const ALL_OF_AUDIT: Asked = { by: "", record: "", from: "", to: "", all: false };

/** A run that compared the books. */
export type Run = { company: string; flow: string; run_id: string };

/** What waits beside dead letters, each kind a list of its own. */
export const WAITING = ["questions", "proposals", "unknown", "overdue"] as const;
export type Waiting = (typeof WAITING)[number];

/** Whether a route is of the work list. */
export function isWork(route: Route): boolean {
  return route.page === "letters" || route.page === "letter" || WAITING.some((each) => each === route.page);
}

export const STATES = ["open", "replaying", "closed", "discarded"] as const;
export const ORDERS = ["oldest", "newest", "amount"] as const;
const NAMES = ["company", "flow", "leg", "code", "field", "assignee", "unassigned", "tag"] as const;

export type Filters = {
  state: (typeof STATES)[number];
  order: (typeof ORDERS)[number];
  offset: number;
} & Partial<Record<(typeof NAMES)[number], string>>;

export const UNFILTERED: Filters = { state: "open", order: "oldest", offset: 0 };

/** The route of an address below the console's own, `letters?leg=order`; what no page has shows the work list. */
export function routeOf(address: string): Route {
  const [path = "", query = ""] = address.split("?", 2);
  const given = new URLSearchParams(query);
  const [first, second] = path.split("/").filter(Boolean);
  if (first === "letters" && second) return { page: "letter", id: second };
  const waiting = WAITING.find((each) => each === first);
  if (waiting) return { page: waiting, offset: offsetOf(given) };
  if (first === "follow") return { page: "follow", wanted: given.get("q") ?? "" };
  if (first === "health") return { page: "health" };
  if (first === "rights") return { page: "rights" };
  if (first === "mappings") return second ? { page: "mapping", name: second } : { page: "files" };
  if (first === "flows") return second ? { page: "flow", name: second } : { page: "files" };
  if (first === "tables") return second ? { page: "table", name: second } : { page: "files" };
  if (first === "gates") return second ? { page: "gate", name: second } : { page: "files" };
  if (first === "reviews" && Number.isSafeInteger(Number(second)) && Number(second) > 0) return { page: "review", number: Number(second) };
  if (first === "bundles") {
    const number = Number(second);
    return Number.isSafeInteger(number) && number > 0 ? { page: "bundle", number } : { page: "bundles" };
  }
  if (first === "close") {
    const [company, flow, run_id] = [given.get("company"), given.get("flow"), given.get("run")];
    return { page: "close", run: company && flow && run_id ? { company, flow, run_id } : null };
  }
  if (first === "audit") {
    const day = (name: string) => (/^\d{4}-\d\d-\d\d$/.test(given.get(name) ?? "") ? (given.get(name) ?? "") : "");
    const [by, record] = [given.get("by") ?? "", given.get("record") ?? ""];
    return { page: "audit", by, record, from: day("from"), to: day("to"), all: given.get("all") === "true" };
  }
  return { page: "letters", filters: filtersOf(given) };
}

/** The address of a route, below the console's own. */
export function addressOf(route: Route): string {
  switch (route.page) {
    case "letter":
      return `letters/${encodeURIComponent(route.id)}`;
    case "follow":
      return route.wanted ? `follow?${new URLSearchParams({ q: route.wanted })}` : "follow";
    case "health":
    case "rights":
      return route.page;
    case "files":
      return "mappings";
    case "mapping":
      return `mappings/${encodeURIComponent(route.name)}`;
    case "flow":
      return `flows/${encodeURIComponent(route.name)}`;
    case "table":
      return `tables/${encodeURIComponent(route.name)}`;
    case "gate":
      return `gates/${encodeURIComponent(route.name)}`;
    case "review":
      return `reviews/${route.number}`;
    case "bundles":
      return "bundles";
    case "bundle":
      return `bundles/${route.number}`;
    case "close":
      return route.run
        ? `close?${new URLSearchParams({ company: route.run.company, flow: route.run.flow, run: route.run.run_id })}`
        : "close";
    case "audit": {
      const query = new URLSearchParams({
        ...(route.by && { by: route.by }),
        ...(route.record && { record: route.record }),
        ...(route.from && { from: route.from }),
        ...(route.to && { to: route.to }),
        ...(route.all && { all: "true" }),
      });
      return query.size ? `audit?${query}` : "audit";
    }
    case "questions":
    case "proposals":
    case "unknown":
    case "overdue":
      return route.offset ? `${route.page}?offset=${route.offset}` : route.page;
    case "letters": {
      const told = Object.entries(route.filters).filter(
        ([name, value]) => value !== undefined && value !== UNFILTERED[name as keyof Filters],
      );
      const query = new URLSearchParams(told.map(([name, value]) => [name, String(value)]));
      return query.size ? `letters?${query}` : "letters";
    }
  }
}

const TITLES: Record<Route["page"], string> = {
  letters: "Work list",
  letter: "Letter",
  questions: "Conflicts",
  proposals: "Who is who",
  unknown: "Unknown outcomes",
  overdue: "Waiting too long",
  follow: "Follow a document",
  health: "Health",
  rights: "Who may what",
  files: "Flows, mappings and gates",
  mapping: "Mapping",
  flow: "Flow",
  gate: "Gate",
  table: "Lookup table",
  review: "Draft",
  bundles: "Promotion",
  bundle: "Bundle",
  close: "Books",
  audit: "Audit",
};

/** What the browser calls a view, in its tabs and its history. */
export function titleOf(route: Route): string {
  const named = nameIn(route);
  const of = named ? `${named}: ` : "";
  return `${of}${TITLES[route.page]} · Ledgerbridge`;
}

function nameIn(route: Route): string {
  switch (route.page) {
    case "follow":
      return route.wanted;
    case "mapping":
    case "flow":
    case "gate":
    case "table":
      return route.name.replaceAll("_", " ");
    case "bundle":
    case "review":
      return `${route.number}`;
    default:
      return "";
  }
}

function filtersOf(given: URLSearchParams): Filters {
  const filters: Filters = {
    state: STATES.find((each) => each === given.get("state")) ?? UNFILTERED.state,
    order: ORDERS.find((each) => each === given.get("order")) ?? UNFILTERED.order,
    offset: offsetOf(given),
  };
  for (const name of NAMES) {
    const value = given.get(name);
    if (value !== null) filters[name] = value;
  }
  return filters;
}

function offsetOf(given: URLSearchParams): number {
  return Math.max(0, Number.parseInt(given.get("offset") ?? "0", 10) || 0);
}
