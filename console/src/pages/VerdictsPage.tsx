import type { Verdict } from "../api/client";
import { Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { age, count, instant } from "../model/format";
import { useVerdicts } from "../queries/health";
import { useMe } from "../queries/me";
import { SignOffs } from "./SignOffs";

/** The days that were compared, in words. */
export function periodOf({ period_from, period_to }: Pick<Verdict, "period_from" | "period_to">): string {
  if (period_from === null && period_to === null) return "everything";
  return `${period_from ?? "the beginning"} to ${period_to ?? "now"}`;
}

/** Whether the books agree, period by period. */
export function VerdictsPage() {
  const query = useVerdicts();
  return (
    <main>
      <h1>Do the books agree?</h1>
      <Shown query={query} what="verdicts">
        {(verdicts) => <Verdicts verdicts={verdicts} />}
      </Shown>
      <SignOffs />
    </main>
  );
}

/** The last verdict of each period. */
export function Verdicts({ verdicts }: { verdicts: Verdict[] }) {
  const { zones } = useMe();
  if (verdicts.length === 0) return <p className="note">The books have not been compared yet.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Period</th>
          <th scope="col">Verdict</th>
          <th scope="col" className="number">
            Without a reason
          </th>
          <th scope="col" className="number">
            With one
          </th>
          <th scope="col">They differ since</th>
          <th scope="col">Compared</th>
        </tr>
      </thead>
      <tbody>
        {verdicts.map((each) => {
          const { company, flow, run_id } = each;
          return (
            <tr key={`${company} ${flow} ${run_id}`}>
              <th scope="row">
                <Link to={{ page: "close", run: { company, flow, run_id } }}>{periodOf(each)}</Link>
                <small>
                  {flow.replaceAll("_", " ")} · {company}
                </small>
              </th>
              <td>
                <span className={`state ${each.agree ? "good" : "bad"}`}>{each.agree ? "agree" : "differ"}</span>
              </td>
              <td className="number">{count(each.open)}</td>
              <td className="number">{count(each.explained)}</td>
              <td>{each.open_since ? age(each.open_since, Date.now()) : "–"}</td>
              <td>{instant(each.ended_at, zones[company])}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
