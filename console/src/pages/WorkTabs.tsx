import { Link } from "../components/Link";
import { count } from "../model/format";
import { type Route, UNFILTERED, type Waiting } from "../model/route";
import { useWaiting } from "../queries/waiting";

const WORDS: Record<"letters" | Waiting, string> = {
  letters: "Dead letters",
  questions: "Conflicts",
  proposals: "Who is who",
  unknown: "Unknown outcomes",
  overdue: "Waiting too long",
};

/** The kinds of work there are, and how much of each. */
export function WorkTabs({ shown }: { shown: Route["page"] }) {
  const { data } = useWaiting();
  return (
    <nav className="tabs" aria-label="Work list">
      {(Object.keys(WORDS) as (keyof typeof WORDS)[]).map((each) => (
        <Link
          key={each}
          to={each === "letters" ? { page: "letters", filters: UNFILTERED } : { page: each, offset: 0 }}
          aria-current={shown === each ? "page" : undefined}
        >
          {WORDS[each]} {data && <b>{count(data[each])}</b>}
        </Link>
      ))}
    </nav>
  );
}
