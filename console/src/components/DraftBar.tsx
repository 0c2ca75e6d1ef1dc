import { useState } from "react";

import type { DraftedView, Trial } from "../api/client";
import { count, instant } from "../model/format";
import { difference, places } from "../model/mapping";
import { type Kind, useGiveUp, usePublish, useTakeIn, useTry } from "../queries/design";
import { Why } from "./Noted";

/** A draft, and what is done with it: look at the change, try it, publish it, give it up. */
export function DraftBar({ kind, file, begin }: { kind: Kind; file: DraftedView; begin: string }) {
  const { draft, name } = file;
  const [days, setDays] = useState(7);
  const [note, setNote] = useState("");
  const attempt = useTry(kind, name);
  const publish = usePublish(kind, name);
  const takeIn = useTakeIn(kind, name);
  const giveUp = useGiveUp(kind, name);
  if (draft === null) return <p className="note">This is live. {begin}: the change is a draft of yours until you publish it.</p>;
  return (
    <section className="card draft" aria-label="Draft">
      <h2>
        Your draft <span className="quiet">changed {instant(draft.changed_at)}</span>
      </h2>
      {draft.is_behind && (
        <p className="note bad" role="alert">
          The file was changed since you began.{" "}
          <button disabled={takeIn.isPending} onClick={() => takeIn.mutate(draft.version)}>
            Take the newer file in
          </button>
        </p>
      )}
      <Why error={takeIn.error} />
      {draft.diff.length > 0 ? (
        <details open>
          <summary>What it changes</summary>
          <pre className="diff" tabIndex={0} role="region" aria-label="Changed lines">
            {draft.diff.map((line, at) => (
              <span key={`${at} ${line}`} className={line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "quiet"}>
                {line}
                {"\n"}
              </span>
            ))}
          </pre>
        </details>
      ) : (
        <p className="quiet">It changes nothing yet.</p>
      )}
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          attempt.mutate(days);
        }}
      >
        <label>
          Try it on the last{" "}
          <input type="number" min={1} max={400} value={days} onChange={(event) => setDays(Number(event.target.value))} /> days
        </label>
        <button disabled={attempt.isPending}>{attempt.isPending ? "Trying …" : "Try"}</button>
      </form>
      <Why error={attempt.error} />
      {attempt.data && <Tried trial={attempt.data} />}
      <form
        className="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          publish.mutate({ seen: draft.version, note }, { onSuccess: () => setNote("") });
        }}
      >
        <input required className="grows" aria-label="Why" placeholder="Why: the commit's message" maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} />
        <button className="main" disabled={!note.trim() || draft.diff.length === 0 || publish.isPending}>
          {file.publishes === "straight" ? "Publish: it is live then" : "Publish on a branch"}
        </button>
        <button type="button" disabled={giveUp.isPending} onClick={() => giveUp.mutate(draft.version)}>
          Give the draft up
        </button>
      </form>
      <Why error={publish.error ?? giveUp.error} />
    </section>
  );
}

/** The difference a draft would have made. */
function Tried({ trial }: { trial: Trial }) {
  return (
    <div role="status" className="tried">
      {trial.differences.map((each) => (
        <section key={each.leg}>
          <h3>
            {each.leg} → {each.entity}
          </h3>
          <p>
            {count(each.records)} records of the last {trial.days} days: {count(each.before)} documents before, {count(each.after)} after;{" "}
            {count(each.changed)} others, {count(each.added)} more, {count(each.gone)} no more; {count(each.newly_refused)} refused that were not.
          </p>
          {each.accounts.length + each.totals.length > 0 && (
            <table>
              <caption>Over the documents that differ</caption>
              <thead>
                <tr>
                  <th scope="col">Role, account</th>
                  <th scope="col">Sum of</th>
                  <th scope="col" className="number">Before</th>
                  <th scope="col" className="number">After</th>
                  <th scope="col" className="number">Difference</th>
                </tr>
              </thead>
              <tbody>
                {[...each.accounts, ...each.totals].map((sum) => (
                  <tr key={`${sum.account} ${sum.field} ${sum.currency}`}>
                    <th scope="row">{sum.account ? `${sum.role || "no role"} ${sum.account}` : "all"}</th>
                    <td>
                      {sum.field} <small>{sum.currency}</small>
                    </td>
                    <td className="number">{places(sum.before)}</td>
                    <td className="number">{places(sum.after)}</td>
                    <td className="number">{difference(sum.before, sum.after)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {each.refusals.map((refused) => (
            <p key={`${refused.source_key} ${refused.field}`} className="bad">
              {refused.source_key} {refused.field}: <code>{refused.code}</code> {refused.message} {refused.remedy}
            </p>
          ))}
          {each.documents.length > 0 && (
            <details>
              <summary>Documents</summary>
              <ul>
                {each.documents.map((document) => (
                  <li key={document.name}>
                    {document.name}: {document.fields.join("; ")}
                  </li>
                ))}
              </ul>
            </details>
          )}
          {Object.entries(each.assumed).map(([entity, keys]) => (
            <p key={entity} className="quiet">
              {count(keys)} of {entity} are taken to be there: no answer of the system is kept.
            </p>
          ))}
        </section>
      ))}
      {Object.entries(trial.not_shown).map(([leg, why]) => (
        <p key={leg} className="quiet">
          {leg} is not shown: {why}.
        </p>
      ))}
      {trial.differences.length === 0 && Object.keys(trial.not_shown).length === 0 && <p>No leg makes anything of it otherwise.</p>}
    </div>
  );
}
