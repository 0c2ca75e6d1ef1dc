import type { Trial } from "../api/client";
import { count } from "../model/format";
import { difference, places } from "../model/mapping";
import { Effects } from "./Effects";

/** The difference that changed files would have made over the last days. */
export function Tried({ trial }: { trial: Trial }) {
  return (
    <div role="status" className="tried">
      <Effects effects={trial.effects} />
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
