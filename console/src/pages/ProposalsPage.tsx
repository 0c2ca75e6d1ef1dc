import type { Proposal } from "../api/client";
import { go } from "../components/Link";
import { Noted } from "../components/Noted";
import { Pager } from "../components/Pager";
import { Shown } from "../components/Shown";
import { namesOf } from "../model/way";
import { ROWS, useProposals, useSay } from "../queries/waiting";

/** Records that may be one: both side by side, in what they agree, and what a person says. */
export function ProposalsPage({ offset }: { offset: number }) {
  const query = useProposals(offset);
  return (
    <main aria-busy={query.isPlaceholderData}>
      <Shown query={query} what="pairs">
        {({ proposals, total }) =>
          total === 0 ? (
            <p className="note">No pair waits: every record is linked, new, or told apart.</p>
          ) : (
            <>
              {proposals.map((each) => (
                <Pair key={each.id} proposal={each} />
              ))}
              <Pager offset={offset} rows={ROWS} total={total} show={(offset) => go({ page: "proposals", offset })} />
            </>
          )
        }
      </Shown>
    </main>
  );
}

function Pair({ proposal }: { proposal: Proposal }) {
  const { id, company, kind, sides, numbers, score, agreements, fields, may_mend } = proposal;
  const say = useSay(company, kind);
  const words = (answer: "accept" | "refuse") => () => say.mutate({ [id]: answer });
  return (
    <section className="card pair" aria-label={`${kind} ${numbers.join(" and ")}`}>
      <header className="heading">
        <h2>
          {kind} {numbers.filter((each) => each !== null).join(" = ")}?
        </h2>
        <small>
          {Math.round(score * 100)} % likely · {agreements.map((each) => `${each.name} ${each.level}`).join(" · ")}
        </small>
      </header>
      {fields.length > 0 && (
        <table className="kept">
          <thead>
            <tr>
              <th scope="col">Field</th>
              {sides.map((each) => (
                <th key={each} scope="col">
                  {namesOf(each).join(" ")}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {fields.map(({ name, values }) => (
              <tr key={name}>
                <th scope="row">{name.replaceAll("_", " ")}</th>
                {sides.map((each) => (
                  <td key={each}>{values[each] ?? "–"}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {may_mend ? (
        <div className="buttons">
          <button className="main" disabled={say.isPending} onClick={words("accept")}>
            They are one
          </button>
          <button disabled={say.isPending} onClick={words("refuse")}>
            They are two
          </button>
        </div>
      ) : (
        <p className="note">Values are shown to those who may edit the DAG; they answer.</p>
      )}
      <Noted kind="proposal" id={id} work={proposal.work} mayMend={may_mend} />
      {say.error && (
        <p role="alert" className="note bad">
          {say.error.message}
        </p>
      )}
    </section>
  );
}
