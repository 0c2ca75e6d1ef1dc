import type { Close } from "../api/client";
import { go, Link } from "../components/Link";
import { Shown } from "../components/Shown";
import { count, instant, money } from "../model/format";
import type { Run } from "../model/route";
import { systemOf } from "../model/way";
import { useClose, useVerdicts } from "../queries/health";
import { useMe } from "../queries/me";
import { SignOffs } from "./SignOffs";
import { periodOf } from "./VerdictsPage";

/** A comparison of the books, whole, as it is printed for a close. */
export function ClosePage({ run }: { run: Run }) {
  const { zones } = useMe();
  const query = useClose(run);
  return (
    <main>
      <Shown query={query} what="the comparison">
        {(close) => (
          <article>
            <header className="heading">
              <h1>
                {close.company}: {periodOf(close)}
              </h1>
              <p className={`verdict ${close.agree ? "good" : "bad"}`}>
                {close.agree ? "The books agree" : "The books differ"}: {count(close.open)} {close.open === 1 ? "difference" : "differences"} without a reason,{" "}
                {count(close.explained)} with one.
              </p>
              <small>
                Compared {instant(close.ended_at, zones[close.company])} by run {close.run_id} of {close.flow}; amounts in{" "}
                {close.currency}.
              </small>
            </header>
            <div className="buttons">
              <Periods run={run} />
              <button onClick={() => window.print()}>Print …</button>
              {close.values && (
                <a href={`api/close/workbook?${new URLSearchParams(run)}`} download>
                  Take it as a workbook (XLSX)
                </a>
              )}
            </div>
            {close.values ? <Balances close={close} /> : <p className="note">Amounts and reasons are shown to those who may edit the DAG.</p>}
            <SignOffs company={close.company} />
            <Differences close={close} />
          </article>
        )}
      </Shown>
    </main>
  );
}

/** Another period of the same books, as it was compared last. */
function Periods({ run }: { run: Run }) {
  const { data: verdicts = [] } = useVerdicts();
  const same = verdicts.filter((each) => each.company === run.company && each.flow === run.flow);
  if (same.length < 2) return null;
  const isLast = same.some((each) => each.run_id === run.run_id);
  return (
    <label>
      Period{" "}
      <select value={run.run_id} onChange={(event) => go({ page: "close", run: { ...run, run_id: event.target.value } })}>
        {!isLast && <option value={run.run_id}>as it was compared before</option>}
        {same.map((each) => (
          <option key={each.run_id} value={each.run_id}>
            {periodOf(each)}: {each.agree ? "agree" : "differ"}
          </option>
        ))}
      </select>
    </label>
  );
}

const plain = (amount: string | undefined) => (amount === undefined ? "–" : money({ amount, currency: "" }).trim());

function Balances({ close: { roles, ledgers, figures } }: { close: Close }) {
  return (
    <>
      <section>
        <h2>Balances by role</h2>
        <table>
          <thead>
            <tr>
              <th scope="col">Role</th>
              {ledgers.map((each) => (
                <th key={each} scope="col" className="number">
                  {systemOf(each)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {roles.map(({ role, balances }) => (
              <tr key={role}>
                <th scope="row">{role.replaceAll("_", " ")}</th>
                {ledgers.map((each) => (
                  <td key={each} className="number">
                    {plain(balances[each])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {Object.keys(figures).length > 0 && (
        <section>
          <h2>Figures of the period's end</h2>
          <table>
            <tbody>
              {Object.entries(figures).map(([name, amount]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td className="number">{plain(amount)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

function Differences({ close: { differences } }: { close: Close }) {
  return (
    <section>
      <h2>Differences</h2>
      {differences.length === 0 ? (
        <p className="note">There is none.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" className="number">
                Amount
              </th>
              <th scope="col">Documents</th>
              <th scope="col">What to do, or why it is so</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((each, at) => (
              <tr key={at} className={each.explained ? undefined : "differs"}>
                <th scope="row">
                  {each.type}
                  <small>{each.role.replaceAll("_", " ")}</small>
                </th>
                <td className="number">{each.value === null ? "–" : plain(each.value)}</td>
                <td>
                  {each.documents.map((one) => (
                    <div key={`${one.system} ${one.kind} ${one.record}`}>
                      {systemOf(one.system)} {one.kind.replaceAll("_", " ")}{" "}
                      <Link to={{ page: "follow", wanted: one.record || one.number }}>{one.number}</Link>
                    </div>
                  ))}
                </td>
                <td>{each.told ?? (each.explained ? "It has a reason." : "–")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
