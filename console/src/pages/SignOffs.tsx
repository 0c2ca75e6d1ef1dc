import { useState } from "react";

import type { SignOff } from "../api/client";
import { Link } from "../components/Link";
import { instant, money } from "../model/format";
import { useReopening, useSignOffs } from "../queries/health";
import { useMe } from "../queries/me";

const WORDS: Record<SignOff["state"], string> = {
  proposed: "to be signed",
  signed: "signed",
  reopened: "opened again",
  superseded: "signed anew later",
};

/** The periods that people signed, of a company or of all; what changed in one since. */
export function SignOffs({ company }: { company?: string }) {
  const { data = [] } = useSignOffs();
  const { zones } = useMe();
  const shown = data.filter((each) => company === undefined || each.company === company);
  if (shown.length === 0) return null;
  return (
    <section>
      <h2>Signed periods</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">Period</th>
            <th scope="col">State</th>
            <th scope="col">By</th>
            <th scope="col">Changed since</th>
            <th scope="col">Report</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((each) => (
            <tr key={`${each.company} ${each.id}`} className={each.changes.length > 0 ? "differs" : undefined}>
              <th scope="row">
                {each.period_from} to {each.period_to}
                <small>{each.company}</small>
              </th>
              <td>
                <span className={`state ${each.state === "signed" && each.changes.length === 0 ? "good" : each.changes.length > 0 ? "bad" : ""}`}>
                  {WORDS[each.state]}
                </span>
                {each.may_reopen && <Reopen each={each} />}
              </td>
              <td>
                {each.signatures.map(({ name, at, note }) => (
                  <div key={at}>
                    {name} <small>{instant(at, zones[each.company])}</small>
                    {note && <small>{note}</small>}
                  </div>
                ))}
                {each.signatures.length === 0 && "nobody"}
              </td>
              <td>
                {each.changes.map((change) => (
                  <div key={change.record}>
                    {change.type}
                    {change.value !== null && ` ${money({ amount: change.value, currency: "" }).trim()}`}: {change.ledger} {change.kind}{" "}
                    <Link to={{ page: "follow", wanted: change.record }}>{change.number}</Link> of {change.booked_on}
                    {change.told && <small>{change.told}</small>}
                  </div>
                ))}
                {each.changes.length === 0 && "–"}
              </td>
              <td>
                {each.files.map((name) => (
                  <a key={name} href={`api/sign-offs/${each.company}/${each.id}/files/${name}`} download>
                    {name}{" "}
                  </a>
                ))}
                <small title={each.report_hash}>{each.report_hash.slice(0, 12)}…</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Opens a period again, and asks why. */
function Reopen({ each }: { each: SignOff }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const reopening = useReopening(each);
  if (!asking) return <button onClick={() => setAsking(true)}>Open again …</button>;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        reopening.mutate(reason, { onSuccess: () => setAsking(false) });
      }}
    >
      <label>
        Reason <input required autoFocus maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      </label>
      <button disabled={reopening.isPending || !reason.trim()}>Open again</button>
      {reopening.error && (
        <p role="alert" className="note bad">
          {reopening.error.message}
        </p>
      )}
    </form>
  );
}
